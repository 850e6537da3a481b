import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FrameQueue } from "../src/queue.ts";

describe("FrameQueue", () => {
  it("gives frames back in order and knows its bytes", () => {
    const queue = new FrameQueue();
    const frames = [3, 0, 5].map((size) => new Uint8Array(size));
    for (const frame of frames) queue.push(frame);
    assertEquals([queue.size, queue.bytes], [3, 8]);
    for (const frame of frames) {
      assertStrictEquals(queue.first(), frame);
      queue.shift();
    }
    assertEquals([queue.first(), queue.size, queue.bytes], [undefined, 0, 0]);
    queue.shift();
    assertEquals([queue.size, queue.bytes], [0, 0]);
  });

  it("agrees with an array over a long history of both", () => {
    const queue = new FrameQueue();
    const model: Uint8Array[] = [];
    for (let i = 0; i < 10_000; i++) {
      if (i * 7 % 11 < 6) {
        const frame = new Uint8Array(i % 5);
        queue.push(frame);
        model.push(frame);
      } else {
        assertStrictEquals(queue.first(), model.shift());
        queue.shift();
      }
      assertEquals(queue.size, model.length);
    }
    queue.clear();
    assertEquals([queue.size, queue.bytes, queue.first()], [0, 0, undefined]);
  });
});
