import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { Kind } from "../rpc/kinds.ts";
import { anything, Pair, procedure } from "./suites/pair.ts";
import { type Deferred, deferred } from "./suites/sources.ts";
import { messagesOf } from "./suites/wire.ts";

/** A handler that notes when it starts, and ends when the test says so. */
class Gated {
  readonly started: unknown[] = [];
  readonly #gates: Deferred<void>[] = [];
  most = 0;
  #running = 0;

  readonly handle = async (input: unknown): Promise<unknown> => {
    const id = (input as { n?: unknown }).n ?? input;
    this.started.push(id);
    this.most = Math.max(this.most, ++this.#running);
    const gate = deferred();
    this.#gates.push(gate);
    await gate.promise;
    this.#running--;
    return id;
  };

  /** Ends the one that started first, or last. */
  end(which: "first" | "last" = "first"): void {
    const gate = which === "first" ? this.#gates.shift() : this.#gates.pop();
    gate!.resolve();
  }

  get running(): number {
    return this.#gates.length;
  }
}

const LARGE = "x".repeat(300_000);

describe("the order of calls", () => {
  it("they start in order, up to the cap, and the next starts when one ends", async () => {
    const gated = new Gated();
    const pair = await Pair.open({
      limits: { concurrency: 3 },
      procedures: { work: procedure({ input: anything }, gated.handle) },
    });
    const calls = Array.from({ length: 10 }, (_, n) => pair.call("work", n));
    await pair.clock.settle();
    assertEquals(gated.started, [0, 1, 2]);
    gated.end("last");
    await pair.clock.settle();
    assertEquals(gated.started, [0, 1, 2, 3]);
    while (gated.running > 0) {
      gated.end();
      await pair.clock.settle();
    }
    assertEquals(await pair.now(Promise.all(calls)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assertEquals([gated.started, gated.most], [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3]);
    await pair.assertQuiet();
  });

  it("of an ordered procedure run one by one, others pass", async () => {
    const [ordered, free] = [new Gated(), new Gated()];
    const pair = await Pair.open({
      procedures: {
        ordered: procedure({ input: anything, ordered: true }, ordered.handle),
        free: procedure({ input: anything }, free.handle),
      },
    });
    const calls = [0, 1, 2, 3].flatMap((n) => [pair.call("ordered", n), pair.call("free", n)]);
    await pair.clock.settle();
    assertEquals([ordered.started, free.started], [[0], [0, 1, 2, 3]]);
    for (let n = 1; n <= 4; n++) {
      ordered.end();
      free.end();
      await pair.clock.settle();
    }
    assertEquals(await pair.now(Promise.all(calls)), [0, 0, 1, 1, 2, 2, 3, 3]);
    assertEquals([ordered.started, ordered.most], [[0, 1, 2, 3], 1]);
    await pair.assertQuiet();
  });

  it("of an ordered procedure is that of its callers, though a large one arrives in fragments, after the others", async () => {
    const started: unknown[] = [];
    const pair = await Pair.open({
      procedures: {
        log: procedure(
          { input: z.object({ n: z.number(), fill: z.string().optional() }), ordered: true },
          ({ n }) => {
            started.push(n);
          },
        ),
        free: procedure({ input: z.number() }, (n) => void started.push(`free ${n}`)),
      },
    });
    const calls: PromiseLike<unknown>[] = [];
    for (let n = 0; n < 12; n++) {
      calls.push(pair.call("log", n % 3 === 0 ? { n, fill: LARGE } : { n }));
      if (n % 5 === 0) calls.push(pair.call("free", n));
    }
    await pair.now(Promise.all(calls));
    assertEquals(started.filter((what) => typeof what === "number"), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assertEquals(started.slice(0, 3), ["free 0", "free 5", "free 10"]);
    await pair.assertQuiet();
  });

  it("a large call to nobody, and one that is cancelled, hold back no ordered one for ever", async () => {
    const started: unknown[] = [];
    const pair = await Pair.open({
      procedures: { log: procedure({ input: z.number(), ordered: true }, (n) => void started.push(n)) },
    });
    const nobody = pair.call("nobody", LARGE).result();
    const cancelled = pair.call("log", LARGE);
    const calls = [pair.call("log", 1), pair.call("log", 2)];
    await pair.clock.settleFor(2);
    assertEquals(started, []);
    cancelled.cancel();
    await pair.now(Promise.all(calls));
    assertEquals([started, (await nobody).error?.code], [[1, 2], "NOT_FOUND"]);
    await pair.assertQuiet();
  });

  it("an ordered stream holds the next until its end", async () => {
    const events: string[] = [];
    const pair = await Pair.open({
      procedures: {
        stream: procedure.stream({ input: z.number(), ordered: true }, async function* (n) {
          events.push(`begin ${n}`);
          yield n;
          events.push(`end ${n}`);
        }),
      },
    });
    const [first, second] = [pair.call("stream", 1), pair.call("stream", 2)];
    for await (const _ of { [Symbol.asyncIterator]: () => ({ next: () => pair.now(first.next()) }) });
    for await (const _ of { [Symbol.asyncIterator]: () => ({ next: () => pair.now(second.next()) }) });
    assertEquals(events, ["begin 1", "end 1", "begin 2", "end 2"]);
    await pair.assertQuiet();
  });

  it("a call that waited and was cancelled does not let another ordered one in", async () => {
    const gated = new Gated();
    const pair = await Pair.open({
      procedures: { log: procedure({ input: anything, ordered: true }, gated.handle) },
    });
    const first = pair.call("log", 1);
    const [second, third] = [pair.call("log", 2), pair.call("log", 3)];
    await pair.clock.settle();
    second.cancel();
    await pair.clock.settle();
    assertEquals([gated.started, gated.most], [[1], 1]);
    gated.end();
    await pair.clock.settle();
    gated.end();
    assertEquals(await pair.now(Promise.all([first, third])), [1, 3]);
    assertEquals(gated.most, 1);
    await pair.assertQuiet();
  });

  it("3,000 ordered calls of all sizes that end at random keep their order", async () => {
    const started: number[] = [];
    let seed = 7;
    const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
    const pair = await Pair.open({
      limits: { calls: 4_000 },
      procedures: {
        log: procedure(
          { input: z.object({ n: z.number(), fill: z.string() }), ordered: true },
          async ({ n }) => {
            started.push(n);
            for (let turns = Math.floor(random() * 3); turns > 0; turns--) await Promise.resolve();
          },
        ),
      },
    });
    const calls: PromiseLike<unknown>[] = [];
    for (let n = 0; n < 3_000; n++) {
      calls.push(pair.call("log", { n, fill: n % 150 === 0 ? "x".repeat(80_000) : "" }));
      if (n % 300 === 0) await pair.clock.settleFor(1);
    }
    await pair.now(Promise.all(calls));
    assertEquals(started, Array.from({ length: 3_000 }, (_, n) => n));
    await pair.assertQuiet();
  });

  it("thousands of calls pass a large one on its way", async () => {
    const pair = await Pair.open({ procedures: { echo: procedure({ input: anything }, (input) => input) } });
    pair.server.pipe.stall(); // no acknowledgement comes: the large one stops half way
    const large = pair.call("echo", "x".repeat(500_000));
    await pair.clock.settle();
    for (let n = 0; n < 100; n++) {
      const calls = Array.from({ length: 100 }, (_, i) => pair.call("echo", i).result());
      await pair.clock.settle();
      pair.server.pipe.step(1);
      for (const call of calls) call.catch(() => {});
      await pair.clock.settle();
    }
    pair.server.pipe.resume();
    assertEquals((await pair.now(large) as string).length, 500_000);
    await pair.assertQuiet();
  });

  it("answers overtake each other: who is done first is answered first", async () => {
    const gated = new Gated();
    const pair = await Pair.open({ procedures: { work: procedure({ input: anything }, gated.handle) } });
    const calls = [1, 2, 3].map((n) => pair.call("work", n));
    await pair.clock.settle();
    for (let n = 3; n > 0; n--) {
      gated.end("last");
      await pair.clock.settle();
    }
    await pair.now(Promise.all(calls));
    const results = pair.server.pipe.frames.flatMap(messagesOf).filter(([kind]) => kind === Kind.RESULT);
    assertEquals(results.map(([_, seq, id]) => [seq, id]), [[1, 3], [2, 2], [3, 1]]);
    await pair.assertQuiet();
  });
});
