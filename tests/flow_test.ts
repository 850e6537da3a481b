import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Kind } from "../rpc/kinds.ts";
import { anything, gauges, Pair, procedure } from "./suites/pair.ts";
import { ByteSource, Counter, deferred, lengthOf } from "./suites/sources.ts";
import { messagesOf } from "./suites/wire.ts";

const WINDOW = 64 * 1024;
const LEAST_COST = 64;

/** A source of items of `size` bytes. */
class Blobs extends Counter {
  readonly #size: number;

  constructor(size: number, until = Infinity) {
    super(until);
    this.#size = size;
  }

  override async next(): Promise<IteratorResult<number, undefined>> {
    const { done, value } = await super.next();
    if (done) return { done, value: undefined };
    return { done: false, value: new Uint8Array(this.#size).fill(value) as unknown as number };
  }
}

describe("flow control", () => {
  it("a producer of small items stops at the window of a reader that does not read, and goes on", async () => {
    const source = new Counter();
    const pair = await Pair.open({
      clientLimits: { window: WINDOW },
      procedures: { count: procedure.stream({}, () => source) },
    });
    const call = pair.call("count");
    await pair.clock.settle();
    const first = source.given;
    assertEquals(first, WINDOW / LEAST_COST);
    assertEquals(gauges(pair.client).held, WINDOW);
    await pair.clock.settle();
    assertEquals(source.given, first);
    for (let n = 1; n <= first; n++) assertEquals((await pair.now(call.next())).value, n);
    assertLess(gauges(pair.client).held, WINDOW + 1);
    assertGreater(source.given, first);
    await call.return();
    await pair.assertQuiet();
  });

  it("a producer of bytes stops at the window, and a piece more", async () => {
    const source = new ByteSource({ size: 10_000 });
    const pair = await Pair.open({
      clientLimits: { window: WINDOW },
      procedures: { bytes: procedure(() => source.stream) },
    });
    const stream = await pair.now(pair.call("bytes")) as ReadableStream<Uint8Array>;
    await pair.clock.settle();
    // What is held is the window and the unit that crossed it; one chunk more waits at the sender.
    assertLess(gauges(pair.client).held, WINDOW + 10_000);
    assertEquals(source.given, Math.ceil(WINDOW / 10_000) + 1);
    const reader = stream.getReader();
    for (let i = 1; i <= 100; i++) assertEquals((await pair.now(reader.read())).value?.[0], i);
    assertLess(gauges(pair.client).held, WINDOW + 10_000);
    assertLess(source.given, 100 + WINDOW / 10_000 + 2);
    await reader.cancel();
    await pair.assertQuiet();
    assert(source.cancelled !== undefined);
  });

  it("items larger than the window pass, one at a time: one whole item and a window are held at most", async () => {
    const source = new Blobs(300_000);
    const pair = await Pair.open({
      clientLimits: { window: WINDOW },
      procedures: { blobs: procedure.stream({}, () => source) },
    });
    const call = pair.call("blobs");
    await pair.clock.settle();
    assertLess(source.given, 4);
    assertLess(gauges(pair.client).held, 300_100 + WINDOW + 20_000);
    for (let n = 1; n <= 20; n++) {
      const { value } = await pair.now(call.next()) as { value: Uint8Array };
      assertEquals([value.length, value[0], value.at(-1)], [300_000, n, n]);
      assertLess(source.given, n + 4);
      assertLess(gauges(pair.client).held, 300_100 + WINDOW + 20_000);
    }
    await call.return();
    await pair.assertQuiet();
  });

  it("without acknowledgements no more than the connection's window is on its way, streams and fragments together", async () => {
    const pair = await Pair.open({
      limits: { window: 1024 * 1024 },
      procedures: { take: procedure({ input: anything }, () => new Promise(() => {})) },
    });
    pair.server.pipe.stall();
    const sources = Array.from({ length: 4 }, () => new ByteSource({ size: 16 * 1024 }));
    const calls = sources.map(({ stream }) => pair.call("take", stream).result());
    calls.push(pair.call("take", new Uint8Array(500_000)).result());
    await pair.clock.settle();
    assertEquals(pair.client.pipe.buffered, 0);
    assertLess(pair.client.peer.outbox.window.inFlight, 64 * 1024 + 16 * 1024);
    assertGreater(pair.client.peer.outbox.window.inFlight, 48 * 1024);
    pair.cut();
    await pair.now(Promise.all(calls));
    assertEquals(pair.client.peer.outbox.window.inFlight, 0);
  });

  it("at most one piece is in a socket that does not drain", async () => {
    const pair = await Pair.open({ procedures: { echo: procedure({ input: anything }, (input) => input) } });
    pair.client.pipe.stall();
    const call = pair.call("echo", "x".repeat(1_000_000));
    await pair.clock.settle();
    assertLess(pair.client.pipe.buffered, 16 * 1024 + 100);
    pair.client.pipe.resume();
    assertEquals((await pair.now(call) as string).length, 1_000_000);
    await pair.assertQuiet();
  });

  it("the window grows while acknowledgements come at once, and shrinks when they are late", async () => {
    const pair = await Pair.open({
      procedures: { size: procedure({ input: anything }, (input) => lengthOf(input as never)) },
    });
    const { window } = pair.client.peer.outbox;
    assertEquals(window.piece, 16 * 1024);
    const fast = new ByteSource({ size: 64 * 1024, count: 40 });
    await pair.now(pair.call("size", fast.stream));
    assertEquals(window.piece, 64 * 1024);
    const slow = new ByteSource({ size: 64 * 1024, count: 100 });
    const call = pair.call("size", slow.stream).result();
    pair.client.pipe.stall();
    for (let i = 0; i < 300 && pair.client.pipe.waiting + slow.given < 1000; i++) {
      await pair.clock.advance(100);
      pair.client.pipe.step();
      await pair.clock.settle();
      if (window.piece === 16 * 1024) break;
    }
    assertEquals(window.piece, 16 * 1024);
    pair.client.pipe.resume();
    assertEquals((await pair.now(call)).value, 100 * 64 * 1024);
    await pair.assertQuiet();
  });

  it("small calls pass between the fragments of a large one and the pieces of a stream", async () => {
    const pair = await Pair.open({ procedures: { echo: procedure({ input: anything }, (input) => input) } });
    const bytes = new ByteSource({ size: 30_000, count: 30 });
    const calls = [pair.call("echo", new Uint8Array(900_000)), pair.call("echo", bytes.stream)];
    await pair.clock.settleFor(2);
    const small: PromiseLike<unknown>[] = [];
    for (let n = 0; n < 10; n++) {
      small.push(pair.call("echo", n));
      await pair.clock.settleFor(1);
    }
    await pair.clock.settle();
    assertEquals(await Promise.all(small), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const [large, stream] = await Promise.all(calls) as [Uint8Array, ReadableStream<Uint8Array>];
    assertEquals([large.length, await pair.now(lengthOf(stream))], [900_000, 900_000]);
    await pair.assertQuiet();
    const kinds = pair.client.pipe.frames.flatMap((frame) => messagesOf(frame).map(([kind]) => kind));
    const bulk = kinds.flatMap((kind, at) => kind === Kind.FRAGMENT || kind === Kind.PIECE ? [at] : []);
    const between = kinds.flatMap((kind, at) =>
      kind === Kind.CALL && at > bulk[0]! && at < bulk.at(-1)! ? [at] : []
    );
    assertGreater(between.length, 8);
  });

  it("a small call leaves in the next frame, whatever bulk waits", async () => {
    const pair = await Pair.open({ procedures: { echo: procedure({ input: anything }, (input) => input) } });
    const large = pair.call("echo", new Uint8Array(1_000_000)).result();
    await pair.clock.settleFor(3);
    const before = pair.client.pipe.frames.length;
    const small = pair.call("echo", "small");
    await pair.clock.settleFor(1);
    const next = messagesOf(pair.client.pipe.frames[before]!);
    assertEquals([next[0]![0], next[0]![5]], [Kind.CALL, "small"]);
    assertEquals(await pair.now(small), "small");
    await pair.now(large);
    await pair.assertQuiet();
  });

  it("many streams share the connection fairly", async () => {
    const sources = Array.from({ length: 32 }, () => new Blobs(8_000));
    const pair = await Pair.open({
      procedures: {
        take: procedure.stream({ input: anything }, (n) => sources[n as number]! as AsyncIterable<unknown>),
      },
    });
    const counts = sources.map(() => 0);
    const loops = sources.map(async (_, n) => {
      for await (const _ of pair.call("take", n)) if (++counts[n]! === 300) break;
    });
    await pair.now(Promise.all(loops));
    await pair.assertQuiet();
    assertEquals(counts.every((count) => count === 300), true);
    const order: number[] = [];
    for (const frame of pair.server.pipe.frames) {
      for (const [kind, stream] of messagesOf(frame)) if (kind === Kind.ITEM) order.push(stream as number);
    }
    // When the first stream is through its first half, no other is behind its first quarter or through all of it.
    const half = order.slice(0, 32 * 150);
    const seen = sources.map((_, n) => half.filter((stream) => stream === n + 1).length);
    assertGreater(Math.min(...seen), 75);
    assertLess(Math.max(...seen), 225);
  });

  it("64 streams of large items do not fill the socket at once", async () => {
    const sources = Array.from({ length: 64 }, () => new Blobs(60_000, 3));
    const pair = await Pair.open({
      procedures: {
        take: procedure.stream({ input: anything }, (n) => sources[n as number]! as AsyncIterable<unknown>),
      },
    });
    const counts = sources.map(() => 0);
    const loops = sources.map(async (_, n) => {
      for await (const _ of pair.call("take", n)) counts[n]!++;
    });
    await pair.now(Promise.all(loops));
    assertEquals(counts, sources.map(() => 3));
    assertLess(pair.server.pipe.most, 4 * 64 * 1024);
    await pair.assertQuiet();
  });

  it("no more calls start while a peer reads no answers: what waits for it is bounded", async () => {
    let runs = 0;
    const pair = await Pair.open({
      procedures: {
        big: procedure(() => {
          runs++;
          return new Uint8Array(200_000);
        }),
      },
    });
    pair.server.pipe.stall();
    const calls = Array.from({ length: 100 }, () => pair.call("big").result());
    await pair.clock.settle();
    await pair.clock.advance(100);
    assertLess(runs, 8);
    assertLess(pair.server.peer.outbox.waiting, 1024 * 1024 + 400_000);
    pair.server.pipe.resume();
    for (let i = 0; i < 200 && runs < 100; i++) await pair.clock.advance(5);
    assertEquals((await pair.now(Promise.all(calls))).every(({ ok }) => ok), true);
    await pair.assertQuiet();
  });

  it("no more calls start while the answers of handlers that take their time wait", async () => {
    const gate = deferred();
    let runs = 0;
    const pair = await Pair.open({
      limits: { concurrency: 8 },
      procedures: {
        big: procedure(async () => {
          runs++;
          await gate.promise;
          return new Uint8Array(500_000);
        }),
      },
    });
    pair.server.pipe.stall();
    const calls = Array.from({ length: 40 }, () => pair.call("big").result());
    await pair.clock.settle();
    gate.resolve();
    await pair.clock.settle();
    await pair.clock.advance(100);
    assertLess(runs, 16);
    // What waits is not encoded yet, beyond half the queue's limit and one answer.
    assertLess(pair.server.peer.outbox.waiting, 1024 * 1024 + 600_000);
    pair.server.pipe.resume();
    let answered = false;
    const all = Promise.all(calls).finally(() => answered = true);
    for (let i = 0; i < 400 && !answered; i++) await pair.clock.advance(5);
    assertEquals((await pair.now(all)).every(({ ok }) => ok), true);
    await pair.assertQuiet();
  });

  it("a stream that has ended unread still counts as held, until it is read or dropped", async () => {
    const pair = await Pair.open({
      procedures: { some: procedure.stream({}, () => new Blobs(1000, 5) as AsyncIterable<unknown>) },
    });
    const [read, dropped] = [pair.call("some"), pair.call("some")];
    await pair.clock.settle();
    assertGreater(gauges(pair.client).held, 10_000);
    assertEquals(gauges(pair.client).streams, 0);
    for (let i = 0; i < 5; i++) await pair.now(read.next());
    assertGreater(gauges(pair.client).held, 5000);
    await dropped.return();
    assertEquals(gauges(pair.client).held, 0);
    await pair.assertQuiet();
  });

  it("a server's window smaller than the default holds for items that were promised before WELCOME", async () => {
    const source = new Counter();
    const pair = await Pair.open({
      hold: true,
      limits: { window: 1024 },
      procedures: { never: procedure.upload({ items: anything }, () => new Promise(() => {})) },
    });
    const call = pair.call("never", source).result();
    await pair.clock.settle();
    assertEquals(source.given, 0);
    pair.welcome();
    await pair.clock.settle();
    assertEquals(source.given, 1024 / LEAST_COST);
    pair.cut();
    await pair.now(call);
    assertEquals(pair.server.faults, []);
  });
});
