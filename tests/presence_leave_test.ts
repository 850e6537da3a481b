// Who leaves is gone, by whatever connection it says so, and who is there stays, however many channels its node had.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Kind } from "../rpc/kinds.ts";
import { LatelyLeft } from "../rpc/lately_left.ts";
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

describe("what who has left had told before", () => {
  it("brings it back by no connection, however late it comes, and what it tells later does", async () => {
    const server = presenceNode();
    const [before, ada] = [await server.connect(as("a")), await server.connect(as("a"))];
    const board = server.node.publisher.channel("board/:id", { id: "7" });
    const count = async () => {
      await server.settle();
      return await board.presence.count();
    };
    enter(ada, 2, "Ada");
    assertEquals(await count(), 1);
    leave(ada, 3);
    assertEquals(await count(), 0);
    await server.clock.advance(8_000);
    enter(before, 1, "Ada, before");
    assertEquals(await count(), 0);
    assertEquals(before.takeOf(Kind.RESULT).length, 1);
    enter(ada, 4, "Ada again");
    assertEquals(await count(), 1);
  });

  it("is of that channel and of that client", async () => {
    const server = presenceNode();
    const [ada, bob] = [await server.connect(as("a")), await server.connect(as("b"))];
    leave(ada, 3);
    await server.settle();
    enter(bob, 1, "Bob");
    enter(ada, 1, "Ada", "board/8");
    await server.settle();
    for (const id of ["7", "8"]) {
      assertEquals(await server.node.publisher.channel("board/:id", { id }).presence.count(), 1);
    }
  });
});

describe("of those who left", () => {
  it("so many are known, for a while, and each by its latest word", () => {
    const clock = new ManualClock();
    const left = new LatelyLeft(() => clock.now(), 1_000);
    left.add("a", 7);
    left.add("a", 3);
    assertEquals([left.of("a"), left.of("b")], [7, 0]);
    for (let i = 0; i < 12_000; i++) left.add(`${i}`, 1);
    assertEquals([left.size, left.of("a"), left.of("1999"), left.of("2000")], [10_000, 0, 0, 1]);
    void clock.advance(1_000);
    assertEquals(left.of("11999"), 0);
    left.add("b", 1);
    assertEquals(left.size, 1);
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
