import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError } from "../rpc/errors.ts";
import { Kind } from "../rpc/kinds.ts";
import { anything, gauges, NOTHING, Pair, procedure } from "./suites/pair.ts";
import { ByteSource, deferred, lengthOf } from "./suites/sources.ts";
import { messagesOf } from "./suites/wire.ts";

/** A handler that waits for its signal, and what it learns. */
function patient(seen: unknown[]): unknown {
  return procedure(async (_, { signal, timeLeft }) => {
    seen.push(timeLeft());
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    seen.push((signal.reason as CallError).code, timeLeft());
    throw signal.reason;
  });
}

function codeOf(settled: { error?: CallError | undefined }): unknown {
  return [settled.error?.code, settled.error?.ambiguous];
}

describe("deadlines", () => {
  it("travel as remaining time, and end the call on both sides", async () => {
    const seen: unknown[] = [];
    const pair = await Pair.open({ procedures: { wait: patient(seen) } });
    const call = pair.call("wait", undefined, { timeout: 500 }).result();
    await pair.clock.settle();
    const [message] = messagesOf(pair.client.pipe.frames.at(-1)!);
    assertEquals([message![0], message![4]], [Kind.CALL, 500]);
    await pair.clock.advance(499);
    assertEquals(gauges(pair.client).calls, 1);
    await pair.clock.advance(1);
    assertEquals(codeOf(await call), ["DEADLINE", true]);
    await pair.assertQuiet();
    assertEquals(seen, [500, "DEADLINE", 0]);
  });

  it("hold at the callee when the caller's CANCEL does not come, and the late answer is ignored", async () => {
    const seen: unknown[] = [];
    const pair = await Pair.open({ procedures: { wait: patient(seen) } });
    const call = pair.call("wait", undefined, { timeout: 100 }).result();
    await pair.clock.settle();
    pair.client.pipe.stall();
    await pair.clock.advance(100);
    assertEquals([codeOf(await call), seen.length, gauges(pair.server)], [["DEADLINE", true], 3, NOTHING]);
    pair.client.pipe.resume();
    await pair.assertQuiet();
  });

  it("of a procedure bound what the caller asks for, and its caller is told DEADLINE", async () => {
    const wait = procedure({ timeout: 50 }, (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }));
    const pair = await Pair.open({ procedures: { wait } });
    const calls = [pair.call("wait").result(), pair.call("wait", undefined, { timeout: 1_000 }).result()];
    await pair.clock.settle();
    await pair.clock.advance(50);
    assertEquals((await Promise.all(calls)).map(codeOf), [["DEADLINE", true], ["DEADLINE", true]]);
    await pair.assertQuiet();
  });

  it("end streams: the reader gets what came and then DEADLINE, the source is returned", async () => {
    const seen: unknown[] = [];
    const wait = async function* (_: undefined, { signal }: { signal: AbortSignal }): AsyncGenerator<number> {
      try {
        yield 1;
        yield 2;
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        yield 3;
      } finally {
        seen.push((signal.reason as CallError).code);
      }
    };
    const pair = await Pair.open({
      procedures: { bounded: procedure.stream({ timeout: 100 }, wait), free: procedure.stream({}, wait) },
    });
    const calls = [pair.call("bounded"), pair.call("free", undefined, { timeout: 100 })];
    await pair.clock.settle();
    const read: unknown[] = [];
    const loops = calls.map(async (call) => {
      try {
        for await (const n of call) read.push(n);
        return "ended";
      } catch (error) {
        return (error as CallError).code;
      }
    });
    await pair.clock.settle();
    await pair.clock.advance(100);
    assertEquals(await pair.now(Promise.all(loops)), ["DEADLINE", "DEADLINE"]);
    await pair.assertQuiet();
    assertEquals([read, seen], [[1, 1, 2, 2], ["DEADLINE", "DEADLINE"]]);
  });

  it("end uploads: the handler's loop is broken off, and so is the reading of bytes", async () => {
    const seen: unknown[] = [];
    const read = procedure.upload({ input: anything, items: z.number() }, async (input, items) => {
      try {
        for await (const n of items) seen.push(n);
      } catch (error) {
        seen.push((error as CallError).code);
      }
      await lengthOf(input as ReadableStream<Uint8Array>);
    });
    const pair = await Pair.open({ procedures: { read } });
    const hang = deferred();
    const bytes = new ByteSource({ size: 100 });
    const call = pair.call(
      "read",
      bytes.stream,
      (async function* () {
        yield 1;
        await hang.promise;
      })(),
      { timeout: 100 },
    ).result();
    await pair.clock.settle();
    await pair.clock.advance(100);
    assertEquals(codeOf(await call), ["DEADLINE", true]);
    hang.resolve();
    await pair.assertQuiet();
    assertEquals(seen, [1, "DEADLINE"]);
    assertEquals((bytes.cancelled as CallError).code, "DEADLINE");
  });

  it("of calls that wait for their turn: they never run", async () => {
    const gate = deferred();
    let runs = 0;
    const pair = await Pair.open({
      limits: { concurrency: 1 },
      procedures: {
        wait: procedure(() => {
          runs++;
          return gate.promise;
        }),
      },
    });
    const first = pair.call("wait").result();
    const second = pair.call("wait", undefined, { timeout: 10 }).result();
    await pair.clock.settle();
    await pair.clock.advance(10);
    assertEquals(codeOf(await second), ["DEADLINE", true]);
    assertEquals(gauges(pair.server).answers, 1);
    gate.resolve();
    assertEquals((await pair.now(first)).ok, true);
    await pair.assertQuiet();
    assertEquals(runs, 1);
  });

  it("a handler that takes its time gets the server's bound, streams do not", async () => {
    const seen: unknown[] = [];
    const pair = await Pair.open({
      limits: { callTimeout: 1_000 },
      procedures: {
        wait: patient(seen),
        slow: procedure.stream({}, async function* (_, { signal }) {
          yield 1;
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        }),
      },
    });
    const [call, stream] = [pair.call("wait").result(), pair.call("slow")];
    await pair.clock.settle();
    await pair.clock.advance(1_000);
    assertEquals(codeOf(await call), ["DEADLINE", true]);
    await pair.clock.advance(100_000);
    assertEquals(gauges(pair.server).answers, 1);
    await stream.return();
    await pair.assertQuiet();
    assertEquals(seen, [Infinity, "DEADLINE", 0]);
  });

  it("many are kept with one timer, the nearest first", async () => {
    const pair = await Pair.open({ procedures: { wait: patient([]) } });
    const ended: number[] = [];
    for (const timeout of [300, 100, 200, 50, 400]) {
      void pair.call("wait", undefined, { timeout }).result().then(() => ended.push(timeout));
    }
    await pair.clock.settle();
    assertEquals(pair.clock.pending, 2); // one a side
    await pair.clock.advance(250);
    assertEquals(ended, [50, 100, 200]);
    await pair.clock.advance(150);
    assertEquals(ended, [50, 100, 200, 300, 400]);
    await pair.assertQuiet();
  });

  it("none, 0, Infinity and one beyond every integer are taken; what is no time is refused", async () => {
    const pair = await Pair.open({ procedures: { now: procedure(() => "now"), wait: patient([]) } });
    for (const timeout of [undefined, Infinity, 1e300, 2 ** 53, 1]) {
      assertEquals(await pair.now(pair.call("now", undefined, { timeout })), "now");
    }
    const none = pair.call("wait", undefined, { timeout: 0 }).result();
    await pair.clock.advance(0);
    assertEquals(codeOf(await pair.now(none)), ["DEADLINE", true]);
    for (const timeout of [-1, NaN]) {
      await assertRejects(async () => await pair.call("now", undefined, { timeout }), TypeError);
    }
    await pair.assertQuiet();
  });
});
