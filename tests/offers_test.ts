import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { type AppConnection, CallError, define, type ValueCall } from "../mod.ts";
import { AppServer, NOTHING_LEFT } from "./suites/app_server.ts";
import { all, failure, same, told } from "./suites/check.ts";
import { Mailbox } from "./suites/mailbox.ts";
import { call, hello, payload } from "./suites/wire.ts";

const CALL = 16;
const CANCEL = 20;
const RESULT = 17;

const offered = define().procedure;
const client = {
  confirm: offered.type({
    input: z.string(),
    output: z.boolean(),
    errors: { BUSY: z.object({ until: z.coerce.number() }) },
  }),
  screen: {
    size: offered.type({ input: z.number().default(1), output: z.object({ width: z.coerce.number() }) }),
  },
  count: offered.type({ shape: "stream", input: z.number(), output: z.number() }),
  sum: offered.type({ shape: "upload", items: z.number(), output: z.number() }),
  shout: offered.type({ shape: "duplex", input: z.string(), items: z.string(), output: z.string() }),
  never: offered.type({ output: z.number() }),
};
const { procedure, millrace } = define().with({ client });
type Offered = AppConnection<object, typeof client>["client"];

describe("what a client offers", () => {
  let run: (client: Offered) => unknown;
  let server: AppServer<ReturnType<typeof make>>;
  const connected = new Mailbox<AppConnection<object, typeof client>>();
  const events = new Mailbox<string>();

  function make() {
    return millrace({
      onConnect: (connection) => connected.push(connection),
      onError: () => {},
      procedures: {
        run: procedure((_, { client }) => run(client)),
        quick: procedure({ timeout: 40 }, (_, { client }) => run(client)),
        slow: procedure({ timeout: 30_000 }, (_, { client }) => run(client)),
      },
    });
  }

  beforeEach(async () => {
    server = await AppServer.start(make());
  });

  afterEach(async () => {
    await server.stop();
    assertEquals(server.app.stats(), NOTHING_LEFT);
    while (connected.size > 0) await connected.next();
  });

  /** A client that offers everything. */
  function everything() {
    return server.client({
      client: {
        confirm: (question, { errors }) => {
          if (question === "busy?") throw errors.BUSY({ until: "5" });
          if (question === "broken?") throw new Error("the secret of the client");
          return question === "sure?";
        },
        screen: { size: (times) => ({ width: `${800 * times}` }) },
        count: async function* (from, { signal }) {
          try {
            while (from > 0 && !signal.aborted) yield from--;
          } finally {
            events.push("returned");
          }
        },
        sum: async (_, items) => {
          let sum = 0;
          for await (const n of items) sum += n;
          return sum;
        },
        shout: async function* (prefix, items) {
          for await (const text of items) yield prefix + text.toUpperCase();
        },
        never: (_, { signal }) =>
          new Promise((_, reject) => {
            events.push("waits");
            signal.addEventListener("abort", () => {
              events.push(`aborted: ${(signal.reason as CallError).code}`);
              reject(signal.reason);
            });
          }),
      },
    });
  }

  it("is called with its types, in groups, and its answers are checked", async () => {
    const { call } = everything();
    run = async (
      client,
    ) => [await client.confirm("sure?"), await client.screen.size(), await client.screen.size(2)];
    same(await call.run(), [true, { width: 800 }, { width: 1600 }]);
  });

  it("gives streams, takes items, and does both", async () => {
    const { call } = everything();
    run = async (client) => [
      await all(client.count(3)),
      await client.sum(items([1, 2, 3])),
      await all(client.shout("> ", items(["a", "b"]))),
    ];
    same(await call.run(), [[3, 2, 1], 6, ["> A", "> B"]]);
    assertEquals(await events.next(), "returned");
  });

  it("can be left in the middle of a stream", async () => {
    const { call } = everything();
    run = async (client) => {
      for await (const n of client.count(1_000_000)) if (n < 999_998) return n;
      return 0;
    };
    same(await call.run(), 999_997);
    assertEquals(await events.next(), "returned");
  });

  it("can be called without a call, by the connection", async () => {
    const { ready } = everything();
    await ready();
    const connection = await connected.next();
    assertEquals(await connection.client.confirm("sure?"), true);
    const [same] = server.app.connections();
    assertEquals(await same!.client.screen.size(3), { width: 2400 });
  });

  it("that the contract does not name is no call: the program is wrong", async () => {
    const { call } = everything();
    run = (client) => (client as unknown as { missing(): ValueCall<number> }).missing();
    assertEquals((await failure(call.run())).code, "INTERNAL");
  });

  it("that the client does not have is NOT_FOUND", async () => {
    const { call } = server.client();
    run = async (client) => told((await client.confirm("sure?").result()).error!);
    same(await call.run(), { code: "NOT_FOUND" });
  });

  describe("is checked both ways", () => {
    it("an input that does not fit is never sent", async () => {
      const { call } = everything();
      run = async (client) => {
        const { error } = await client.confirm(5 as never).result();
        return [error!.code, (error!.data as { issues: unknown[] }).issues.length];
      };
      same(await call.run(), ["BAD_INPUT", 1]);
    });

    it("an item that does not fit ends the call", async () => {
      const { call } = everything();
      run = async (client) => (await client.sum(items([1, "two" as never])).result()).error!.code;
      same(await call.run(), "BAD_INPUT");
    });

    it("an answer that does not fit is BAD_OUTPUT at the handler, and INTERNAL at its caller", async () => {
      const { call } = server.client({
        client: { ...nothing, confirm: () => "yes" as never, count: badCount },
      });
      run = async (client) => [
        (await client.confirm("sure?").result()).error!.code,
        (await failure(all(client.count(2)))).code,
      ];
      same(await call.run(), ["BAD_OUTPUT", "BAD_OUTPUT"]);
      run = (client) => client.confirm("sure?");
      assertEquals((await failure(call.run())).code, "INTERNAL");
    });

    it("a declared error carries what its schema gives out", async () => {
      const { call } = everything();
      run = async (client) => told((await client.confirm("busy?").result()).error!);
      same(await call.run(), { code: "BUSY", declared: true, data: { until: 5 } });
      run = async (client) => told((await client.confirm("broken?").result()).error!);
      same(await call.run(), { code: "INTERNAL" });
    });

    it("an error that is declared nowhere, or with other data, is INTERNAL", async () => {
      for (const [code, data] of [["TAKEN", 1], ["BUSY", { until: "soon" }], ["constructor", 1]] as const) {
        const wrong = () => {
          throw new CallError(code, undefined, { declared: true, data });
        };
        const { call } = server.client({ client: { ...nothing, confirm: wrong } });
        run = async (client) => told((await client.confirm("sure?").result()).error!);
        same(await call.run(), { code: "INTERNAL" });
      }
    });

    it("an answer of another shape is WRONG_SHAPE", async () => {
      const { call } = server.client({
        client: { ...nothing, confirm: badCount as never, count: (() => 5) as never },
      });
      run = async (client) => [
        (await client.confirm("sure?").result()).error!.code,
        (await failure(all(client.count(2)))).code,
      ];
      same(await call.run(), ["WRONG_SHAPE", "WRONG_SHAPE"]);
    });
  });

  describe("ends with the call that uses it", () => {
    it("at its deadline", async () => {
      const { call } = everything();
      run = async (client) => await client.never();
      assertEquals((await failure(call.quick())).code, "DEADLINE");
      assertEquals([await events.next(), (await events.next()).slice(0, 8)], ["waits", "aborted:"]);
    });

    it("at its caller's deadline, which the client is told", async () => {
      const wire = await server.wire();
      run = async (client) => await client.never();
      wire.send(hello(), [16, 1, 1, "slow", 500, payload()]);
      const asked = await wire.nextOf(CALL);
      assert((asked[4] as number) > 0 && (asked[4] as number) <= 500, `${asked[4]} ms`);
    });

    it("when it is cancelled", async () => {
      const { call } = everything();
      run = async (client) => await client.never();
      const running = call.slow();
      assertEquals(await events.next(), "waits");
      running.cancel();
      assertEquals(await events.next(), "aborted: CANCELLED");
      assertEquals((await failure(running)).code, "CANCELLED");
      await server.until(() => server.app.stats().calls, 0);
    });

    it("when it is cancelled in the middle of a stream", async () => {
      const { call } = everything();
      const reading = Promise.withResolvers<void>();
      run = async (client) => {
        for await (const _ of client.count(1e9)) reading.resolve();
      };
      const running = call.slow();
      await reading.promise;
      running.cancel();
      assertEquals(await events.next(), "returned");
      await server.until(() => server.app.stats(), { ...server.app.stats(), calls: 0, streams: 0 });
      assertEquals((await failure(running)).code, "CANCELLED");
    });

    it("but not when it has answered: what it began goes on", async () => {
      const { call } = everything();
      let later: Promise<unknown> | undefined;
      run = (client) => {
        later = client.never().result();
      };
      await call.slow();
      assertEquals([await events.next(), events.size], ["waits", 0]);
      assertEquals(server.app.stats().calls, 1);
      await server.stop();
      assertEquals(((await later) as { error: CallError }).error.code, "DISCONNECTED");
      await events.next();
    });

    it("when the connection is lost: DISCONNECTED", async () => {
      const wire = await server.wire();
      const ended = Promise.withResolvers<CallError>();
      run = async (client) => ended.resolve(await failure(client.never()));
      wire.send(hello(), call(1, "slow"));
      await wire.nextOf(CALL);
      await wire.cut();
      assertEquals(told(await ended.promise), { code: "DISCONNECTED", ambiguous: true });
    });
  });

  it("is asked with CALL and told with CANCEL, like a server", async () => {
    const wire = await server.wire();
    run = async (client) => (await client.confirm("sure?", { timeout: 30 }).result()).error!.code;
    wire.send(hello(), call(1, "run"));
    assertEquals((await wire.nextOf(CALL)).slice(2, 4), [1, "confirm"]);
    assertEquals((await wire.nextOf(CANCEL))[2], 1);
    assertEquals((await wire.nextOf(RESULT)).slice(2), [1, "DEADLINE"]);
  });

  it("may be no procedure of another kind", () => {
    for (const wrong of [{ confirm: 5 }, { then: () => {} }, { "a.b": () => {} }]) {
      let thrown: unknown;
      try {
        server.client({ client: wrong as never });
      } catch (error) {
        thrown = error;
      }
      assertInstanceOf(thrown, TypeError);
    }
  });
});

const nothing = {
  confirm: () => true,
  screen: { size: () => ({ width: 1 }) },
  count: async function* () {},
  sum: () => 0,
  shout: async function* () {},
  never: () => 0,
};

async function* badCount(): AsyncGenerator<number> {
  yield "one" as never;
}

async function* items<T>(all: readonly T[]): AsyncGenerator<T> {
  yield* all;
}
