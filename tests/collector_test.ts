import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { getHeapStatistics } from "node:v8";
import { bytes } from "../rpc/bytes.ts";
import { isV8 } from "../rpc/collector.ts";
import { LoneServer, LoopClock } from "./suites/lone_server.ts";
import { procedure } from "./suites/pair.ts";
import { call, frameOf } from "./suites/wire.ts";

const [COUNT, ROUNDS] = [200, 10];

/** V8's count of all bytes of objects that were ever allocated; memory of buffers is not in it. */
const allocated = () => (getHeapStatistics() as { total_allocated_bytes?: number }).total_allocated_bytes!;

/** Bytes of objects that come with a frame of this payload: the least of several rounds, since code that runs for the first time allocates too. */
function perFrame(size: number): number {
  const clock = new LoopClock();
  const server = new LoneServer({ clock, procedures: { take: procedure({ input: bytes() }, () => 1) } });
  let id = 0;
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const frames = Array.from({ length: COUNT }, () => frameOf(call(++id, "take", new Uint8Array(size))));
    const before = allocated();
    for (const frame of frames) {
      server.receive(frame);
      clock.turn();
    }
    least = Math.min(least, (allocated() - before) / COUNT);
  }
  assertEquals(server.errors, []);
  return least;
}

describe("objects that make V8 collect received frames", () => {
  it("are made under V8 alone", () => assertEquals(isV8, !("Bun" in globalThis)));

  if (!isV8) return; // JavaScriptCore does not count what was allocated

  const small = perFrame(16);

  it("are a quarter of large frames", () => {
    const found = perFrame(64 * 1024) - small;
    assertGreater(found, 14 * 1024);
    assertLess(found, 24 * 1024);
  });

  it("are none with small frames", () => {
    assertLess(perFrame(4 * 1024) - small, 1024);
  });
});
