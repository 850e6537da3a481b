// Calls with a key, and idempotent ones: sent again, they run once, or as often as they may.
import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CallError } from "../rpc/errors.ts";
import { namesStreams } from "../rpc/named_streams.ts";
import { anything, procedure } from "./suites/pair.ts";
import { ending, World, type WorldClient, type WorldOptions } from "./suites/session_world.ts";
import { deferred } from "./suites/sources.ts";

function open(options: Partial<WorldOptions> = {}) {
  const ran: unknown[] = [];
  let gate = deferred<unknown>();
  const world = new World({
    authenticate: ({ token }) => (token === undefined ? {} : { subject: token }) as never,
    procedures: {
      pay: procedure({ input: anything }, (input) => {
        ran.push(input);
        return { paid: input, number: ran.length };
      }),
      wait: procedure({ input: anything }, async (input) => {
        ran.push(input);
        return await gate.promise;
      }),
      get: procedure({ input: anything, idempotent: true }, async (input) => {
        ran.push(input);
        return await gate.promise;
      }),
      taken: procedure({ input: anything, errors: { TAKEN: anything } }, (input, { errors }) => {
        ran.push(input);
        throw errors.TAKEN({ by: input });
      }),
      broken: procedure({ input: anything }, (input) => {
        ran.push(input);
        throw new Error("secret");
      }),
      busy: procedure({ input: anything }, (input) => {
        ran.push(input);
        throw new CallError("UNAVAILABLE");
      }),
      stream: procedure.stream({}, async function* () {}),
      bytes: procedure({ input: anything }, () => new ReadableStream()),
    },
    ...options,
  });
  return {
    world,
    ran,
    open: (value: unknown) => {
      gate.resolve(value);
      gate = deferred();
    },
  };
}

/** The session is lost: the server forgets it, and the client learns of that. */
async function loseSession(world: World, app: WorldClient): Promise<void> {
  world.socket.cut();
  await world.settle();
  for (const session of [...world.node.parts.sessions.waiting]) session.end();
  await app.retry();
}

describe("a call with a key", () => {
  it("runs once, however often it is made: each gets the reply of the first", async () => {
    const { world, ran } = open();
    const app = world.client({ token: "ada" });
    const calls = [1, 2, 3].map(() => ending(app.call["pay"]!({ eur: 5 }, { key: "order 1" })));
    await world.settle();
    assertEquals(await Promise.all(calls), Array(3).fill({ paid: { eur: 5 }, number: 1 }));
    const other = ending(app.call["pay"]!({ eur: 5 }, { key: "order 2" }));
    await world.settle();
    assertEquals([await other, ran.length], [{ paid: { eur: 5 }, number: 2 }, 2]);
    await app.close();
  });

  it("waits for the first where that still runs", async () => {
    const { world, ran, open: done } = open();
    const app = world.client({ token: "ada" });
    const calls = [1, 2, 3].map(() => ending(app.call["wait"]!(1, { key: "k" })));
    await world.settle();
    assertEquals(ran, [1]);
    done("all of you");
    await world.settle();
    assertEquals(await Promise.all(calls), Array(3).fill("all of you"));
    assertEquals(ran, [1]);
    await app.close();
  });

  it("gets the errors of the first too, with their data", async () => {
    const { world, ran } = open({ onError: () => {} });
    const app = world.client({ token: "ada" });
    for (const [name, code] of [["taken", "TAKEN"], ["broken", "INTERNAL"]] as const) {
      ran.length = 0;
      const results = [1, 2].map(() => app.call[name]!("x", { key: name }).result());
      await world.settle();
      for (const result of await Promise.all(results)) {
        const { error } = result as { error: CallError };
        assertEquals([error.code, error.data], [code, code === "TAKEN" ? { by: "x" } : undefined]);
      }
      assertEquals(ran.length, 1);
    }
    await app.close();
  });

  it("runs again after an error that says so", async () => {
    const { world, ran } = open();
    const app = world.client({ token: "ada" });
    for (let i = 1; i <= 3; i++) {
      const busy = ending(app.call["busy"]!(1, { key: "k" }));
      await world.settle();
      assertEquals([await busy, ran.length], ["UNAVAILABLE", i]);
    }
    await app.close();
  });

  it("is refused with another input, or of another procedure", async () => {
    const { world, ran } = open();
    const app = world.client({ token: "ada" });
    const calls = [
      app.call["pay"]!({ eur: 5 }, { key: "k" }),
      app.call["pay"]!({ eur: 6 }, { key: "k" }),
      app.call["taken"]!({ eur: 5 }, { key: "k" }),
    ].map(ending);
    await world.settle();
    assertEquals((await Promise.all(calls)).slice(1), ["KEY_REUSED", "KEY_REUSED"]);
    assertEquals(ran.length, 1);
    await app.close();
  });

  it("is one's own: of who signed in over all clients, else of one client", async () => {
    const { world, ran } = open();
    const tokens = ["ada", "ada", "bob", undefined, undefined] as const;
    const numbers: unknown[] = [];
    for (const token of tokens) {
      const app = world.client(token === undefined ? {} : { token });
      for (let i = 0; i < 2; i++) {
        const paid = ending(app.call["pay"]!(1, { key: "k" }));
        await world.settle();
        numbers.push((await paid as { number: number }).number);
      }
      await app.close();
    }
    assertEquals(numbers, [1, 1, 1, 1, 2, 2, 3, 3, 4, 4]);
    assertEquals(ran.length, 4);
  });

  it("is not for bytes in its input: nothing runs, nothing is kept, and the caller's source is told to stop", async () => {
    const { world, ran } = open();
    const app = world.client({ token: "ada" });
    let stopped = 0;
    const source = () => new ReadableStream({ cancel: () => void stopped++ });
    const put = (input: unknown) => ending(app.call["pay"]!(input, { key: "k" }));
    const refused = [put(source()), put({ body: source() }), put([{ name: "x" }, source()])];
    await world.settle();
    assertEquals(await Promise.all(refused), ["BAD_INPUT", "BAD_INPUT", "BAD_INPUT"]);
    assertEquals([ran, stopped], [[], 3]);
    const paid = put(new Uint8Array([0xd6, 1, 0, 0, 0, 1])); // bytes that look like one
    await world.settle();
    assertEquals(((await paid) as { number: number }).number, 1);
    await app.close();
  });

  it("knows a stream in whatever form it is written", () => {
    const hex = (text: string) => new Uint8Array(text.split(" ").map((byte) => parseInt(byte, 16)));
    const names = (text: string) => {
      const bytes = hex(`00 ${text} 00`);
      return namesStreams({ bytes, start: 1, end: bytes.length - 1 });
    };
    assertEquals(
      [
        "d6 01 00 00 00 01",
        "c7 04 01 00 00 00 01",
        "91 c8 00 04 01 00 00 00 01",
        "81 a1 61 d6 01 00 00 00 01",
      ]
        .map(names),
      [true, true, true, true],
    );
    assertEquals(["c4 06 d6 01 00 00 00 01", "d6 ff 00 00 00 01", "c1", "91"].map(names), [
      false,
      false,
      false,
      false,
    ]);
  });

  it("is for values: no streams, no bytes, and nobody who cannot be told", async () => {
    const { world } = open({ onError: () => {} });
    const app = world.client({ token: "ada" });
    const stream = ending(app.call["stream"]!(undefined, { key: "k" }));
    const bytes = ending(app.call["bytes"]!(1, { key: "b" }));
    await world.settle();
    assertEquals([await stream, await bytes], ["BAD_INPUT", "INTERNAL"]);
    const local = world.node.caller({}) as { pay: (...args: unknown[]) => PromiseLike<unknown> };
    const nobody = Promise.resolve(local.pay(1, { key: "k" })).then(() => "paid", (error) => error.code);
    await world.settle();
    assertEquals(await nobody, "BAD_INPUT");
    for (const key of ["", 7, "ä".repeat(128)]) assertThrows(() => app.call["pay"]!(1, { key }), TypeError);
    await app.close();
  });

  it("is sent again when its session was lost: its reply was kept, or it still runs", async () => {
    const { world, ran, open: done } = open();
    const app = world.client({ token: "ada", backoff: { base: 10 } });
    const keyed = ending(app.call["wait"]!("keyed", { key: "k" }));
    const plain = ending(app.call["wait"]!("plain"));
    await world.settle();
    await loseSession(world, app);
    assertEquals(app.client.state, { status: "open", resumed: false });
    assertEquals([await plain, ran], ["DISCONNECTED ambiguous", ["keyed", "plain"]]);
    done("once");
    await world.settle();
    assertEquals([await keyed, ran.length], ["once", 2]);

    const late = ending(app.call["wait"]!("late", { key: "l" }));
    await world.settle();
    world.socket.cut();
    done("while nobody was there");
    await world.settle();
    for (const session of [...world.node.parts.sessions.waiting]) session.end();
    await app.retry();
    assertEquals(await late, "while nobody was there");
    assertEquals(ran.length, 3);
    await app.close();
  });

  it("is sent again where there are no sessions", async () => {
    const { world, ran, open: done } = open({ limits: { session: 0 } });
    const app = world.client({ token: "ada", backoff: { base: 10 } });
    const keyed = ending(app.call["wait"]!(1, { key: "k" }));
    await world.settle();
    world.socket.cut();
    await world.settle();
    await app.retry();
    done("once");
    await world.settle();
    assertEquals([await keyed, ran], ["once", [1]]);
    await app.close();
  });
});

describe("a call of an idempotent procedure", () => {
  it("is sent again when its session was lost, once the client knows that it is one", async () => {
    const { world, ran, open: done } = open();
    const app = world.client({ backoff: { base: 10 } });
    const first = ending(app.call["get"]!(1));
    await world.settle(); // NAME has told
    await loseSession(world, app);
    done("as often as you like");
    await world.settle();
    assertEquals([await first, ran], ["as often as you like", [1, 1]]);
    await app.close();
  });

  it("is not sent again with items or bytes: those are gone", async () => {
    const { world, ran } = open();
    const app = world.client({ backoff: { base: 10 } });
    const call = ending(app.call["get"]!({ bytes: new ReadableStream() }));
    await world.settle();
    await loseSession(world, app);
    await world.settle();
    assertEquals([await call, ran.length], ["DISCONNECTED ambiguous", 1]);
    await app.close();
  });
});
