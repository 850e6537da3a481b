// Wildcards that end while they are told what is gone, which leave nothing behind, and names that a broker never tells, which are asked for again.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBroker } from "../brokers/memory.ts";
import { channel } from "../mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { MatchState } from "../rpc/match_state.ts";
import type { Directory } from "../rpc/directory.ts";
import { type PatternMember, PatternWatches } from "../rpc/pattern_watch.ts";
import { ChannelNode } from "./suites/channel_node.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { anything } from "./suites/pair.ts";

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

describe("a wildcard", () => {
  it("has its channels though its broker has never answered once", async () => {
    const clock = new ManualClock();
    const broker = new MemoryBroker({ clock, date: () => 1_000_000 + clock.now() });
    const { directory } = broker;
    const { list } = directory;
    let asked = 0;
    directory.list = (pattern) =>
      asked++ === 0 ? { next: () => new Promise(() => {}) } : list.call(directory, pattern);
    const node = new ChannelNode<MemoryBroker>({
      broker,
      clock,
      channels: { "board/:id": channel({ message: anything }) },
    } as never);
    await node.publish(1, "7");
    const line = await node.connect();
    line.send([Kind.WILDCARD, 1, "board/:id", "board/*"]);
    await clock.settle();
    await clock.advance(20_000);
    assertEquals(line.takeOf(Kind.MATCHED), [
      [Kind.MATCHED, 1, MatchState.THERE, "board/7"],
      [Kind.MATCHED, 1, MatchState.ALL, ""],
    ]);
  });
});
