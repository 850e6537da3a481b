// What a session keeps of the frames that left: small ones share a copy, and what is sent again is what was not acknowledged.
import { assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { encode } from "../msgpack/mod.ts";
import { Replay } from "../rpc/replay.ts";
import { messagesOf } from "./suites/wire.ts";

const ACCEPTS = { message: 64 * 1024, messages: 1024 };
const LIMIT = 256 * 1024;

/** A session that sends RESULTs and remembers which. */
class Sending {
  readonly replay = new Replay(LIMIT);
  sent = 0;

  /** A frame of `count` messages with payloads of `size` bytes. */
  frame(count: number, size: number): void {
    const messages = Array.from({ length: count }, () => {
      this.sent++;
      return encode([17, this.sent, this.sent, new Uint8Array(size)]);
    });
    for (const { length } of messages) this.replay.added(length);
    const frame = new Uint8Array(messages.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const message of messages) {
      frame.set(message, at);
      at += message.length;
    }
    assertEquals(this.replay.frameLeaves(frame, this.sent, undefined), false);
    frame.fill(0xc1); // the buffer is somebody else's now
  }

  /** The sequences that are sent again to one that has `received`, in frames. */
  again(received: number, accepts = ACCEPTS): number[][] {
    const frames: number[][] = [];
    this.replay.sendAgain({ received, hasUnit: () => false }, accepts, (frame) => {
      assertLessOrEqual(frame.length, accepts.message);
      frames.push(messagesOf(frame.slice()).map(([, seq]) => Number(seq)));
    });
    return frames;
  }
}

function upTo(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + 1 + i);
}

describe("frames that a session keeps", () => {
  it("are sent again in order, from the first that was not processed, whatever their sizes and acknowledgements", () => {
    const step = fc.record({
      messages: fc.integer({ min: 1, max: 20 }),
      size: fc.constantFrom(0, 10, 100, 3_000),
      acknowledged: fc.double({ min: 0, max: 1, noNaN: true }),
      had: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const sending = new Sending();
        let acknowledged = 0;
        for (const { messages, size, ...shares } of steps) {
          sending.frame(messages, size);
          acknowledged += Math.floor((sending.sent - acknowledged) * shares.acknowledged);
          sending.replay.acknowledged(acknowledged);
          const received = acknowledged + Math.floor((sending.sent - acknowledged) * shares.had);
          assertEquals(sending.again(received).flat(), upTo(received, sending.sent));
        }
        sending.replay.acknowledged(sending.sent);
        assertEquals([sending.replay.held, sending.again(0)], [0, []]);
      }),
    );
  });

  it("come again in frames that the other side accepts, though they share a copy", () => {
    const sending = new Sending();
    for (let i = 0; i < 300; i++) sending.frame(1, 10);
    const byMessages = sending.again(7, { ...ACCEPTS, messages: 4 });
    assertEquals(byMessages.flat(), upTo(7, 300));
    assertEquals(Math.max(...byMessages.map(({ length }) => length)), 4);
    assertEquals(sending.again(7, { ...ACCEPTS, message: 100 }).flat(), upTo(7, 300));
  });

  it("take what they are while a connection is idle, and little more where there are many", () => {
    const idle = new Sending();
    idle.frame(1, 20);
    assertEquals(idle.replay.held, encode([17, 1, 1, new Uint8Array(20)]).length);
    const busy = new Sending();
    let bytes = 0;
    for (let i = 0; i < 1_000; i++) {
      busy.frame(1, 20);
      bytes += encode([17, busy.sent, busy.sent, new Uint8Array(20)]).length;
    }
    assertLess(busy.replay.held, bytes + 5 * 1024);
  });

  it("are full by what was not acknowledged, a shared copy late by no more than an eighth of the bound", () => {
    const sending = new Sending();
    while (!sending.replay.isFull) sending.frame(1, 50);
    sending.replay.acknowledged(Math.ceil(sending.sent / 7));
    assertEquals(sending.replay.isFull, false);
  });
});
