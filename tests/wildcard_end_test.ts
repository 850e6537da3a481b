// A wildcard that ends while it is told what is gone: nothing of its pattern is looked at any more.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Directory } from "../rpc/directory.ts";
import { type PatternMember, PatternWatches } from "../rpc/pattern_watch.ts";
import { ManualClock } from "./suites/manual_clock.ts";

describe("the last wildcard of a pattern", () => {
  for (const isLate of [false, true]) {
    it(`leaves no timer when it ends in the middle, with a broker that answers ${isLate ? "later" : "at once"}`, async () => {
      const clock = new ManualClock();
      const directory: Directory = {
        list: () => ({ next: () => undefined }),
        known: () => isLate ? Promise.resolve([]) : [],
        watch: () => {},
        unwatch: () => {},
      };
      const watches = new PatternWatches({ clock, directory, report: () => {} });
      const told = new Set(["board/1"]);
      const member: PatternMember = {
        told,
        watched: () => {},
        appeared: () => {},
        uncertain: () => {},
        gone: () => watches.leave("board/:id", member), // its connection could take no more
      };
      watches.join("board/:id", member, (work) => work);
      await clock.advance(60_000);
      assertEquals([watches.size, clock.pending], [0, 0]);
    });
  }
});
