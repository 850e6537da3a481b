import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { bytes } from "../rpc/bytes.ts";
import { CallError } from "../rpc/errors.ts";
import { Kind } from "../rpc/kinds.ts";
import { copiedBytes } from "./suites/copies.ts";
import { anything, gauges, NOTHING, Pair, procedure } from "./suites/pair.ts";
import { all, ByteSource, deferred, lengthOf } from "./suites/sources.ts";
import { messagesOf } from "./suites/wire.ts";

type Stream = ReadableStream<Uint8Array>;

const echo = procedure({ input: anything }, (input) => input);

describe("bytes", () => {
  it("as an input, an output, fields and items, each as an array and as a stream", async () => {
    const size = procedure(
      { input: bytes() },
      async (input) => input instanceof Uint8Array ? input.length : await lengthOf(input),
    );
    const make = procedure(
      { input: anything },
      (n) => new ByteSource({ size: 1000, count: n as number }).stream,
    );
    const items = procedure.duplex({ items: bytes() }, async function* (items) {
      for await (const item of items) yield item;
    });
    const pair = await Pair.open({ procedures: { size, make, items, echo } });
    assertEquals(await pair.now(pair.call("size", new Uint8Array(5000))), 5000);
    assertEquals(
      await pair.now(pair.call("size", new ByteSource({ size: 1000, count: 300 }).stream)),
      300_000,
    );
    assertEquals(await pair.now(lengthOf(await pair.now(pair.call("make", 70)) as Stream)), 70_000);
    const fields = { a: [new ByteSource({ size: 10, count: 3 }).stream], b: { c: new Uint8Array([1, 2]) } };
    const back = await pair.now(pair.call("echo", fields)) as { a: [Stream]; b: { c: Uint8Array } };
    assertEquals([await pair.now(lengthOf(back.a[0])), back.b.c], [30, new Uint8Array([1, 2])]);
    const given = async function* () {
      yield new Uint8Array([7]);
      yield new ByteSource({ size: 50_000, count: 2 }).stream;
    };
    const [array, stream] = await pair.now(all(pair.call("items", given()))) as [Uint8Array, Stream];
    assertEquals([array, await pair.now(lengthOf(stream))], [new Uint8Array([7]), 100_000]);
    const whole = await pair.now(
      all(pair.call("items", undefined, new ByteSource({ size: 3, count: 4 }).stream)),
    );
    assertEquals((whole as Uint8Array[]).map(({ length }) => length), [3, 3, 3, 3]);
    await pair.assertQuiet();
  });

  it("a stream that is echoed runs through: nothing is held but the windows, in any order of messages", async () => {
    const pair = await Pair.open({ procedures: { echo } });
    const source = new ByteSource({ size: 64 * 1024, count: 200 });
    const back = await pair.now(pair.call("echo", source.stream)) as Stream;
    const reader = back.getReader();
    let length = 0;
    for (let read = await pair.now(reader.read()); !read.done; read = await pair.now(reader.read())) {
      length += read.value.length;
      assertLess(gauges(pair.server).held + gauges(pair.client).held, 2 * 256 * 1024 + 3 * 64 * 1024);
    }
    assertEquals(length, 200 * 64 * 1024);
    await pair.assertQuiet();
  });

  it("a stream that is echoed while the socket is full goes on when it drains", async () => {
    const fill = procedure({ input: anything }, () => new Uint8Array(900_000));
    const pair = await Pair.open({ procedures: { echo, fill } });
    pair.server.pipe.stall();
    const large = Array.from({ length: 3 }, () => pair.call("fill"));
    await pair.clock.settle();
    // The answer is large too, so it waits in fragments, and the stream that it names with it.
    const source = new ByteSource({ size: 1000, count: 50 });
    const call = pair.call("echo", { fill: new Uint8Array(70_000), stream: source.stream });
    await pair.clock.settle();
    pair.server.pipe.resume();
    for (let i = 0; i < 10; i++) await pair.clock.advance(5);
    await pair.now(Promise.all(large));
    const { stream } = await pair.now(call) as { stream: Stream };
    assertEquals(await pair.now(lengthOf(stream)), 50_000);
    await pair.assertQuiet();
  });

  it("a stream that nobody reads is stopped when its call ends, however it ends", async () => {
    const pair = await Pair.open({
      procedures: {
        ignore: procedure({ input: anything }, () => "done"),
        fail: procedure({ input: anything }, () => {
          throw new CallError("FORBIDDEN");
        }),
        picky: procedure({
          input: {
            "~standard": { version: 1, vendor: "test", validate: () => ({ issues: [{ message: "no" }] }) },
          },
        }, () => 1),
        half: procedure({ input: anything }, async (input) => {
          const reader = (input as { bytes: Stream }).bytes.getReader();
          await reader.read();
          throw new CallError("FORBIDDEN"); // with the lock held
        }),
        upload: procedure.upload({ items: anything }, async (items) => {
          for await (const _ of items) break;
        }),
      },
    });
    for (const name of ["ignore", "fail", "picky", "half", "missing"]) {
      const source = new ByteSource({ size: 1000 });
      await pair.now(pair.call(name, { bytes: source.stream }).result());
      await pair.clock.settle();
      assert(source.cancelled !== undefined, name);
      assertEquals([gauges(pair.client), gauges(pair.server)], [NOTHING, NOTHING], name);
    }
    const sources = [
      new ByteSource({ size: 1000 }),
      new ByteSource({ size: 1000 }),
      new ByteSource({ size: 1000 }),
    ];
    await pair.now(pair.call(
      "upload",
      (async function* () {
        for (const { stream } of sources) yield stream;
      })(),
    ));
    await pair.assertQuiet();
    assert(sources.every(({ given, cancelled }) => given === 0 || cancelled !== undefined));
  });

  it("a stream that a handler goes on reading after its answer goes on", async () => {
    const gate = deferred<number>();
    const pair = await Pair.open({
      procedures: {
        background: procedure({ input: anything }, (input) => {
          void lengthOf(input as Stream).then(gate.resolve);
          return "accepted";
        }),
      },
    });
    assertEquals(
      await pair.now(pair.call("background", new ByteSource({ size: 50_000, count: 30 }).stream)),
      "accepted",
    );
    assertEquals(await pair.now(gate.promise), 1_500_000);
    await pair.assertQuiet();
  });

  it("who reads a stream after it was stopped gets an error, and does not wait for ever", async () => {
    let kept: Stream | undefined;
    const pair = await Pair.open({
      procedures: { keep: procedure({ input: anything }, (input) => void (kept = input as Stream)) },
    });
    await pair.now(pair.call("keep", new ByteSource({ size: 10 }).stream));
    assertEquals((await assertRejects(() => pair.now(lengthOf(kept!)), CallError)).code, "CANCELLED");
    await pair.assertQuiet();
  });

  it("cancelling a stream cancels its source; a source that fails fails it, without the reason", async () => {
    const sources = [
      new ByteSource({ size: 1000 }).stream,
      new ReadableStream({
        pull: () => Promise.reject(new Error("secret")),
      }),
      new ReadableStream({
        pull: (controller) => controller.enqueue("not bytes" as unknown as Uint8Array),
      }),
    ];
    const pair = await Pair.open({
      procedures: { get: procedure({ input: anything }, (n) => sources[n as number]!) },
    });
    const first = await pair.now(pair.call("get", 0)) as Stream;
    await pair.now(first.cancel("enough"));
    for (const n of [1, 2]) {
      const stream = await pair.now(pair.call("get", n)) as Stream;
      const error = await assertRejects(() => pair.now(lengthOf(stream)), CallError);
      assertEquals([error.code, error.message.includes("secret")], ["INTERNAL", false]);
    }
    await pair.assertQuiet();
  });

  it("chunks may be empty, and their buffer may go away: the stream fails, nothing else does", async () => {
    const chunks = [
      new Uint8Array(0),
      new Uint8Array(3),
      new Uint8Array(0),
      new Uint8Array(0),
      new Uint8Array(4),
    ];
    const pair = await Pair.open({ procedures: { echo } });
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        const chunk = chunks.shift();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
    });
    assertEquals(await pair.now(lengthOf(await pair.now(pair.call("echo", source)) as Stream)), 7);
    const stolen = new Uint8Array(500_000);
    const thief = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(stolen),
    });
    const call = pair.call("echo", thief);
    await pair.clock.settleFor(6);
    structuredClone(stolen, { transfer: [stolen.buffer] });
    const back = await pair.now(call) as Stream;
    assertEquals((await assertRejects(() => pair.now(lengthOf(back)), CallError)).code, "INTERNAL");
    assertEquals(await pair.now(pair.call("echo", 1)), 1);
    await pair.assertQuiet();
  });

  it("more streams than the peer accepts fail at their sender, and leave nothing open", async () => {
    const pair = await Pair.open({
      limits: { streams: 4 },
      procedures: { echo, never: procedure({ input: anything }, () => new Promise(() => {})) },
    });
    const sources = Array.from({ length: 5 }, () => new ByteSource({ size: 10 }));
    const error = await assertRejects(
      () => pair.now(pair.call("echo", sources.map(({ stream }) => stream))),
      CallError,
    );
    assertEquals([error.code, error.retryable], ["RESOURCE_EXHAUSTED", true]);
    await pair.assertQuiet();
    const fine = Array.from({ length: 4 }, () => new ByteSource({ size: 10, count: 2 }));
    const back = await pair.now(pair.call("echo", fine.map(({ stream }) => stream))) as Stream[];
    assertEquals(await pair.now(Promise.all(back.map(lengthOf))), [20, 20, 20, 20]);
    await pair.assertQuiet();
  });

  it("arrive as views of the frame: no copy between socket and handler", async () => {
    let seen: Uint8Array | undefined;
    const pieces: Uint8Array[] = [];
    const pair = await Pair.open({
      procedures: {
        see: procedure({ input: anything }, (input) => void (seen = (input as { data: Uint8Array }).data)),
        read: procedure({ input: anything }, async (input) => {
          const reader = (input as Stream).getReader();
          for (let read = await reader.read(); !read.done; read = await reader.read()) {
            pieces.push(read.value);
          }
        }),
      },
    });
    const frames: Uint8Array[] = [];
    const { deliver } = pair.client.pipe;
    pair.client.pipe.deliver = (frame) => {
      frames.push(frame);
      deliver(frame);
    };
    await pair.now(pair.call("see", { data: new Uint8Array(10_000).fill(7) }));
    assertStrictEquals(seen!.buffer, frames.at(-1)!.buffer);
    await pair.now(pair.call("read", new ByteSource({ size: 16_000, count: 20 }).stream));
    const received = new Set(frames.map(({ buffer }) => buffer));
    assertGreater(pieces.length, 19);
    assert(pieces.every(({ buffer }) => received.has(buffer)));
    await pair.assertQuiet();
  });

  it("leave with one copy: a value into its frame, a chunk into its frame; fragments are cut where they lie", async () => {
    const pair = await Pair.open({ procedures: { echo } });
    const budget = async (start: () => PromiseLike<unknown>): Promise<number> => {
      pair.client.pipe.stall(); // or what comes back is counted too
      const before = pair.client.pipe.sent;
      const copied = await copiedBytes(async () => {
        start().then(undefined, () => {});
        await pair.clock.settleFor(4);
      });
      const sent = pair.client.pipe.sent - before;
      pair.client.pipe.resume();
      await pair.clock.settle();
      return copied - sent; // the pipe copies each frame once
    };
    const small = () => budget(() => pair.call("echo", new Uint8Array(15_000)));
    const piece = () => budget(() => pair.call("echo", new ByteSource({ size: 16_000, count: 1 }).stream));
    await small(); // the buffers grow once
    assertLess(await small(), 15_000 * 1.1);
    assertLess(await piece(), 16_000 * 1.1);
    assertLess(await budget(() => pair.call("echo", new Uint8Array(900_000))), 900_000 * 1.1);
    pair.cut();
  });

  it("pieces are 16 KiB while the window is small", async () => {
    const pair = await Pair.open({ procedures: { echo } });
    const source = new ByteSource({ size: 100_000 });
    pair.client.pipe.stall();
    const call = pair.call("echo", source.stream).result();
    await pair.clock.settle();
    const lengths = pair.client.pipe.frames.flatMap(messagesOf).flatMap(([kind, , , payload]) =>
      kind === Kind.PIECE ? [(payload as Uint8Array).length] : []
    );
    assertEquals(lengths, [16 * 1024]);
    pair.cut();
    await pair.now(call);
  });
});
