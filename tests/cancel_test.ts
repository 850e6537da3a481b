import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError } from "../rpc/errors.ts";
import { anything, gauges, NOTHING, Pair, procedure } from "./suites/pair.ts";
import { ByteSource, Counter, deferred, lengthOf } from "./suites/sources.ts";

/** A handler that ends when its signal aborts, and what it saw. */
function waiting(seen: unknown[]): unknown {
  return procedure({ input: anything }, (_, { signal }) => {
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        seen.push((signal.reason as CallError).code);
        reject(signal.reason);
      });
    });
  });
}

/** A stream of the server that notes how it ends. */
function endless(seen: unknown[]): unknown {
  return procedure.stream({}, async function* (_, { signal }) {
    signal.addEventListener("abort", () => seen.push((signal.reason as CallError).code));
    try {
      for (let n = 1;; n++) yield n;
    } finally {
      seen.push("returned");
    }
  });
}

async function code(pair: Pair, call: PromiseLike<unknown>): Promise<string> {
  return (await assertRejects(() => pair.now(call), CallError)).code;
}

describe("cancelling", () => {
  it("with a signal that has aborted already: nothing is sent, the items are returned", async () => {
    const pair = await Pair.open({ procedures: { wait: waiting([]) } });
    const frames = pair.client.pipe.frames.length;
    const items = new Counter();
    const call = pair.call("wait", 1, items, { signal: AbortSignal.abort("early") });
    const error = await assertRejects(() => pair.now(call), CallError);
    assertEquals([error.code, error.cause, items.returned], ["CANCELLED", "early", true]);
    assertEquals(pair.client.pipe.frames.length, frames);
    await pair.assertQuiet();
  });

  it("in the turn of the call: the handler is told", async () => {
    const seen: unknown[] = [];
    const pair = await Pair.open({ procedures: { wait: waiting(seen) } });
    const call = pair.call("wait");
    call.cancel();
    assertEquals(await code(pair, call), "CANCELLED");
    assertEquals(seen, ["CANCELLED"]);
    await pair.assertQuiet();
  });

  it("while it runs: the signal aborts, and the call counts until the handler has ended", async () => {
    const gate = deferred();
    const seen: unknown[] = [];
    const pair = await Pair.open({
      procedures: {
        stubborn: procedure(async (_, { signal }) => {
          signal.addEventListener("abort", () => seen.push("aborted"));
          await gate.promise;
          return "too late";
        }),
      },
    });
    const controller = new AbortController();
    const call = pair.call("stubborn", undefined, { signal: controller.signal });
    await pair.clock.settle();
    controller.abort(new Error("changed my mind"));
    const error = await assertRejects(() => pair.now(call), CallError);
    assertEquals([error.code, error.ambiguous, (error.cause as Error).message], [
      "CANCELLED",
      true,
      "changed my mind",
    ]);
    assertEquals(seen, ["aborted"]);
    assertEquals(gauges(pair.server).answers, 1);
    gate.resolve();
    await pair.assertQuiet();
  });

  it("before all of a large call has left: it follows the call", async () => {
    const seen: unknown[] = [];
    const pair = await Pair.open({ procedures: { wait: waiting(seen) } });
    const items = new Counter();
    pair.client.pipe.stall();
    const call = pair.call("wait", "x".repeat(500_000));
    const upload = pair.call("wait", "x".repeat(500_000), items);
    await pair.clock.settle();
    call.cancel();
    upload.cancel();
    assertEquals([await code(pair, call), await code(pair, upload)], ["CANCELLED", "CANCELLED"]);
    assertEquals(seen, []);
    pair.client.pipe.resume();
    await pair.assertQuiet();
    assertEquals([seen, items.returned, items.given], [["CANCELLED"], true, 0]);
  });

  it("while it waits for its turn: it is answered at once and never runs, its streams are stopped", async () => {
    const gate = deferred();
    let runs = 0;
    const pair = await Pair.open({
      limits: { concurrency: 1 },
      procedures: {
        wait: procedure({ input: anything }, () => {
          runs++;
          return gate.promise;
        }),
      },
    });
    const first = pair.call("wait");
    const items = new Counter();
    const bytes = new ByteSource({ size: 1000 });
    const second = pair.call("wait", { bytes: bytes.stream }, items);
    await pair.clock.settle();
    assert(items.given > 0);
    second.cancel();
    assertEquals(await code(pair, second), "CANCELLED");
    await pair.clock.settle();
    assertEquals(gauges(pair.server), { ...NOTHING, answers: 1 });
    assert(items.returned && bytes.cancelled !== undefined);
    gate.resolve();
    await pair.now(first);
    await pair.assertQuiet();
    assertEquals(runs, 1);
  });

  it("a stream by leaving the loop: return() runs at its source", async () => {
    const seen: unknown[] = [];
    const pair = await Pair.open({ procedures: { endless: endless(seen) } });
    const taken: unknown[] = [];
    const loop = async () => {
      for await (const n of pair.call("endless")) {
        taken.push(n);
        if (taken.length === 5) break;
      }
    };
    await pair.now(loop());
    assertEquals([taken, seen], [[1, 2, 3, 4, 5], ["CANCELLED", "returned"]]);
    await pair.assertQuiet();
  });

  it("a stream by cancel(), by its signal, and by return() before it was accepted", async () => {
    const seen: unknown[] = [];
    const pair = await Pair.open({ procedures: { endless: endless(seen) } });
    const cancelled = pair.call("endless");
    assertEquals((await pair.now(cancelled.next())).value, 1);
    cancelled.cancel("enough");
    const error = await assertRejects(() => pair.now(cancelled.next()), CallError);
    assertEquals([error.code, error.cause], ["CANCELLED", "enough"]);
    assertEquals(await pair.now(cancelled.next()), { done: true, value: undefined });

    const controller = new AbortController();
    const aborted = pair.call("endless", undefined, { signal: controller.signal });
    const first = aborted.next();
    await pair.now(first);
    controller.abort();
    assertEquals((await assertRejects(() => pair.now(aborted.next()), CallError)).code, "CANCELLED");

    const early = pair.call("endless");
    await early.return();
    assertEquals(await code(pair, early), "CANCELLED");
    await pair.assertQuiet();
    assertEquals(seen.filter((what) => what === "returned").length, 3);
  });

  it("after the end does nothing", async () => {
    const pair = await Pair.open({ procedures: { add: procedure({ input: z.number() }, (n) => n + 1) } });
    const controller = new AbortController();
    const call = pair.call("add", 1, { signal: controller.signal });
    assertEquals(await pair.now(call), 2);
    const frames = pair.client.pipe.frames.length;
    call.cancel();
    controller.abort();
    await pair.clock.settle();
    assertEquals([await call, pair.client.pipe.frames.length], [2, frames]);
    await pair.assertQuiet();
  });

  it("while the answer is on its way: the answer is ignored, and so is the cancel", async () => {
    const pair = await Pair.open({ procedures: { add: procedure({ input: z.number() }, (n) => n + 1) } });
    pair.server.pipe.stall();
    const call = pair.call("add", 1);
    await pair.clock.settle();
    call.cancel();
    assertEquals(await code(pair, call), "CANCELLED");
    pair.server.pipe.resume();
    await pair.assertQuiet();
  });

  it("an upload: the source is returned, the handler's loop is broken off", async () => {
    const seen: unknown[] = [];
    const pair = await Pair.open({
      procedures: {
        sum: procedure.upload({ items: z.number() }, async (items) => {
          try {
            for await (const n of items) seen.push(n);
          } catch (error) {
            seen.push((error as CallError).code);
            throw error;
          }
        }),
      },
    });
    const gate = deferred();
    let returned = false;
    const call = pair.call(
      "sum",
      (async function* () {
        try {
          yield 1;
          await gate.promise;
          yield 2;
        } finally {
          returned = true;
        }
      })(),
    );
    await pair.clock.settle();
    call.cancel();
    assertEquals(await code(pair, call), "CANCELLED");
    await pair.clock.settle();
    assertEquals([seen, returned], [[1, "CANCELLED"], false]);
    gate.resolve(); // the source was busy: it is returned at its next yield
    await pair.assertQuiet();
    assertEquals(returned, true);
  });

  it("a call with bytes: its source is cancelled, and who reads it gets an error", async () => {
    let seen: unknown;
    const pair = await Pair.open({
      procedures: {
        size: procedure({ input: anything }, async (input) => {
          try {
            return await lengthOf(input as ReadableStream<Uint8Array>);
          } catch (error) {
            seen = error;
            throw error;
          }
        }),
      },
    });
    const source = new ByteSource({ size: 1000 });
    const call = pair.call("size", source.stream);
    for (let i = 0; i < 5; i++) await pair.clock.settleFor(20);
    call.cancel();
    assertEquals(await code(pair, call), "CANCELLED");
    await pair.assertQuiet();
    assertEquals((seen as CallError).code, "CANCELLED");
    assert(source.cancelled !== undefined);
  });

  it("counts a stream until its source has cleaned up", async () => {
    const gate = deferred();
    const pair = await Pair.open({
      procedures: {
        slow: procedure.stream({}, async function* () {
          try {
            while (true) yield 1;
          } finally {
            await gate.promise;
          }
        }),
      },
    });
    const call = pair.call("slow");
    await pair.now(call.next());
    await call.return();
    await pair.clock.settle();
    assertEquals(gauges(pair.server), { ...NOTHING, answers: 1 });
    gate.resolve();
    await pair.assertQuiet();
  });

  it("cancels the bytes of an answer that comes too late", async () => {
    const gate = deferred();
    const [plain, nested] = [new ByteSource({ size: 10 }), new ByteSource({ size: 10 })];
    const items = new Counter();
    const pair = await Pair.open({
      procedures: {
        plain: procedure(() => gate.promise.then(() => plain.stream)),
        nested: procedure(() => gate.promise.then(() => ({ deep: [nested.stream] }))),
        items: procedure.stream({}, () => gate.promise.then(() => items) as unknown as Counter),
      },
    });
    const calls = ["plain", "nested", "items"].map((name) => pair.call(name));
    await pair.clock.settle();
    for (const call of calls) call.cancel();
    await pair.clock.settle();
    gate.resolve();
    await pair.assertQuiet();
    assert(plain.cancelled !== undefined && nested.cancelled !== undefined && items.returned);
  });
});

describe("the end of a connection", () => {
  it("errors everything that waits, returns and cancels every source, and leaves nothing", async () => {
    const seen: unknown[] = [];
    const bytes = [new ByteSource({ size: 1000 }), new ByteSource({ size: 1000 })];
    const pair = await Pair.open({
      procedures: {
        wait: waiting(seen),
        endless: endless(seen),
        read: procedure.upload({ items: anything }, async (items) => {
          try {
            for await (const _ of items);
          } catch (error) {
            seen.push((error as CallError).code);
          }
        }),
        bytes: procedure(() => bytes[0]!.stream),
      },
    });
    const items = new Counter();
    const waits = pair.call("wait", { bytes: bytes[1]!.stream }).result();
    const stream = pair.call("endless");
    const upload = pair.call("read", items).result();
    const answer = pair.call("bytes");
    await pair.clock.settleFor(50);
    const received = await answer as ReadableStream<Uint8Array>;
    assertEquals((await stream.next()).value, 1);
    pair.cut();
    await pair.clock.settle();
    assertEquals([(await waits).error?.code, (await upload).error?.code], ["DISCONNECTED", "DISCONNECTED"]);
    const drained = async () => {
      for await (const _ of stream);
    };
    assertEquals((await assertRejects(() => pair.now(drained()), CallError)).code, "DISCONNECTED");
    assertEquals((await assertRejects(() => pair.now(lengthOf(received)), CallError)).code, "DISCONNECTED");
    await pair.assertQuiet();
    assertEquals(seen.sort(), ["DISCONNECTED", "DISCONNECTED", "DISCONNECTED", "returned"]);
    assertEquals(items.returned, true);
    assert(bytes.every(({ cancelled }) => cancelled !== undefined));
  });

  it("that a handler brings about: what it still answers goes nowhere", async () => {
    const gate = deferred();
    const late = new ByteSource({ size: 10 });
    const pair = await Pair.open({
      procedures: { late: procedure(() => gate.promise.then(() => late.stream)) },
    });
    const call = pair.call("late").result();
    await pair.clock.settle();
    pair.cut();
    gate.resolve();
    assertEquals((await pair.now(call)).error?.code, "DISCONNECTED");
    await pair.assertQuiet();
    assert(late.cancelled !== undefined);
  });
});
