// A reaction is sent again until it is known what has become of it; what is told of it says whether it may have counted.
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Reacting } from "../client/reacting.ts";
import { CallError } from "../rpc/errors.ts";
import { ManualClock } from "./suites/manual_clock.ts";

const LIKE = [3, "like"] as const;
const DONE = ["abcd", 5, 7, "memory"];
/** It was on its way when the connection was lost; it was never sent, since the connection had been lost. */
const [LOST, NEVER] = [true, false].map((ambiguous) =>
  new CallError("DISCONNECTED", undefined, { ambiguous })
);

/** Reactions to a server whose answers, or what comes in their place, are these. */
function reacting(...answers: unknown[]): { reacting: Reacting; clock: ManualClock; calls: unknown[] } {
  const clock = new ManualClock();
  const calls: unknown[] = [];
  const call = (_: string, input: unknown) => {
    calls.push(input);
    const answer = answers.shift();
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { reacting: new Reacting({ clock, call }), clock, calls };
}

describe("a reaction whose connection is lost", () => {
  it("is sent again, under its number, where the next connection is lost before it is sent, too", async () => {
    const { reacting: one, clock, calls } = reacting(LOST, NEVER, NEVER, DONE);
    const done = one.react("board/7", LIKE);
    await clock.settle();
    await clock.advance(10_000);
    assertEquals((await done).offset, 5);
    assertEquals(calls.length, 4);
    assertEquals(new Set(calls.map((input) => (input as { n: number }).n)), new Set([1]));
  });

  it("and is refused then may have counted all the same", async () => {
    const { reacting: one } = reacting(LOST, new CallError("FORBIDDEN"));
    const error = await assertRejects(() => one.react("board/7", LIKE), CallError);
    assertEquals([error.code, error.ambiguous], ["FORBIDDEN", true]);
    const { reacting: never } = reacting(new CallError("FORBIDDEN"));
    assertEquals((await assertRejects(() => never.react("board/7", LIKE), CallError)).ambiguous, false);
  });

  it("and that waits when its client is closed may have counted, too", async () => {
    const { reacting: one, clock } = reacting(LOST, NEVER);
    const done = assertRejects(() => one.react("board/7", LIKE), CallError);
    await clock.settle();
    one.end(new CallError("CANCELLED", undefined, { ambiguous: false }));
    assertEquals((await done).ambiguous, true);
    assertEquals(clock.pending, 0);
  });

  it("is not sent again for ever", async () => {
    const { reacting: one, clock, calls } = reacting(...Array(50).fill(NEVER));
    const done = assertRejects(() => one.react("board/7", LIKE), CallError);
    await clock.settle();
    await clock.advance(100_000);
    assertEquals([(await done).ambiguous, calls.length], [false, 13]);
  });
});
