// Reactions on a broker that does not answer for once: those that come later are counted, and who waited is told.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Page } from "../rpc/broker.ts";
import type { NamedChannel } from "../rpc/channel_rules.ts";
import type { CallError } from "../rpc/errors.ts";
import { NodeReactions } from "../rpc/reactions.ts";
import { ManualClock } from "./suites/manual_clock.ts";

describe("reactions", () => {
  it("to a message are not held up for ever by what is never answered", async () => {
    const clock = new ManualClock();
    const place = { epoch: "e", offset: 1, fingerprint: 1 };
    const page: Page = { epoch: "e", top: place, oldest: 1, boundary: undefined, entries: [], more: false };
    let asked = 0;
    const reactions = new NodeReactions({
      read: () => asked++ === 0 ? new Promise(() => {}) : page,
      append: () => ({ ...place, offset: 2, durability: "memory" }),
    }, clock);
    const channel = {
      name: "c",
      value: { reactions: { kinds: { like: "total" } } },
    } as unknown as NamedChannel;
    const told: unknown[] = [];
    const like = () =>
      void reactions.add({ channel, target: 1, epoch: undefined }, {
        kind: "like",
        value: "",
        undo: false,
        author: "sada",
      }).then(({ offset }) => told.push(offset), ({ code, ambiguous }: CallError) =>
        told.push([code, ambiguous]));
    like();
    await clock.advance(1_000);
    like();
    await clock.advance(30_000);
    assertEquals(told, [["UNAVAILABLE", true], 2]);
    assertEquals(reactions.size, 0);
  });
});
