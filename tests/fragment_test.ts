import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CallError } from "../rpc/errors.ts";
import { Kind } from "../rpc/kinds.ts";
import { anything, Pair, procedure } from "./suites/pair.ts";
import { all, ByteSource, Counter, deferred, lengthOf } from "./suites/sources.ts";
import { messagesOf } from "./suites/wire.ts";

const echo = procedure({ input: anything }, (input) => input);

/** What the client sent after so many frames, kind by kind. */
function kinds(pair: Pair, from = 0): unknown[] {
  return pair.client.pipe.frames.slice(from).flatMap((frame) => messagesOf(frame).map(([kind]) => kind));
}

describe("fragments", () => {
  it("carry what is larger than 65 KiB, to the byte, both ways", async () => {
    const pair = await Pair.open({ procedures: { echo } });
    for (const size of [60_000, 66_000, 66_550, 66_560, 66_700, 131_072, 500_000, 1_000_000]) {
      const bytes = new Uint8Array(size);
      for (let i = 0; i < size; i += 997) bytes[i] = i;
      const before = pair.client.pipe.frames.length;
      const back = await pair.now(pair.call("echo", bytes)) as Uint8Array;
      assertEquals(back.length, size);
      assert(back.every((byte, i) => byte === bytes[i]));
      const fragmented = kinds(pair, before).includes(Kind.FRAGMENT);
      // The message is a little larger than its payload: kind, seq, id, method, options and the header of the bin.
      assertEquals(fragmented, size + 20 > 66_560, String(size));
    }
    await pair.assertQuiet();
  });

  it("of many large calls at once interleave, never more than 16 and 4 times the largest", async () => {
    const pair = await Pair.open({ procedures: { echo } });
    const sizes = [
      ...Array.from({ length: 40 }, () => 100_000),
      ...Array.from({ length: 8 }, () => 1_000_000),
    ];
    const calls = Promise.all(sizes.map((size) => pair.call("echo", new Uint8Array(size))));
    for (let i = 0; i < 50; i++) await pair.clock.advance(5);
    const back = await pair.now(calls) as Uint8Array[];
    assertEquals(back.map(({ length }) => length), sizes);
    await pair.assertQuiet();
    const open = new Map<number, number>();
    let [most, bytes] = [0, 0];
    for (const [kind, , group, remaining] of pair.client.pipe.frames.flatMap(messagesOf)) {
      if (kind !== Kind.FRAGMENT) continue;
      open.set(group as number, remaining as number);
      if (remaining === 0) open.delete(group as number);
      most = Math.max(most, open.size);
      bytes = Math.max(bytes, [...open.values()].reduce((sum, size) => sum + size, 0));
    }
    assertEquals(most, 16);
    assertLess(bytes, 4 * 1024 * 1024);
  });

  it("fit a peer that accepts little: frames, pieces and items too", async () => {
    const pair = await Pair.open({
      limits: { message: 20_001 },
      clientLimits: { message: 20_001 },
      procedures: {
        echo,
        items: procedure.duplex({ items: anything }, async function* (items) {
          yield* items;
        }),
      },
    });
    assertEquals((await pair.now(pair.call("echo", new Uint8Array(19_900))) as Uint8Array).length, 19_900);
    const bytes = await pair.now(pair.call("echo", new ByteSource({ size: 50_000, count: 5 }).stream));
    assertEquals(await pair.now(lengthOf(bytes as ReadableStream<Uint8Array>)), 250_000);
    const items = async function* () {
      for (const size of [10, 9_000, 15_000, 19_900, 20_000 - 10]) yield new Uint8Array(size);
    };
    const back = await pair.now(all(pair.call("items", items()))) as Uint8Array[];
    assertEquals(back.map(({ length }) => length), [10, 9_000, 15_000, 19_900, 19_990]);
    const calls = Array.from({ length: 200 }, () => pair.call("echo", new Uint8Array(900)));
    assertEquals((await pair.now(Promise.all(calls))).length, 200);
    for (const { pipe } of [pair.client, pair.server]) {
      assert(pipe.frames.every(({ length }) => length <= 20_001));
    }
    await pair.assertQuiet();
  });

  it("and frames hold no more messages than the peer accepts", async () => {
    const pair = await Pair.open({
      limits: { messages: 80 },
      clientLimits: { messages: 70 },
      procedures: { echo, count: procedure.stream({}, () => new Counter(200)) },
    });
    const calls = Array.from({ length: 200 }, (_, n) => pair.call("echo", n));
    assertEquals((await pair.now(Promise.all(calls))).length, 200);
    assertEquals((await pair.now(all(pair.call("count")))).length, 200);
    assertEquals(Math.max(...pair.client.pipe.frames.map((frame) => messagesOf(frame).length)), 80);
    assertEquals(Math.max(...pair.server.pipe.frames.map((frame) => messagesOf(frame).length)), 70);
    await pair.assertQuiet();
  });

  it("carry what does not fit before WELCOME, and it leaves behind it, in order", async () => {
    const started: unknown[] = [];
    const note = procedure({ input: anything }, (input) => {
      started.push((input as { n: number }).n);
      return input;
    });
    const pair = await Pair.open({ hold: true, procedures: { note } });
    const sizes = [10, 30_000, 20_000, 20_000, 10, 500_000, 20];
    const calls = sizes.map((size, n) => pair.call("note", { n, fill: new Uint8Array(size) }));
    await pair.clock.settle();
    const sent = pair.client.pipe.frames.reduce((sum, { length }) => sum + length, 0);
    assertLess(sent, 64 * 1024);
    assertEquals(started, []);
    pair.welcome();
    await pair.now(Promise.all(calls));
    assertEquals(started.toSorted(), [0, 1, 2, 3, 4, 5, 6]);
    assertEquals(started.slice(0, 3), [0, 1, 2]);
    await pair.assertQuiet();
  });

  it("of a call that WELCOME shows to be too large never leave, and the calls behind it go on", async () => {
    const started: unknown[] = [];
    const ordered = procedure({ input: anything, ordered: true }, (input) => void started.push(input));
    const pair = await Pair.open({ hold: true, limits: { message: 100_000 }, procedures: { echo, ordered } });
    const [bytes, items] = [new ByteSource({ size: 10 }), new Counter()];
    const large = pair.call("echo", { fill: new Uint8Array(200_000), bytes: bytes.stream }, items);
    const cancelled = pair.call("echo", new Uint8Array(200_000));
    const fits = pair.call("echo", new Uint8Array(90_000));
    const calls = [pair.call("ordered", 1), pair.call("ordered", 2)];
    cancelled.cancel();
    await assertRejects(() => pair.now(cancelled), CallError);
    pair.welcome();
    const error = await assertRejects(() => pair.now(large), CallError);
    assertEquals([error.code, error.ambiguous], ["TOO_LARGE", false]);
    assertEquals((await pair.now(fits) as Uint8Array).length, 90_000);
    await pair.now(Promise.all(calls));
    assertEquals(started, [1, 2]);
    assert(items.returned && bytes.cancelled !== undefined);
    await pair.assertQuiet();
  });

  it("at the end of the connection are forgotten on both sides", async () => {
    const pair = await Pair.open({ procedures: { echo } });
    pair.server.pipe.stall();
    const calls = Array.from({ length: 20 }, () => pair.call("echo", new Uint8Array(300_000)).result());
    await pair.clock.settle();
    assert(pair.server.peer.held > 0 && pair.client.peer.held > 0);
    pair.cut();
    await pair.now(Promise.all(calls));
    await pair.assertQuiet();
  });
});

describe("items larger than a piece", () => {
  it("arrive whole, in order, among small ones", async () => {
    const sizes = [10, 66_600, 5, 200_000, 1_000_000, 0, 300_000];
    const pair = await Pair.open({
      procedures: {
        send: procedure.stream({}, async function* () {
          for (const size of sizes) yield new Uint8Array(size).fill(size);
        }),
      },
    });
    const items = await pair.now(all(pair.call("send"))) as Uint8Array[];
    assertEquals(items.map(({ length }) => length), sizes);
    assert(items.every((item, at) => item.every((byte) => byte === (sizes[at]! & 255))));
    await pair.assertQuiet();
  });

  it("may name byte streams, which begin when the item is complete", async () => {
    const pair = await Pair.open({
      procedures: {
        send: procedure.stream({}, async function* () {
          for (let n = 1; n <= 3; n++) {
            yield { fill: new Uint8Array(200_000), bytes: new ByteSource({ size: 20_000, count: n }).stream };
          }
        }),
      },
    });
    const lengths: number[] = [];
    const read = async () => {
      for await (const item of pair.call("send")) {
        lengths.push(await lengthOf((item as { bytes: ReadableStream<Uint8Array> }).bytes));
      }
    };
    await pair.now(read());
    assertEquals(lengths, [20_000, 40_000, 60_000]);
    await pair.assertQuiet();
    const order = pair.server.pipe.frames.flatMap(messagesOf).filter(([kind]) =>
      kind === Kind.PART || kind === Kind.PIECE
    );
    for (let stream = 2; stream <= 4; stream++) {
      const first = order.findIndex(([kind, id]) => kind === Kind.PIECE && id === stream);
      const complete = order.filter(([kind, , , remaining], at) =>
        at < first && kind === Kind.PART && remaining === 0
      );
      assert(complete.length >= stream - 1, `stream ${stream}`);
    }
  });

  it("that nobody reads any more leave nothing behind: not what they name, nor half of them", async () => {
    const gate = deferred();
    const sources: ByteSource[] = [];
    const pair = await Pair.open({
      clientLimits: { window: 64 * 1024 },
      procedures: {
        send: procedure.stream({}, async function* () {
          while (true) {
            const source = new ByteSource({ size: 1000 });
            sources.push(source);
            yield { fill: new Uint8Array(100_000), bytes: source.stream };
          }
        }),
        small: procedure.stream({}, async function* () {
          for (let n = 0; n < 5; n++) {
            const source = new ByteSource({ size: 1000 });
            sources.push(source);
            yield { bytes: source.stream };
          }
          await gate.promise;
        }),
      },
    });
    for (const turns of [1, 3, 5, 8, 13, 100]) {
      const call = pair.call("send");
      await pair.clock.settleFor(turns);
      await call.return();
      await pair.clock.settle();
    }
    const small = pair.call("small");
    await pair.clock.settle();
    await small.return();
    gate.resolve();
    await pair.assertQuiet();
    assert(sources.length > 8);
    assertEquals(sources.filter(({ cancelled }) => cancelled === undefined), []);
  });
});
