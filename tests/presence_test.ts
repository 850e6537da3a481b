// Presence on the server: who is there is told whole, then by differences, and nobody stays who is gone.
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { channel } from "../mod.ts";
import { Kind } from "../rpc/kinds.ts";
import type { Line } from "./suites/channel_node.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { anything } from "./suites/pair.ts";
import { as, brokerOf, enter, heard, leave, presenceNode, watch } from "./suites/presence_node.ts";

const BATCH = 100;

/** What was done reaches the node, and then those who watch. */
async function batch(clock: ManualClock): Promise<void> {
  await clock.settle();
  await clock.advance(BATCH);
}

/** Ada and Bob, who are still to enter, and Eve, who watches. */
async function three(server: ReturnType<typeof presenceNode>) {
  const [ada, bob] = [await server.connect(as("a")), await server.connect(as("b"))];
  const eve = await server.connect();
  watch(eve);
  await server.settle();
  return { ada, bob, eve };
}

/** Ada, who has entered, and Eve, who was told. */
async function entered(server: ReturnType<typeof presenceNode>) {
  const [ada, eve] = [await server.connect(as("a")), await server.connect()];
  watch(eve);
  enter(ada, 1, "Ada");
  await batch(server.clock);
  heard(eve);
  return { ada, eve };
}

function results(line: Line): unknown[] {
  return line.take().filter(([kind]) => kind === Kind.RESULT || kind === Kind.ERROR).map((
    [kind, , , value],
  ) => kind === Kind.RESULT ? value : `! ${value}`);
}

describe("who watches", () => {
  it("is told at once who is there, and then what changes, 100 ms together", async () => {
    const server = presenceNode();
    const { ada, bob, eve } = await three(server);
    assertEquals(heard(eve), [{ version: 0, count: 0, members: [] }]);
    enter(ada, 1, "Ada");
    enter(bob, 1, "Bob");
    await server.settle();
    await server.clock.advance(BATCH - 1);
    assertEquals(heard(eve), []);
    await server.clock.advance(1);
    assertEquals(heard(eve), [{ version: 2, from: 0, count: 2, set: ["Ada", "Bob"] }]);
    enter(ada, 2, "Ada L.");
    leave(bob, 2);
    await batch(server.clock);
    assertEquals(heard(eve), [{ version: 4, from: 2, count: 1, set: ["Ada L."], gone: 1 }]);
    watch(ada);
    await server.settle();
    assertEquals(heard(ada), [{ version: 4, count: 1, members: ["Ada L."] }]);
  });

  it("gets frames with the same bytes as all others", async () => {
    const server = presenceNode();
    const lines = [await server.connect(), await server.connect()];
    for (const line of lines) watch(line);
    await server.settle();
    enter(await server.connect(as("a")), 1, "Ada");
    await batch(server.clock);
    const [one, two] = lines.map(({ pipe }) => pipe.frames.at(-1)!);
    assertEquals([...one!], [...two!]);
    assert(one!.length > 10);
  });

  it("is told no more after UNWATCH, and may watch again", async () => {
    const server = presenceNode();
    const eve = await server.connect();
    watch(eve);
    await server.settle();
    heard(eve);
    eve.send([Kind.UNWATCH, 1]);
    enter(await server.connect(as("a")), 1, "Ada");
    await batch(server.clock);
    assertEquals(heard(eve), []);
    watch(eve, 2);
    await server.settle();
    assertEquals(heard(eve), [{ version: 1, count: 1, members: ["Ada"] }]);
  });

  it("is refused what is no channel, has no presence, is not allowed, or is watched already", async () => {
    const server = presenceNode({
      channels: {
        "board/:id": channel({ presence: anything }),
        plain: channel({ message: anything }),
        closed: channel({ presence: anything, allow: { members: false } }),
        broken: channel({
          presence: anything,
          allow: {
            members: () => {
              throw new Error("away");
            },
          },
        }),
      } as never,
      limits: { watches: 2 },
    });
    const eve = await server.connect();
    ["nowhere", "plain", "closed", "broken", "board/7", "board/7", "board/8", "board/9"].forEach((name, i) =>
      watch(eve, i + 1, null, name)
    );
    await server.settle();
    const told = eve.takeOf(Kind.WATCHED).map(([, n, alias, value]) => [
      n,
      alias === 0 ? (value as { code: string }).code : "",
    ]);
    assertEquals(told.map(([, code]) => code), [
      "NOT_FOUND",
      "NOT_FOUND",
      "NOT_FOUND",
      "UNAVAILABLE",
      "",
      "BAD_INPUT",
      "",
      "RESOURCE_EXHAUSTED",
    ]);
    assertEquals(told.map(([n]) => n), [1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("closes with 4400 what breaks the rules of its numbers", async () => {
    const server = presenceNode();
    for (
      const message of [[Kind.WATCH, 2, "board/7", null], [Kind.UNWATCH, 1], [
        Kind.WATCHED,
        1,
        1,
        new Uint8Array(),
      ]]
    ) {
      const eve = await server.connect();
      eve.send(message as never);
      await server.settle();
      assertEquals(eve.closed, 4400);
    }
  });
});

describe("who comes back to watch", () => {
  it("gets the differences since its place, or the whole", async () => {
    const server = presenceNode();
    const { ada, bob, eve } = await three(server);
    const epoch = (eve.takeOf(Kind.WATCHED)[0]![3] as { epoch: string }).epoch;
    enter(ada, 1, "Ada");
    enter(bob, 1, "Bob");
    await server.settle();
    leave(bob, 2);
    await batch(server.clock);
    eve.send([Kind.UNWATCH, 1]);
    watch(eve, 2, { position: [epoch, 1] });
    await server.settle();
    assertEquals(heard(eve).slice(1), [{ version: 3, from: 1, count: 1, gone: 1 }]);
    eve.send([Kind.UNWATCH, 2]);
    watch(eve, 3, { position: ["another epoch", 1] });
    eve.send([Kind.UNWATCH, 3]);
    watch(eve, 4, { position: [epoch, 99] });
    await server.settle();
    assertEquals(heard(eve), [
      { version: 3, count: 1, members: ["Ada"] },
      { version: 3, count: 1, members: ["Ada"] },
    ]);
  });
});

describe("above the threshold", () => {
  it("a sample is told, marked as such, and the exact count; below it, with some slack, everybody again", async () => {
    const server = presenceNode();
    const eve = await server.connect();
    watch(eve);
    const lines: Line[] = [];
    for (let i = 0; i < 60; i++) lines.push(await server.connect(as(`m${i}`)));
    heard(eve);
    for (const [i, line] of lines.entries()) enter(line, 1, i);
    await batch(server.clock);
    const [whole, ...rest] = heard(eve);
    assertEquals(rest, []);
    assertEquals([whole!.count, whole!.sample, whole!.members!.length], [60, true, 50]);
    leave(lines[0]!, 2);
    await batch(server.clock);
    const [one] = heard(eve);
    assertEquals([one!.count, one!.gone, one!.set!.length], [59, 1, 1]);
    for (const line of lines.slice(1, 56)) leave(line, 2);
    await batch(server.clock);
    const [many] = heard(eve);
    assertEquals([many!.count, many!.sample, many!.gone], [4, undefined, 50]);
    leave(lines[56]!, 2);
    await batch(server.clock);
    assertEquals(heard(eve), [{ version: 117, count: 3, members: [57, 58, 59] }]);
  });

  it("who comes between a member's coming and going hears that the number is what it was", async () => {
    const server = presenceNode();
    const eve = await server.connect();
    watch(eve);
    for (let i = 0; i < 60; i++) enter(await server.connect(as(`m${i}`)), 1, i);
    await batch(server.clock);
    const [guest, late] = [await server.connect(as("guest")), await server.connect()];
    enter(guest, 1, 60);
    await server.clock.settle();
    watch(late);
    await server.clock.settle();
    assertEquals(heard(late).at(-1)?.count, 61);
    leave(guest, 2);
    await batch(server.clock);
    assertEquals(heard(late).at(-1)?.count, 60);
  });

  it("who is in the middle of the slack stays with what it had", async () => {
    const server = presenceNode();
    const eve = await server.connect();
    watch(eve);
    const lines: Line[] = [];
    for (let i = 0; i < 5; i++) lines.push(await server.connect(as(`m${i}`)));
    heard(eve);
    for (const [i, line] of lines.entries()) enter(line, 1, i);
    await batch(server.clock);
    assertEquals(heard(eve).map(({ sample, count }) => [sample, count]), [[true, 5]]);
    leave(lines[0]!, 2);
    await batch(server.clock);
    assertEquals(heard(eve).map(({ members, count, gone }) => [members, count, gone]), [[undefined, 4, 1]]);
    leave(lines[1]!, 2);
    await batch(server.clock);
    assertEquals(heard(eve), [{ version: 7, count: 3, members: [2, 3, 4] }]);
  });

  it("numbers alone go to who wants no more, and where members are only counted", async () => {
    const server = presenceNode({
      channels: {
        "board/:id": channel({ presence: anything }),
        room: channel({ presence: "count" }),
      } as never,
    });
    const [ada, eve] = [await server.connect(as("a")), await server.connect()];
    watch(eve, 1, { count: true });
    watch(eve, 2, null, "room");
    await server.settle();
    assertEquals(heard(eve), [{ version: 0, count: 0 }, { version: 0, count: 0 }]);
    enter(ada, 1, "Ada");
    ada.call("@enter", ["room", 2]);
    await batch(server.clock);
    assertEquals(heard(eve), [{ version: 1, count: 1 }, { version: 1, count: 1 }]);
    enter(ada, 3, "Ada L."); // no other number
    await batch(server.clock);
    assertEquals(heard(eve), []);
    ada.call("@members", { channel: "room" });
    await server.settle();
    assertEquals(results(ada).at(-1), { count: 1, more: false, members: [] });
  });
});

describe("who enters", () => {
  it("is told its name, which is the same when it comes again, another for another client, and no secret", async () => {
    const server = presenceNode();
    const [ada, again, other] = [
      await server.connect(as("a")),
      await server.connect(as("a")),
      await server.connect(as("b")),
    ];
    for (const line of [ada, again, other]) enter(line, 1, "x");
    await server.settle();
    const [[one], [two], [three]] = [results(ada), results(again), results(other)];
    assertEquals(one, two);
    assertNotEquals(one, three);
    assertEquals((one as string).length, 16);
  });

  it("is refused like who subscribes", async () => {
    let isAway = true;
    const server = presenceNode({
      channels: {
        "board/:id": channel({ presence: anything }),
        plain: channel({ message: anything }),
        closed: channel({ presence: anything, allow: { presence: false } }),
        broken: channel({
          presence: anything,
          allow: {
            presence: () => {
              if (isAway) throw new Error("away");
              return true;
            },
          },
        }),
      } as never,
      limits: { memberships: 2, members: 2 },
    });
    const ada = await server.connect(as("a"));
    for (const name of ["nowhere", "plain", "closed", "broken"]) enter(ada, 1, "x", name);
    enter(ada, 1, "x".repeat(2_000));
    await server.settle();
    assertEquals(results(ada).sort(), [
      "! NOT_FOUND",
      "! NOT_FOUND",
      "! NOT_FOUND",
      "! TOO_LARGE",
      "! UNAVAILABLE",
    ]);
    isAway = false;
    for (const name of ["broken", "board/1", "board/2"]) enter(ada, 2, "x", name);
    await server.settle();
    assertEquals(
      results(ada).map((one) => `${one}`.startsWith("!") ? one : "in"),
      ["in", "in", "! RESOURCE_EXHAUSTED"].sort(),
    );
    for (const name of ["b", "c"]) enter(await server.connect(as(name)), 1, name, "board/1");
    const last = await server.connect(as("d"));
    enter(last, 1, "d", "board/1");
    await server.settle();
    assertEquals(results(last), ["! RESOURCE_EXHAUSTED"]);
  });

  it("and leaves at once is not there, though its rule answers later", async () => {
    const server = presenceNode();
    const ada = await server.connect(as("a"));
    enter(ada, 1, "Ada");
    leave(ada, 2);
    await server.settle();
    assertEquals(results(ada).length, 2);
    assertEquals(server.broker.presence.size, 0);
  });

  for (const what of ["rule", "schema"] as const) {
    it(`is not asked about for longer than a call may take, though its ${what} never says anything`, async () => {
      const never = () => new Promise<never>(() => {});
      const schema = { "~standard": { version: 1, vendor: "test", validate: never } } as never;
      const server = presenceNode({
        limits: { callTimeout: 2_000 },
        channels: {
          "board/:id": channel(
            what === "schema" ? { presence: schema } : { presence: anything, allow: { presence: never } },
          ),
        } as never,
      });
      const { members } = server.node.parts.channels!.presence!;
      const ada = await server.connect(as("a"));
      enter(ada, 1, "Ada");
      await server.settle();
      assertEquals(members.asking, 1);
      await server.clock.advance(2_000);
      await server.settle();
      assertEquals([members.asking, results(ada)], [0, ["! DEADLINE"]]);
      enter(ada, 2, "Ada");
      await server.settle();
      ada.end(1000);
      await server.clock.advance(2_000);
      assertEquals(members.asking, 0);
    });
  }

  it("is not overtaken by what it told before", async () => {
    const waits: (() => void)[] = [];
    const server = presenceNode({
      channels: {
        "board/:id": channel({
          presence: anything,
          allow: { presence: () => new Promise<boolean>((resolve) => waits.push(() => resolve(true))) },
        }),
      } as never,
    });
    const ada = await server.connect(as("a"));
    enter(ada, 1, "old");
    enter(ada, 2, "new");
    await server.settle();
    waits[1]!();
    await server.settle();
    waits[0]!();
    await server.settle();
    assertEquals(server.broker.presence.read("board/7", { after: "", limit: 9 }).members.length, 1);
    const members = await server.node.publisher.channel("board/:id", { id: "7" }).presence.get();
    assertEquals(members.members.map(({ data }) => data), ["new"]);
  });
});

describe("nobody stays who is gone", () => {
  async function one(
    close: (line: Line) => void,
    again?: (server: ReturnType<typeof presenceNode>) => Promise<void>,
  ) {
    const server = presenceNode();
    const { ada, eve } = await entered(server);
    close(ada);
    await server.settle();
    await again?.(server);
    const from = server.clock.now();
    let gone: number | undefined;
    for (let ms = 0; ms < 20_000 && gone === undefined; ms += 100) {
      await server.clock.advance(100);
      if (heard(eve).some(({ gone }) => gone === 1)) gone = server.clock.now() - from;
    }
    return gone;
  }

  it("who says so is gone at once", async () => {
    assertEquals(await one((line) => line.end(1000)), BATCH);
    assertEquals(await one((line) => void leave(line, 2)), BATCH);
  });

  it("who lost its connection is gone in 15 s, and who was silent before in 5", async () => {
    assertEquals(await one((line) => line.end(1006)), 15_000 + BATCH);
    assertEquals(await one((line) => line.end(4504)), 5_000 + BATCH);
  });

  it("who comes back, by its session or by another, was never away", async () => {
    const back = async (server: ReturnType<typeof presenceNode>) => {
      await server.clock.advance(10_000);
      enter(await server.connect(as("a")), 1, "Ada");
    };
    assertEquals(await one((line) => line.end(1006), back), undefined);
  });

  it("a node that crashed leaves nobody behind for 15 s", async () => {
    const clock = new ManualClock();
    const broker = brokerOf(clock);
    const [first, second] = [presenceNode({ clock, broker }), presenceNode({ clock, broker })];
    const eve = await second.connect();
    watch(eve);
    enter(await first.connect(as("a")), 1, "Ada");
    await clock.advance(30_000);
    assertEquals(heard(eve).at(-1)!.count, 1); // it is renewed
    first.node.parts.channels!.end(); // and says nothing any more
    await clock.advance(14_000);
    assertEquals(heard(eve).map(({ count, gone }) => [count, gone]), [[0, 1]]);
  });

  it("who comes by another node was never away, whatever the first one does later", async () => {
    const clock = new ManualClock();
    const broker = brokerOf(clock);
    const [first, second] = [presenceNode({ clock, broker }), presenceNode({ clock, broker })];
    const [ada, eve] = [await first.connect(as("a")), await second.connect()];
    watch(eve);
    enter(ada, 1, "Ada");
    await batch(clock);
    ada.end(1006);
    const again = await second.connect(as("a"));
    enter(again, 1, "Ada");
    await clock.advance(40_000);
    assertEquals(heard(eve).map(({ count }) => count), [0, 1]);
    again.end(1000);
    await batch(clock);
    assertEquals(heard(eve).map(({ count }) => count), [0]);
  });

  it("what the broker has lost comes back", async () => {
    const server = presenceNode();
    const { eve } = await entered(server);
    server.broker.presence.forget();
    await server.clock.advance(5_000);
    assertEquals(heard(eve).at(-1)!.count, 1);
    assertEquals(server.broker.presence.size, 1);
  });
});

describe("whether a member may be is asked again", () => {
  it("when its identity is another one, or the program says so; what cannot be said now is asked after 5 s", async () => {
    let answer: boolean | Error = true;
    const server = presenceNode({
      channels: {
        "board/:id": channel({
          presence: anything,
          allow: {
            presence: () => {
              if (answer instanceof Error) throw answer;
              return answer;
            },
          },
        }),
      } as never,
    });
    const { ada, eve } = await entered(server);
    answer = new Error("away");
    ada.connection.reauthorize();
    await server.clock.advance(4_000);
    assertEquals(heard(eve), []);
    answer = false;
    await server.clock.advance(1_000 + BATCH);
    assertEquals(heard(eve).map(({ gone }) => gone), [1]);
  });
});

describe("the members that server code reads", () => {
  it("are all, page by page, at every size", async () => {
    const server = presenceNode();
    const board = server.node.publisher.channel("board/:id", { id: "7" });
    const names = new Set<unknown>();
    for (let i = 0; i < 25; i++) {
      enter(await server.connect(as(`m${i}`)), 1, i);
      names.add(i);
      await server.settle();
      const found = new Set<unknown>();
      let after: string | undefined;
      do {
        const page = await board.presence.get({ after, limit: 4 });
        assertEquals(page.count, i + 1);
        for (const { data } of page.members) found.add(data);
        after = page.next;
      } while (after !== undefined);
      assertEquals(found, names);
    }
    assertEquals(await board.presence.count(), 25);
  });
});

describe("presence that nobody uses", () => {
  it("leaves no timer and no listener behind", async () => {
    const server = presenceNode();
    const [ada, eve] = [await server.connect(as("a")), await server.connect()];
    watch(eve);
    enter(ada, 1, "Ada");
    await server.clock.advance(1_000);
    ada.end(1000);
    eve.end(1000);
    await server.clock.advance(20_000);
    const { presence } = server.node.parts.channels!;
    assertEquals(presence!.members.rooms.size, 0);
    assertEquals(server.broker.presence.size, 0);
    const before = server.clock.pending;
    await server.node.drain({ code: 1001, deadline: 0, retryAfter: undefined });
    assert(server.clock.pending <= before);
  });
});
