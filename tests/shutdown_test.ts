import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { bytes, type CallError, millrace, procedure } from "../mod.ts";
import { AppServer, NOTHING_LEFT } from "./suites/app_server.ts";
import { all, failure, told } from "./suites/check.ts";
import { Mailbox } from "./suites/mailbox.ts";
import { call, hello } from "./suites/wire.ts";

const WELCOME = 1;
const GOODBYE = 5;
const RESULT = 17;
const ERROR = 18;

describe("shutdown()", () => {
  /** What handlers have to say: that they run, and what aborted them. */
  const events = new Mailbox<string>();
  let gate = Promise.withResolvers<void>();
  let server: AppServer<ReturnType<typeof make>>;

  function make() {
    return millrace({
      path: "/rpc",
      procedures: {
        add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
        slow: procedure({ input: z.number().optional() }, async (size, { signal }) => {
          signal.addEventListener(
            "abort",
            () => events.push(`aborted: ${(signal.reason as CallError).code}`),
          );
          events.push("started");
          await gate.promise;
          return size === undefined ? "finished" : "x".repeat(size);
        }),
        items: procedure.stream({}, async function* () {
          try {
            yield 1;
            events.push("started");
            await gate.promise;
            yield 2;
          } finally {
            events.push("returned");
          }
        }),
        download: procedure({ output: z.unknown() }, () => {
          let left = 50;
          return new ReadableStream<Uint8Array>({
            async pull(controller) {
              if (left === 50) events.push("started");
              if (left === 25) await gate.promise;
              if (left-- === 0) controller.close();
              else controller.enqueue(new Uint8Array(20_000));
            },
          }, { highWaterMark: 0 });
        }),
        upload: procedure.upload({ items: bytes() }, async (pieces) => {
          let size = 0;
          for await (const piece of pieces) {
            if (size === 0) events.push("started");
            size += piece.byteLength;
          }
          return size;
        }),
      },
    });
  }

  beforeEach(async () => {
    gate = Promise.withResolvers();
    server = await AppServer.start(make(), { path: "/rpc" });
  });

  afterEach(async () => {
    gate.resolve();
    await server.stop();
    assertEquals(server.app.stats(), NOTHING_LEFT);
    while (events.size > 0) await events.next();
  });

  it("without connections resolves at once, with nothing cut, and a second time with the same", async () => {
    const first = server.app.shutdown();
    assertEquals(await first, { connections: 0, calls: 0 });
    assertEquals(await server.app.shutdown({ restart: true }), { connections: 0, calls: 0 });
  });

  it("refuses times that are none, and takes odd ones", async () => {
    for (const wrong of [{ deadline: -1 }, { deadline: NaN }, { retryAfter: -1 }]) {
      assertThrows(() => server.app.shutdown(wrong), RangeError, "Cannot shut down");
    }
    const wire = await server.wire();
    wire.send(hello());
    await wire.nextOf(WELCOME);
    const done = server.app.shutdown({ deadline: Infinity, retryAfter: 0.5 });
    assertEquals(await wire.nextOf(GOODBYE), [GOODBYE, 1001, 1, { deadline: Number.MAX_SAFE_INTEGER }]);
    await wire.end();
    assertEquals(await done, { connections: 1, calls: 0 });
  });

  it("refuses new connections and calls by POST with 503 and retry-after, while it waits and after", async () => {
    const client = server.client();
    const slow = client.call.slow();
    assertEquals(await events.next(), "started");
    const done = server.app.shutdown();
    for (const moment of ["while", "after"]) {
      const wire = await server.wire();
      assertEquals([wire.status, wire.socket.headers.get("retry-after")], [503, "1"], moment);
      const post = await server.post("add", '{"a":1,"b":2}');
      assertEquals(post.status, 503, moment);
      await post.body?.cancel();
      gate.resolve();
      await done;
    }
    assertEquals(await slow, "finished");
  });

  for (const [restart, code, reason] of [[true, 1012, "restart"], [false, 1001, "leaving"]] as const) {
    it(`says GOODBYE with its advice, and closes with ${code}`, async () => {
      const wire = await server.wire();
      wire.send(hello());
      await wire.nextOf(WELCOME);
      wire.send(call(1, "slow"));
      assertEquals(await events.next(), "started");
      const done = server.app.shutdown({ restart, deadline: 5_000, retryAfter: 300 });
      assertEquals(await wire.nextOf(GOODBYE), [GOODBYE, code, 300, { deadline: 5_000 }]);
      gate.resolve();
      assertEquals((await wire.nextOf(RESULT))[3], "finished");
      assertEquals(await wire.end(), { code, reason });
      assertEquals(await done, { connections: 1, calls: 0 });
    });
  }

  it("closes at once who has nothing in flight, and who has not said HELLO", async () => {
    const idle = await server.wire();
    idle.send(hello());
    await idle.nextOf(WELCOME);
    const silent = await server.wire();
    const busy = server.client();
    const slow = busy.call.slow();
    assertEquals(await events.next(), "started");
    const done = server.app.shutdown();
    assertEquals((await idle.nextOf(GOODBYE)).slice(0, 3), [GOODBYE, 1001, null]);
    assertEquals([(await idle.end()).code, (await silent.end()).code, silent.frames.length], [1001, 1001, 0]);
    gate.resolve();
    assertEquals([await slow, await done], ["finished", { connections: 3, calls: 0 }]);
  });

  it("answers new calls UNAVAILABLE: they did not run and may be sent again", async () => {
    const wire = await server.wire();
    wire.send(hello(), call(1, "slow"));
    assertEquals(await events.next(), "started");
    const done = server.app.shutdown();
    await wire.nextOf(GOODBYE);
    wire.send(call(2, "slow"), call(3, "missing"));
    const retryable = 1;
    const [second, third] = [await wire.nextOf(ERROR), await wire.nextOf(ERROR)];
    assertEquals(second.slice(2, 5), [2, "UNAVAILABLE", retryable]);
    assertEquals(third.slice(2, 5), [3, "UNAVAILABLE", retryable]);
    gate.resolve();
    assertEquals((await wire.nextOf(RESULT))[2], 1);
    await wire.end();
    assertEquals([await done, events.size], [{ connections: 1, calls: 0 }, 0]);
  });

  it("at the deadline answers the rest UNAVAILABLE and ambiguous, aborts the handlers, and counts them", async () => {
    const clients = [server.client(), server.client()];
    const calls = clients.flatMap(({ call }) => [failure(call.slow()), failure(call.slow())]);
    for (let i = 0; i < 4; i++) assertEquals(await events.next(), "started");
    const report = await server.app.shutdown({ deadline: 20, restart: true });
    assertEquals(report, { connections: 2, calls: 4 });
    for (const error of await Promise.all(calls)) {
      assertEquals(told(error), { code: "UNAVAILABLE", retryable: true, ambiguous: true });
      assertEquals(await events.next(), "aborted: UNAVAILABLE");
    }
  });

  it("with a deadline of 0 waits for nobody", async () => {
    const client = server.client();
    const slow = failure(client.call.slow());
    assertEquals(await events.next(), "started");
    assertEquals(await server.app.shutdown({ deadline: 0 }), { connections: 1, calls: 1 });
    assertEquals((await slow).code, "UNAVAILABLE");
  });

  it("lets a large answer leave whole", async () => {
    const client = server.client();
    const slow = client.call.slow(900_000);
    assertEquals(await events.next(), "started");
    const done = server.app.shutdown();
    gate.resolve();
    assertEquals((await slow).length, 900_000);
    assertEquals(await done, { connections: 1, calls: 0 });
  });

  it("lets streams end", async () => {
    const client = server.client();
    const stream = all(client.call.items());
    assertEquals(await events.next(), "started");
    const done = server.app.shutdown();
    gate.resolve();
    assertEquals(await stream, [1, 2]);
    assertEquals(await done, { connections: 1, calls: 0 });
  });

  it("at the deadline ends streams with the error, and their sources", async () => {
    const client = server.client();
    const got: number[] = [];
    const stream = failure((async () => {
      for await (const n of client.call.items()) got.push(n);
    })());
    assertEquals(await events.next(), "started");
    assertEquals(await server.app.shutdown({ deadline: 20 }), { connections: 1, calls: 1 });
    assertEquals([told(await stream), got], [{ code: "UNAVAILABLE", retryable: true, ambiguous: true }, [1]]);
    gate.resolve();
    assertEquals(await events.next(), "returned");
  });

  it("lets a stream of bytes end, though its call has", async () => {
    const client = server.client();
    const download = await client.call.download() as ReadableStream<Uint8Array>;
    const size = new Response(download).arrayBuffer();
    assertEquals(await events.next(), "started");
    const done = server.app.shutdown();
    gate.resolve();
    assertEquals((await size).byteLength, 1_000_000);
    assertEquals(await done, { connections: 1, calls: 0 });
  });

  it("lets an upload end, with what it still has to send", async () => {
    const client = server.client();
    const upload = client.call.upload((async function* () {
      yield new Uint8Array(100_000);
      await gate.promise;
      for (let i = 0; i < 20; i++) yield new Uint8Array(100_000);
    })());
    assertEquals(await events.next(), "started");
    const done = server.app.shutdown();
    gate.resolve();
    assertEquals(await upload, 2_100_000);
    assertEquals(await done, { connections: 1, calls: 0 });
  });

  it("lets a call by POST end, or cuts it at the deadline", async () => {
    const post = server.post("slow");
    assertEquals(await events.next(), "started");
    const done = server.app.shutdown();
    gate.resolve();
    assertEquals([await (await post).json(), await done], ["finished", { connections: 0, calls: 0 }]);

    gate = Promise.withResolvers();
    await server.stop();
    server = await AppServer.start(make(), { path: "/rpc" });
    const late = server.post("slow");
    assertEquals(await events.next(), "started");
    assertEquals(await server.app.shutdown({ deadline: 20 }), { connections: 0, calls: 1 });
    const answer = await late;
    const { code, retryable, ambiguous } = await answer.json() as Record<string, unknown>;
    assertEquals([answer.status, code, retryable, ambiguous], [503, "UNAVAILABLE", true, true]);
    assertEquals(await events.next(), "aborted: UNAVAILABLE");
  });

  it("does not wait for a call whose connection is lost meanwhile", async () => {
    const wire = await server.wire();
    wire.send(hello(), call(1, "slow"));
    assertEquals(await events.next(), "started");
    const done = server.app.shutdown({ deadline: 60_000 });
    await wire.cut();
    assertEquals(await done, { connections: 1, calls: 0 });
    assertEquals(await events.next(), "aborted: DISCONNECTED");
  });

  it("lets nobody in who was on his way", async () => {
    const coming = Array.from({ length: 30 }, () => server.wire());
    await coming[0];
    const done = server.app.shutdown({ restart: true });
    let refused = 0;
    for (const wire of await Promise.all(coming)) {
      if (wire.status === 101) assertEquals((await wire.end()).code, 1012);
      else refused++;
      assertEquals(wire.frames.length, 0);
    }
    const { connections } = await done;
    assert(refused + connections <= 30, `${refused} refused, ${connections} closed`);
  });
});

describe("a restart", () => {
  it("takes clients over to the new server, with the calls that wait, each once", async () => {
    const ran: string[] = [];
    let gate = Promise.withResolvers<void>();
    const started = new Mailbox<void>();
    const make = (name: string) =>
      millrace({
        procedures: {
          run: procedure({ input: z.string() }, async (what) => {
            ran.push(`${what} on ${name}`);
            started.push();
            await gate.promise;
            return name;
          }),
        },
      });
    let current = make("old");
    // The same listener, as a supervisor has it: Bun's socket handlers are the same for every app.
    const web = {
      fetch: (request: Request, info: unknown) => current.fetch(request, info),
      websocket: current.websocket,
    };
    const server = await AppServer.start(current, { web });
    try {
      const clients = Array.from({ length: 10 }, () => server.client({ backoff: { base: 20 } }));
      const first = clients.map(({ call }) => call.run("first"));
      for (const _ of clients) await started.next();
      const old = current;
      const done = old.shutdown({ restart: true, retryAfter: 50 });
      await server.until(() => clients.every(({ state }) => state.status === "reconnecting"), true);
      const second = clients.map(({ call }) => call.run("second"));
      current = make("new");
      gate.resolve();
      gate = Promise.withResolvers();
      assertEquals(await Promise.all(first), clients.map(() => "old"));
      assertEquals(await done, { connections: 10, calls: 0 });
      for (const _ of clients) await started.next();
      gate.resolve();
      assertEquals(await Promise.all(second), clients.map(() => "new"));
      assertEquals(ran.filter((what) => what === "first on old").length, 10);
      assertEquals(ran.filter((what) => what === "second on new").length, 10);
      assertEquals(ran.length, 20);
      assertGreater(current.stats().connections, 9);
    } finally {
      await server.stop();
      await current.shutdown({ deadline: 0 });
    }
  });
});
