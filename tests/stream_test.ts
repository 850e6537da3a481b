import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError } from "../rpc/errors.ts";
import { Kind } from "../rpc/kinds.ts";
import { anything, gauges, NOTHING, Pair, procedure } from "./suites/pair.ts";
import { all, Counter, deferred } from "./suites/sources.ts";
import { messagesOf } from "./suites/wire.ts";

describe("streams", () => {
  it("come from whatever can be iterated", async () => {
    const pair = await Pair.open({
      procedures: {
        array: procedure.stream({}, () => [1, 2, 3] as unknown as AsyncIterable<number>),
        generator: procedure.stream({}, function* () {
          yield* [1, 2, 3];
        } as never),
        readable: procedure.stream({}, () =>
          new ReadableStream({
            start(controller) {
              for (const n of [1, 2, 3]) controller.enqueue(n);
              controller.close();
            },
          })),
        later: procedure.stream({}, (() => Promise.resolve(new Counter(3))) as never),
      },
    });
    for (const name of ["array", "generator", "readable", "later"]) {
      assertEquals(await pair.now(all(pair.call(name))), [1, 2, 3], name);
    }
    await pair.assertQuiet();
  });

  it("ask their source only for what can leave, one item at a time", async () => {
    let [asked, most] = [0, 0];
    const pair = await Pair.open({
      procedures: {
        count: procedure.stream({}, () => ({
          [Symbol.asyncIterator]: () => ({
            next: async () => {
              most = Math.max(most, ++asked);
              await Promise.resolve();
              asked--;
              return { done: false as const, value: "x".repeat(1000) };
            },
          }),
        })),
      },
    });
    const call = pair.call("count");
    await pair.now(call.next());
    assertEquals(most, 1);
    await call.return();
    await pair.assertQuiet();
  });

  it("answer concurrent next() in order", async () => {
    const pair = await Pair.open({ procedures: { count: procedure.stream({}, () => new Counter(5)) } });
    const call = pair.call("count");
    const results = await pair.now(Promise.all(Array.from({ length: 7 }, () => call.next())));
    assertEquals(results.map(({ value }) => value), [1, 2, 3, 4, 5, undefined, undefined]);
    await pair.assertQuiet();
  });

  it("check each item with its schema on both sides, converted", async () => {
    const pair = await Pair.open({
      procedures: {
        talk: procedure.duplex(
          {
            items: z.string().transform((text) => text.length),
            output: z.number().transform((n) => `${n}!`),
          },
          async function* (items) {
            for await (const length of items) yield length * 2;
          },
        ),
      },
    });
    const words = async function* () {
      yield* ["a", "bb", "ccc"];
    };
    assertEquals(await pair.now(all(pair.call("talk", words()))), ["2!", "4!", "6!"]);
    await pair.assertQuiet();
  });

  it("check items asynchronously without losing their order", async () => {
    const slow = z.number().refine(async (n) => {
      for (let turns = n % 5; turns > 0; turns--) await Promise.resolve();
      return true;
    });
    const pair = await Pair.open({
      procedures: { sum: procedure.upload({ items: slow }, (items) => all(items)) },
    });
    assertEquals(
      await pair.now(pair.call("sum", new Counter(50))),
      Array.from({ length: 50 }, (_, n) => n + 1),
    );
    await pair.assertQuiet();
  });

  it("of one turn share frames: items, their end, and the answer", async () => {
    const pair = await Pair.open({ procedures: { count: procedure.stream({}, () => new Counter(100)) } });
    const before = pair.server.pipe.frames.length;
    await pair.now(all(pair.call("count")));
    const frames = pair.server.pipe.frames.slice(before).map((frame) => messagesOf(frame).length);
    assertEquals(frames, [103]); // NAME, STREAM, 100 ITEM, END
    await pair.assertQuiet();
  });

  it("are acknowledged once a turn, however many units came in it", async () => {
    const pair = await Pair.open({ procedures: { count: procedure.stream({}, () => new Counter(500)) } });
    await pair.now(all(pair.call("count")));
    const credits = pair.client.pipe.frames.flatMap(messagesOf).filter(([kind]) => kind === Kind.CREDIT);
    assertEquals(credits.map(([, , n]) => n), [500]);
    await pair.assertQuiet();
  });

  it("that end by an error give what came before, then the error once, then the end", async () => {
    const pair = await Pair.open({
      procedures: {
        fail: procedure.stream({}, async function* () {
          yield 1;
          yield 2;
          throw new CallError("FORBIDDEN");
        }),
      },
    });
    const call = pair.call("fail");
    await pair.clock.settle();
    assertEquals(await pair.now(call.next()), { done: false, value: 1 });
    assertEquals(await pair.now(call.next()), { done: false, value: 2 });
    assertEquals((await assertRejects(() => pair.now(call.next()), CallError)).code, "FORBIDDEN");
    assertEquals(await pair.now(call.next()), { done: true, value: undefined });
    await pair.assertQuiet();
  });

  it("of an upload that its handler does not read to the end are stopped, and the answer stands", async () => {
    const pair = await Pair.open({
      procedures: {
        first: procedure.upload({ items: z.number() }, async (items) => {
          for await (const n of items) return n;
          return undefined;
        }),
        none: procedure.upload({ items: z.number() }, () => "none"),
      },
    });
    for (const [name, answer] of [["first", 1], ["none", "none"]] as const) {
      const source = new Counter();
      assertEquals(await pair.now(pair.call(name, source)), answer);
      await pair.clock.settle();
      assertEquals(source.returned, true);
      assertEquals([gauges(pair.server), gauges(pair.client)], [NOTHING, NOTHING]);
    }
    await pair.assertQuiet();
  });

  it("of a duplex call end each for itself", async () => {
    const gate = deferred();
    const pair = await Pair.open({
      procedures: {
        after: procedure.duplex({ items: z.number() }, async function* (items) {
          const got = await all(items);
          yield got.length;
          await gate.promise;
          yield "more";
        }),
      },
    });
    const call = pair.call("after", new Counter(3));
    assertEquals(await pair.now(call.next()), { done: false, value: 3 });
    assertEquals(gauges(pair.client).streams, 1);
    gate.resolve();
    assertEquals(await pair.now(all(call)), ["more"]);
    await pair.assertQuiet();
  });

  it("whose call ends before all items were taken are stopped at the caller's end", async () => {
    const source = new Counter();
    const pair = await Pair.open({
      procedures: {
        three: procedure.duplex({ items: z.number() }, async function* (items) {
          let left = 3;
          for await (const n of items) {
            yield n;
            if (--left === 0) return;
          }
        }),
      },
    });
    assertEquals(await pair.now(all(pair.call("three", source))), [1, 2, 3]);
    await pair.assertQuiet();
    assert(source.returned);
  });

  it("more than the peer accepts fail at their sender: the handler's items are returned, the call is retryable", async () => {
    const sources = Array.from({ length: 5 }, () => new Counter());
    const pair = await Pair.open({
      clientLimits: { streams: 4 },
      procedures: {
        take: procedure.stream({ input: z.number() }, (n) => sources[n]!),
      },
    });
    const calls = sources.map((_, n) => pair.call("take", n));
    for (const call of calls.slice(0, 4)) await pair.now(call.next());
    const error = await assertRejects(() => pair.now(calls[4]!), CallError);
    assertEquals([error.code, error.retryable, error.ambiguous], ["RESOURCE_EXHAUSTED", true, true]);
    assertEquals(sources.map(({ returned }) => returned), [false, false, false, false, true]);
    for (const call of calls) await call.return();
    await pair.assertQuiet();
    const again = pair.call("take", 4);
    await pair.now(again.next());
    await again.return();
    await pair.assertQuiet();
  });

  it("carry undefined, null and falsy values as they are", async () => {
    const values = [undefined, null, 0, "", false, [], {}, NaN];
    const pair = await Pair.open({
      procedures: {
        values: procedure.stream({}, async function* () {
          yield* values;
        }),
      },
    });
    assertEquals(await pair.now(all(pair.call("values"))), values);
    await pair.assertQuiet();
  });

  it("of items whose call still waits for its turn are kept, within their window, and then read", async () => {
    const gate = deferred();
    const pair = await Pair.open({
      limits: { concurrency: 1 },
      procedures: {
        wait: procedure(() => gate.promise),
        sum: procedure.upload({ items: anything }, async (items) => {
          let sum = 0;
          for await (const n of items) sum += n as number;
          return sum;
        }),
      },
    });
    const first = pair.call("wait");
    const [short, long] = [new Counter(10), new Counter(10_000)];
    const calls = [pair.call("sum", short), pair.call("sum", long)];
    await pair.clock.settle();
    assertEquals([short.given, long.given], [10, 256 * 1024 / 64]);
    gate.resolve();
    await pair.now(first);
    assertEquals(await pair.now(Promise.all(calls)), [55, 50_005_000]);
    await pair.assertQuiet();
  });
});
