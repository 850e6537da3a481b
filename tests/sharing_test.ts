// Frames that many connections share: they are given to a socket without a look at what its connection does else, and so may overtake nothing.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { DEFAULT_LIMITS } from "../rpc/limits.ts";
import { writeResultHead } from "../rpc/messages.ts";
import { answer, CountingSocket, outboxOn } from "./suites/counting_socket.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { frameOf, messagesOf } from "./suites/wire.ts";

const RESULT = 17;

describe("what many connections share", () => {
  /** The ids of calls, in the order in which their answers left. */
  function left({ frames }: CountingSocket): unknown[] {
    return frames.flatMap((frame) => messagesOf(frame).map(([, , id]) => id));
  }

  it("overtakes nothing that was written before, and is never held back by nothing", async () => {
    const act = fc.constantFrom("write", "write large", "drop", "share", "share", "flush", "turn");
    let [given, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 60 }), async (acts) => {
        const socket = new CountingSocket();
        const clock = new ManualClock();
        const outbox = outboxOn(socket, clock, { ...DEFAULT_LIMITS, message: 1_000, messages: 3 });
        let isEmpty = true;
        const expected: number[] = [];
        for (const [i, what] of acts.entries()) {
          const id = 1_000 + i;
          if (what === "write" || what === "write large") {
            answer(outbox, what === "write" ? 5 : 450, id);
            expected.push(id);
            isEmpty = !outbox.hasFrame;
          } else if (what === "drop") {
            outbox.open();
            writeResultHead(outbox.nextSequence, id);
            outbox.abandon();
            isEmpty = false; // its buffer is given back when it leaves
          } else if (what === "share") {
            const frame = frameOf([RESULT, 1, id, new Uint8Array(4)]);
            const wasGiven = outbox.room.share(frame, 1 << 20);
            assertEquals(wasGiven, isEmpty);
            if (wasGiven) given++;
            else {
              refused++;
              outbox.sendShared(frame);
              isEmpty = true;
            }
            expected.push(id);
          } else {
            if (what === "flush") outbox.flush();
            else await clock.settle();
            isEmpty = true;
          }
        }
        outbox.flush();
        assertEquals(left(socket), expected);
      }),
      { numRuns: 500, seed: 11 }, // the counts below are of this one
    );
    assert(given > 500 && refused > 500, `${given} times given, ${refused} times refused`);
  });

  it("is not given to a socket that is too full, until somebody has asked it again", () => {
    const socket = new CountingSocket();
    const { room } = outboxOn(socket);
    const frame = new Uint8Array(100);
    const count = (): number => [...Array(50)].filter(() => room.share(frame, 1_000)).length;
    assertEquals(count(), 9); // 114 bytes each, at most: Bun counts a header
    socket.buffered = 0;
    assertEquals(count(), 0);
    assertEquals(room.isOver(1_000, 0), false);
    assertEquals(count(), 9);
  });

  it("goes nowhere when the connection is gone", () => {
    const socket = new CountingSocket();
    const outbox = outboxOn(socket);
    outbox.end();
    outbox.room.share(new Uint8Array(100), 1_000);
    outbox.sendShared(new Uint8Array(100));
    assertEquals(socket.frames, []);
  });
});
