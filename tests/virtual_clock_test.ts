import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../testing/clock.ts";
import { Random } from "../testing/random.ts";

/** More turns than are asked for at once. */
const TURNS = 50;

describe("a virtual clock", () => {
  it("lets promises settle between two turns, however many hops they take", async () => {
    const clock = new VirtualClock(new Random(1));
    const unsettled: number[] = [];
    let settled = 0;
    for (let turn = 0; turn < TURNS; turn++) {
      clock.setTimeout(() => {
        if (settled !== turn) unsettled.push(turn);
        void (async () => {
          for (let hop = 0; hop < 100; hop++) await undefined;
          settled++;
        })();
      }, turn);
    }
    await clock.run(TURNS);
    assertEquals([unsettled, settled], [[], TURNS]);
  });

  it("stops at once when it is told to, and goes on where it was", async () => {
    for (let last = 1; last < TURNS; last++) {
      const clock = new VirtualClock(new Random(1));
      let turns = 0;
      for (let turn = 0; turn < TURNS; turn++) clock.setTimeout(() => turns++, turn);
      await clock.runUntil(() => turns === last);
      assertEquals([turns, clock.now()], [last, last - 1]);
      await clock.run(TURNS);
      assertEquals(turns, TURNS);
    }
  });
});
