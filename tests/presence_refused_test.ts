// What a client is in a channel after the server has said no, and what it asks for when it cannot read who is there.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { type CallError, channel, millrace } from "../mod.ts";
import type { NamedChannel } from "../rpc/channel_rules.ts";
import { PresenceRoom } from "../rpc/presence_room.ts";
import type { PresenceStore } from "../rpc/presence_store.ts";
import { simulate } from "../testing/mod.ts";
import { ManualClock } from "./suites/manual_clock.ts";

const PLACE = ["board/:id", { id: "7" }] as const;

function start({ limits = {} } = {}) {
  const shut = new Set<string>();
  const app = millrace({
    procedures: {},
    limits,
    onError: () => {},
    authenticate: ({ token = "" }) => ({ subject: token, user: token }),
    channels: {
      "board/:id": channel({
        presence: z.record(z.string(), z.number().max(5)),
        allow: { presence: ({ connection }) => !shut.has(connection.subject!), members: () => true },
      }),
    },
  });
  const world = simulate(app, { seed: 1 });
  const members = async () => {
    const page = await world.wait(app.presence.get(...PLACE));
    return page.members.map(({ user, data }) => `${user} ${data["n"]}`);
  };
  return { world, shut, members, client: (token: string) => world.connect({ token }) };
}

describe("a member whose update is refused", () => {
  it("is in as it was, for itself and for others, and can leave", async () => {
    const { world, members, client } = start();
    await using _ = world;
    const { presence } = client("ada").channel(...PLACE);
    await world.wait(presence.enter({ n: 1 }));
    await assertRejects(() => world.wait(presence.update({ n: 9 })));
    await world.run(1_000);
    assertEquals(await members(), ["ada 1"]);
    await world.wait(presence.update({ n: 2 }));
    assertEquals(await members(), ["ada 2"]);
    await assertRejects(() => world.wait(presence.update({ n: 9 })));
    await world.wait(presence.leave());
    assertEquals(await members(), []);
  });

  it("is so again on the next connection, also without its session", async () => {
    const { world, members, client } = start({ limits: { session: 1_000 } });
    await using _ = world;
    const ada = client("ada");
    const { presence } = ada.channel(...PLACE);
    await world.wait(presence.enter({ n: 1 }));
    await assertRejects(() => world.wait(presence.update({ n: 9 })));
    world.refuse(20_000);
    world.cut(ada);
    await world.run(60_000);
    assertEquals(await members(), ["ada 1"]);
  });

  it("is out where it may not even be what it was", async () => {
    const { world, shut, members, client } = start();
    await using _ = world;
    const { presence } = client("ada").channel(...PLACE);
    await world.wait(presence.enter({ n: 1 }));
    shut.add("ada");
    await assertRejects(() => world.wait(presence.update({ n: 2 })));
    await world.run(1_000);
    assertEquals(await members(), []);
  });
});

describe("who finds no room", () => {
  it("is told so, and does not wait for ever", async () => {
    const { world, client } = start({ limits: { members: 1, memberships: 1 } });
    await using _ = world;
    const [ada, bob] = [client("ada"), client("bob")];
    await world.wait(ada.channel(...PLACE).presence.enter({ n: 1 }));
    const noRoom = ({ code }: CallError) => code === "RESOURCE_EXHAUSTED";
    for (const [who, id] of [[bob, "7"], [ada, "8"]] as const) {
      const { presence } = who.channel("board/:id", { id });
      const error = await world.wait(presence.enter({ n: 1 }).then(() => undefined, (error) => error));
      assert(noRoom(error));
    }
  });
});

describe("a watch of what cannot be decoded", () => {
  it("is asked for again at growing intervals", async () => {
    const { world, client } = start();
    await using _ = world;
    const errors: unknown[] = [];
    const bob = world.connect({ limits: { keys: 16 }, onError: (error) => void errors.push(error) });
    const data = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, 1]));
    await world.wait(client("ada").channel(...PLACE).presence.enter(data));
    bob.channel(...PLACE).presence.watch(() => {});
    await world.run(60_000);
    assert(errors.length > 2 && errors.length < 20, `${errors.length} reports in a minute`);
  });
});

describe("a channel that has filled up while a lease had not held", () => {
  it("tells the program of who has lost its place, and a new one who is refused hears it alone", async () => {
    const reports: unknown[] = [];
    const refused: string[] = [];
    let full = false;
    const store: Partial<PresenceStore> = {
      change: (_, __, { news }) => (
        { epoch: "e", version: 1, isKnown: true, refused: full ? news.map(({ id }) => id) : [] }
      ),
    };
    const room = new PresenceRoom("board/7", {
      clock: new ManualClock(),
      store: store as PresenceStore,
      node: { id: "n", lease: 10_000 },
      most: 1,
      report: (error) => void reports.push((error as CallError).code),
      refused: ({ id }) => void refused.push(id),
      idle: () => {},
    });
    const member = { user: undefined, data: new Uint8Array() };
    const one = (id: string) => ({ id, channel: { name: "board/7" } as NamedChannel, n: 1, member });
    await room.put(one("ada"));
    full = true;
    const { code } = await assertRejects(() => room.put(one("bob"))) as CallError;
    assertEquals([code, reports, refused], ["RESOURCE_EXHAUSTED", [], ["bob"]]);
    room.again();
    await new ManualClock().settle();
    assertEquals([reports, refused], [["RESOURCE_EXHAUSTED"], ["bob", "ada"]]);
  });
});
