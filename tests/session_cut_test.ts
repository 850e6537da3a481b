// A connection is cut wherever it can be cut, and nothing is lost: each cut gives what the uncut conversation gives, and nothing runs twice.
import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Cut, SessionPair, type Way } from "./suites/session_pair.ts";
import { Script } from "./suites/session_script.ts";

/** The outcome of the conversation when connections end like that. */
async function outcome(cuts: readonly Cut[]): Promise<{ result: unknown; frames: number }> {
  const script = new Script();
  const { procedures, offers } = script;
  const pair = await SessionPair.open({ procedures, offers, cuts });
  pair.cut(); // the first connection, which only made the session
  const result = await pair.finish(script.run(pair));
  const { frames } = pair;
  await pair.assertQuiet();
  pair.end();
  return { result, frames };
}

const uncut = await outcome([{ after: Infinity }]);
/** Frames of the whole conversation. */
const FRAMES = uncut.frames;

/** Of what doubles the number of cuts, every so many; 1 looks at all of them. */
const EVERY = 13;

describe("a cut", () => {
  it("has a conversation to cut", () => assertGreater(FRAMES, 100));

  it("after each frame loses nothing", async () => {
    for (let after = 0; after <= FRAMES; after++) await assertSame([{ after }]);
  });

  for (const way of ["up", "down"] as Way[]) {
    for (const frames of [1, 2, 5]) {
      it(`when ${frames} more frames go ${way} than back loses nothing`, async () => {
        for (let after = frames; after <= FRAMES; after += EVERY) {
          await assertSame([{ after, more: { way, frames } }]);
        }
      });
    }
  }

  for (const next of [0, 1, 2, 3, 4, 7]) {
    it(`and another ${next} frames later lose nothing`, async () => {
      for (let after = next; after <= FRAMES; after += EVERY) await assertSame([{ after }, { after: next }]);
    });
  }

  for (const after of [3, 4, 5, 7, 11, 20]) {
    it(`after every ${after} frames loses nothing, HELLO and WELCOME counted`, async () => {
      await assertSame(Array(1_000).fill({ after }));
    });
  }
});

/** Asserts that what the cuts leave is what no cut leaves. */
async function assertSame(cuts: readonly Cut[]): Promise<void> {
  const { result } = await outcome(cuts);
  assertEquals(result, uncut.result, JSON.stringify(cuts.slice(0, 3)));
}
