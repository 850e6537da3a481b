// Who leaves is gone, by whatever connection it says so, and who is there stays, however many channels its node had.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Kind } from "../rpc/kinds.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { as, brokerOf, enter, leave, presenceNode } from "./suites/presence_node.ts";

describe("who leaves", () => {
  it("is gone at once, also by a connection that did not carry on the session of the one before", async () => {
    const server = presenceNode();
    const before = await server.connect(as("a"));
    enter(before, 1, "Ada");
    await server.settle();
    before.end(1006);
    await server.settle();
    const ada = await server.connect(as("a"));
    leave(ada, 2);
    await server.settle();
    assertEquals(ada.takeOf(Kind.RESULT).length, 1);
    const board = server.node.publisher.channel("board/:id", { id: "7" });
    assertEquals(await board.presence.count(), 0);
  });

  it("is gone at once, also by another node", async () => {
    const clock = new ManualClock();
    const broker = brokerOf(clock);
    const [one, other] = [presenceNode({ clock, broker }), presenceNode({ clock, broker })];
    const before = await one.connect(as("a"));
    enter(before, 1, "Ada");
    await one.settle();
    before.end(1006);
    await one.settle();
    const ada = await other.connect(as("a"));
    leave(ada, 2);
    await other.settle();
    const board = other.node.publisher.channel("board/:id", { id: "7" });
    assertEquals(await board.presence.count(), 0);
  });
});

describe("who is there", () => {
  it("stays when most channels of its node have lost their members at once", async () => {
    const server = presenceNode({ limits: { memberships: 2_000 } });
    const [many, ada] = [await server.connect(as("m")), await server.connect(as("a"))];
    for (let i = 0; i < 1_200; i++) {
      enter(many, i + 1, i, `board/many${i}`);
      if (i % 100 === 99) await server.settle();
    }
    for (let i = 0; i < 5; i++) enter(ada, i + 1, "Ada", `board/${i}`);
    await server.settle();
    await server.clock.advance(600); // it has begun to look at all of them
    many.end(1000);
    await server.settle();
    for (let s = 0; s < 60; s++) {
      await server.clock.advance(1_000);
      const board = server.node.publisher.channel("board/:id", { id: "0" });
      assertEquals([s, await board.presence.count()], [s, 1]);
    }
  });
});
