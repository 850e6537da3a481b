import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError } from "../rpc/errors.ts";
import { OutgoingCall, readArguments } from "../rpc/outgoing_call.ts";
import { anything, Pair, procedure } from "./suites/pair.ts";
import { all, Counter, deferred } from "./suites/sources.ts";

/** The same procedures for both directions. */
function shapes(): Record<string, unknown> {
  return {
    add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
    later: procedure({ input: anything }, async (input) => {
      await Promise.resolve();
      return input;
    }),
    nothing: procedure(() => {}),
    down: procedure.stream({ input: z.number() }, async function* (from) {
      while (from > 0) yield from--;
    }),
    sum: procedure.upload({ items: z.number() }, async (items) => {
      let sum = 0;
      for await (const n of items) sum += n;
      return sum;
    }),
    join: procedure.upload({ input: z.string(), items: z.string() }, async (separator, items) => {
      return (await all(items)).join(separator);
    }),
    double: procedure.duplex({ items: z.number() }, async function* (items) {
      for await (const n of items) yield n * 2;
    }),
  };
}

const directions = {
  "the client calls the server": async () => {
    const pair = await Pair.open({ procedures: shapes() });
    return { pair, call: pair.call.bind(pair) };
  },
  "the server calls the client": async () => {
    const pair = await Pair.open({ offers: shapes() });
    return { pair, call: pair.callBack.bind(pair) };
  },
};

for (const [name, open] of Object.entries(directions)) {
  describe(name, () => {
    it("value to value, synchronous and not, with and without a value", async () => {
      const { pair, call } = await open();
      assertEquals(await pair.now(call("add", { a: 1, b: 2 })), 3);
      assertEquals(await pair.now(call("later", { x: [1, null, "é"] })), { x: [1, null, "é"] });
      assertEquals(await pair.now(call("later")), undefined);
      assertEquals(await pair.now(call("later", null)), null);
      assertEquals(await pair.now(call("nothing")), undefined);
      await pair.assertQuiet();
    });

    it("value to stream", async () => {
      const { pair, call } = await open();
      assertEquals(await pair.now(all(call("down", 3))), [3, 2, 1]);
      assertEquals(await pair.now(all(call("down", 0))), []);
      assertEquals((await pair.now(all(call("down", 3000)))).length, 3000);
      await pair.assertQuiet();
    });

    it("stream to value, without and with an input", async () => {
      const { pair, call } = await open();
      assertEquals(await pair.now(call("sum", new Counter(100))), 5050);
      assertEquals(await pair.now(call("sum", new Counter(0))), 0);
      const words = async function* () {
        yield* ["a", "b", "c"];
      };
      assertEquals(await pair.now(call("join", "-", words())), "a-b-c");
      await pair.assertQuiet();
    });

    it("stream to stream, each item as it comes", async () => {
      const { pair, call } = await open();
      const gate = deferred();
      const talk = call(
        "double",
        (async function* () {
          yield 1;
          await gate.promise;
          yield 2;
        })(),
      );
      assertEquals(await pair.now(talk.next()), { done: false, value: 2 });
      const second = talk.next();
      gate.resolve();
      assertEquals(await pair.now(second), { done: false, value: 4 });
      assertEquals(await pair.now(talk.next()), { done: true, value: undefined });
      assertEquals(await pair.now(talk.next()), { done: true, value: undefined });
      await pair.assertQuiet();
    });

    it("awaiting a stream gives its items once it is accepted, and a refusal before the loop", async () => {
      const { pair, call } = await open();
      const items = await pair.now(call("down", 2)) as AsyncIterable<number>;
      assertEquals(await pair.now(all(items)), [2, 1]);
      const refused = await assertRejects(() => pair.now(call("down", "two")), CallError);
      assertEquals(refused.code, "BAD_INPUT");
      await pair.assertQuiet();
    });

    it("an unknown name, a name of an object's prototype and a wrong shape", async () => {
      const { pair, call } = await open();
      for (
        const method of ["nowhere", "constructor", "toString", "__proto__", "hasOwnProperty", "", "add.then"]
      ) {
        const error = await assertRejects(() => pair.now(call(method, 1)), CallError);
        assertEquals([error.code, error.ambiguous, error.retryable], ["NOT_FOUND", false, false]);
      }
      const long = await assertRejects(() => pair.now(call("é".repeat(200))), CallError);
      assertEquals(long.code, "NOT_FOUND");
      const items = new Counter();
      const wrong = await assertRejects(() => pair.now(call("add", {}, items)), CallError);
      assertEquals([wrong.code, items.returned], ["WRONG_SHAPE", true]);
      assertEquals((await assertRejects(() => pair.now(call("sum", 1)), CallError)).code, "WRONG_SHAPE");
      const stream = call("add", { a: 1, b: 2 });
      assertEquals((await assertRejects(() => pair.now(stream.next()), CallError)).code, "WRONG_SHAPE");
      await pair.assertQuiet();
    });
  });
}

describe("calls", () => {
  it("are called by number after their first answer", async () => {
    const pair = await Pair.open({ procedures: shapes() });
    const before = pair.client.pipe.frames.length;
    await pair.now(pair.call("add", { a: 1, b: 1 }));
    await pair.now(pair.call("add", { a: 1, b: 1 }));
    const [first, second] = pair.client.pipe.frames.slice(before);
    assertEquals(first!.length - second!.length, "add".length);
    await pair.assertQuiet();
  });

  it("of one turn share a frame, and so do their answers", async () => {
    const pair = await Pair.open({ procedures: shapes() });
    const before = [pair.client.pipe.frames.length, pair.server.pipe.frames.length];
    const calls = Array.from({ length: 50 }, (_, a) => pair.call("add", { a, b: 1 }));
    assertEquals(await pair.now(Promise.all(calls)), Array.from({ length: 50 }, (_, a) => a + 1));
    assertEquals([pair.client.pipe.frames.length - before[0]!, pair.server.pipe.frames.length - before[1]!], [
      1,
      1,
    ]);
    await pair.assertQuiet();
  });

  it("run concurrently: a slow one holds back nobody", async () => {
    const gate = deferred<string>();
    const pair = await Pair.open({
      procedures: { slow: procedure(() => gate.promise), fast: procedure(() => "fast") },
    });
    const slow = pair.call("slow");
    assertEquals(await pair.now(pair.call("fast")), "fast");
    gate.resolve("slow");
    assertEquals(await pair.now(slow), "slow");
    await pair.assertQuiet();
  });

  it("result() gives the outcome as data and never rejects", async () => {
    const pair = await Pair.open({ procedures: shapes() });
    assertEquals(await pair.now(pair.call("add", { a: 1, b: 1 }).result()), { ok: true, value: 2 });
    const failed = await pair.now(pair.call("nowhere").result());
    assertInstanceOf(failed.error, CallError);
    assertEquals([failed.ok, failed.error?.code], [false, "NOT_FOUND"]);
    await pair.assertQuiet();
  });

  it("with an input that cannot be encoded: a TypeError when awaited, BAD_INPUT as data", async () => {
    const pair = await Pair.open({ procedures: shapes() });
    const call = pair.call("later", { tags: new Map() });
    const thrown = await pair.now(assertRejects(() => call.then(), TypeError, "value.tags"));
    const { error } = await pair.now(call.result());
    assertInstanceOf(error, CallError);
    assertEquals([error.code, error.ambiguous, error.retryable], ["BAD_INPUT", false, false]);
    assertEquals(error.message, `The input cannot be sent: ${thrown.message}`);
    assertStrictEquals(error.cause, thrown);
    await pair.assertQuiet();
  });

  it("with an answer whose schema throws: INTERNAL as data, for the input was sent", async () => {
    const broken = new Error("broken schema");
    const check = () => {
      throw broken;
    };
    const call = new OutgoingCall(readArguments("add", []), { streams: false, check });
    call.resolve(1);
    const { error } = await call.result();
    assertEquals([error?.code, error?.cause], ["INTERNAL", broken]);
  });

  it("give the same answer to everyone who awaits it", async () => {
    const pair = await Pair.open({ procedures: shapes() });
    const call = pair.call("later", { a: 1 });
    const [first, second] = await pair.now(Promise.all([call, call.then((value) => value)]));
    assertStrictEquals(first, second);
    await pair.assertQuiet();
  });

  it("that a getter of a value makes while it is encoded fail, and the outer one goes on", async () => {
    const pair = await Pair.open({ procedures: shapes() });
    const inner: Promise<unknown>[] = [];
    const sneaky = {
      a: 1,
      get b() {
        inner.push(pair.call("add", { a: 2, b: 2 }).then());
        return 1;
      },
    };
    const outer = pair.call("add", sneaky);
    const failed = inner[0]!.catch((error) => error);
    assertEquals(await pair.now(outer), 2);
    assertEquals((await pair.now(failed) as Error).message.includes("while a value is encoded"), true);
    assertEquals(await pair.now(pair.call("add", { a: 2, b: 2 })), 4);
    await pair.assertQuiet();
  });

  it("that the getter makes on another connection work", async () => {
    const [one, other] = [
      await Pair.open({ procedures: shapes() }),
      await Pair.open({ procedures: shapes() }),
    ];
    let inner: Promise<unknown> | undefined;
    const outer = one.call("add", {
      get a() {
        inner = other.call("later", { deep: [1, 2, { three: 3 }] }).then();
        return 1;
      },
      b: 5,
    });
    assertEquals(await one.now(outer), 6);
    assertEquals(await other.now(inner!), { deep: [1, 2, { three: 3 }] });
  });

  it("that items make while they begin to be sent work: each call has an id of its own", async () => {
    const pair = await Pair.open({ procedures: shapes() });
    const inner: PromiseLike<unknown>[] = [];
    const total = pair.call(
      "sum",
      (async function* () {
        inner.push(pair.call("add", { a: 1, b: 1 }));
        yield 1;
      })(),
    );
    assertEquals(await pair.now(total), 1);
    assertEquals(await pair.now(inner[0]!), 2);
    await pair.assertQuiet();
  });

  it("refuse an input that cannot be encoded, with its path, and go on", async () => {
    const pair = await Pair.open({ procedures: shapes() });
    const error = await assertRejects(() => pair.now(pair.call("later", { deep: [new Map()] })), TypeError);
    assertEquals(error.message, "Cannot encode value.deep[0]: a Map");
    assertEquals(await pair.now(pair.call("add", { a: 1, b: 1 })), 2);
    await pair.assertQuiet();
  });

  it("more than the peer accepts fail where they are made, and their items are returned", async () => {
    const gate = deferred();
    const pair = await Pair.open({
      limits: { calls: 2 },
      procedures: { wait: procedure(() => gate.promise) },
    });
    const calls = [pair.call("wait"), pair.call("wait")];
    const items = new Counter();
    const third = await assertRejects(() => pair.now(pair.call("wait", 1, items)), CallError);
    assertEquals([third.code, third.retryable, third.ambiguous], ["RESOURCE_EXHAUSTED", true, false]);
    assertEquals(items.returned, true);
    gate.resolve();
    await pair.now(Promise.all(calls));
    await pair.assertQuiet();
  });

  it("are told when the connection ends, and what has not left as a whole has not run", async () => {
    const gate = deferred();
    const pair = await Pair.open({
      procedures: { wait: procedure({ input: anything }, () => gate.promise) },
    });
    const ran = pair.call("wait").result();
    await pair.clock.settle();
    pair.client.pipe.stall();
    const large = pair.call("wait", "x".repeat(900_000)).result();
    await pair.clock.settle();
    pair.cut();
    const [first, second] = await pair.now(Promise.all([ran, large]));
    assertEquals([first.error?.code, first.error?.ambiguous], ["DISCONNECTED", true]);
    assertEquals([second.error?.code, second.error?.ambiguous], ["DISCONNECTED", false]);
    const after = await pair.now(pair.call("wait").result());
    assertEquals([after.error?.code, after.error?.ambiguous], ["DISCONNECTED", false]);
    gate.resolve();
    await pair.assertQuiet();
  });
});
