// The budget of a publication: payload bytes that JavaScript copies on their way from the publisher's frame to those of a thousand subscribers.
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBroker } from "../brokers/memory.ts";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import type { ServerConnection } from "../rpc/server_connection.ts";
import { ChannelClient } from "./suites/channel_client.ts";
import { ChannelNode } from "./suites/channel_node.ts";
import { copiedBytes } from "./suites/copies.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { frameOf, hello, payload } from "./suites/wire.ts";

const NAME = "board/7";
const SUBSCRIBERS = 1_000;
const SIZE = 16 * 1024;
/** Headers, and what is moved beside the payload. */
const SLACK = 512;

/** A node with a thousand subscribers whose frames are counted and dropped. */
class Bench {
  readonly clock = new ManualClock();
  readonly broker = new MemoryBroker({ clock: this.clock, date: () => 1_000_000 });
  readonly server = new ChannelNode<MemoryBroker>({ broker: this.broker, clock: this.clock });
  /** The frames that a subscriber was given, by subscriber. */
  readonly frames: Uint8Array[][] = [];
  #publisher: ServerConnection | undefined;
  #calls = 0;

  /** With the options of SUBSCRIBE. */
  async start(options: object | null = null): Promise<void> {
    this.#publisher = this.#open([]);
    for (let i = 0; i < SUBSCRIBERS; i++) {
      const frames: Uint8Array[] = [];
      this.frames.push(frames);
      this.#open(frames).receive(frameOf([Kind.SUBSCRIBE, 1, NAME, null, options]));
    }
    await this.clock.settle();
    await this.copied(1); // names are announced, buffers have their size
    for (const frames of this.frames) frames.length = 0;
  }

  /** Bytes copied from the moment that the frame of so many publications has come until all is quiet. */
  async copied(count: number, bytes: Uint8Array = new Uint8Array(SIZE).fill(7)): Promise<number> {
    const data = encode(bytes);
    const calls = Array.from({ length: count }, () => {
      const id = ++this.#calls;
      return [Kind.CALL, id, id, "@publish", null, payload([NAME, id, data])];
    });
    const frames = calls.map((call) => frameOf(call));
    return await copiedBytes(async () => {
      for (const frame of frames) this.#publisher!.receive(frame);
      await this.clock.settle();
    });
  }

  end(): Promise<unknown> {
    return this.server.node.drain({ code: 1001, deadline: 0, retryAfter: undefined });
  }

  #open(frames: Uint8Array[]): ServerConnection {
    const request = { url: "http://test/", method: "GET", headers: new Headers(), address: "" };
    const transport = { send: (frame: Uint8Array) => void frames.push(frame), buffered: 0, close: () => {} };
    const connection = this.server.node.open(transport, {
      id: `${frames.length}`,
      request,
      token: undefined,
    });
    connection.receive(frameOf(hello({ producer: new Uint8Array(16) })));
    return connection;
  }
}

describe("bytes copied for a publication to a thousand subscribers", () => {
  it("alone: one copy for all of them, which is history, frame and tail; none for each", async () => {
    const bench = new Bench();
    await bench.start();
    const copied = await bench.copied(1);
    assert(copied >= SIZE && copied <= SIZE + SLACK, `${copied} bytes, ${(copied / SIZE).toFixed(3)} copies`);
    const [frame] = bench.frames[0]!;
    for (const frames of bench.frames) {
      assertEquals(frames.length, 1);
      assertStrictEquals(frames[0], frame, "one frame for all");
    }
    const { entries } = bench.broker.read(NAME, { after: 1, messages: 1, bytes: 1 });
    assertStrictEquals(entries[0]!.data.buffer, frame!.buffer, "the history holds the same bytes");
    await bench.end();
  });

  it("merged: one copy more for all of them together", async () => {
    const bench = new Bench();
    await bench.start();
    const [copied, count] = [await bench.copied(3), 3];
    const most = 2 * count * SIZE + SLACK * count;
    assert(copied >= 2 * count * SIZE && copied <= most, `${(copied / SIZE / count).toFixed(3)} copies`);
    for (const frames of bench.frames) {
      assertEquals(frames.length, 1);
      assertStrictEquals(frames[0], bench.frames[0]![0]);
    }
    await bench.end();
  });

  it("as differences: the same, and the difference twice, which is small, for all of them together", async () => {
    const bench = new Bench();
    await bench.start({ delta: true });
    const copied = await bench.copied(1);
    const [frame] = bench.frames[0]!;
    assertEquals(frame![1], Kind.DELTA);
    assert(frame!.length < 64, `${frame!.length} bytes`);
    assert(copied >= SIZE && copied <= SIZE + SLACK, `${copied} bytes, ${(copied / SIZE).toFixed(3)} copies`);
    for (const frames of bench.frames) {
      assertEquals(frames.length, 1);
      assertStrictEquals(frames[0], frame, "one frame for all");
    }
    await bench.end();
  });

  it("as differences of what passes a filter: the same, one frame for all who have that filter", async () => {
    const bench = new Bench();
    await bench.start({ delta: true, filter: ["exists", []] });
    const copied = await bench.copied(1);
    const [frame] = bench.frames[0]!;
    assertEquals(frame![1], Kind.DELTA);
    assert(copied >= SIZE && copied <= SIZE + SLACK, `${copied} bytes, ${(copied / SIZE).toFixed(3)} copies`);
    for (const frames of bench.frames) {
      assertEquals(frames.length, 1);
      assertStrictEquals(frames[0], frame, "one frame for all");
    }
    await bench.end();
  });

  it("as differences that do not pay: none more than whole, though one is tried", async () => {
    const bench = new Bench();
    await bench.start({ delta: true });
    const noise = crypto.getRandomValues(new Uint8Array(SIZE));
    const copied = await bench.copied(1, noise);
    assertEquals(bench.frames[0]![0]![1], Kind.PUBLICATION);
    assert(copied >= SIZE && copied <= SIZE + 2 * SLACK, `${(copied / SIZE).toFixed(3)} copies`);
    for (const frames of bench.frames) assertStrictEquals(frames[0], bench.frames[0]![0]);
    await bench.end();
  });

  it("of server code: the encoding, and one copy", async () => {
    const bench = new Bench();
    await bench.start();
    const size = 2 * SIZE;
    const message = "x".repeat(size);
    const copied = await copiedBytes(() => bench.server.publish(message));
    assert(copied >= size && copied <= size + 4 * SLACK, `${(copied / size).toFixed(3)} copies`);
    await bench.end();
  });
});

describe("bytes copied for a publication in its client", () => {
  /**
   * The encoding is kept until the answer: it is sent again in another session where this one is lost, and the program may change the message meanwhile. So there is one
   * copy beside it, the one into the frame. How a text is written is not counted (the runtime does that), how bytes are encoded is. Up to 16 KiB there is one
   * copy more, since small messages share the buffer that they are encoded in.
   */
  const copies: Record<string, [message: (size: number) => unknown, copies: number]> = {
    text: [(size) => "x".repeat(size), 1],
    "a map": [(size) => ({ text: "x".repeat(size), at: 1 }), 1],
    bytes: [(size) => new Uint8Array(size).fill(7), 2],
  };
  for (const [name, [message, most]] of Object.entries(copies)) {
    for (const size of [2 * SIZE, 256 * 1024]) {
      it(`${name} of ${size}: the encoding, and one copy into the frame`, async () => {
        const fake = await ChannelClient.connected();
        let sent = 0;
        fake.socket.send = (frame) => void (sent += frame.length);
        const published = message(size);
        const publish = () => {
          fake.channel().publish(published).catch(() => {});
          return fake.clock.settle();
        };
        await publish(); // buffers have their size
        sent = 0;
        const copied = await copiedBytes(publish);
        assert(sent > size || size > 64 * 1024, `${sent} bytes were sent`); // fragments wait, views of what was encoded
        assert(
          copied >= most * size && copied <= most * size + (SLACK * size) / SIZE,
          `${copied} bytes, ${(copied / size).toFixed(3)} copies`,
        );
        await fake.close();
      });
    }
  }
});
