// What sessions without a connection may hold, and who loses one when that is too much.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { type CallError, millrace, procedure } from "../mod.ts";
import { mounted } from "../rpc/mount.ts";
import { Sessions } from "../rpc/sessions.ts";
import { SimulatedWorld } from "../testing/world.ts";
import { ManualClock } from "./suites/manual_clock.ts";

/** A session that is nothing but its bounds. */
class Bounded {
  newest: string | undefined;
  former: string | undefined;
  readonly name: string;
  readonly owner: string;
  held: number;
  readonly #by: Rooms;

  constructor(by: Rooms, name: string, held: number) {
    this.#by = by;
    this.name = name;
    this.owner = name[0]!;
    this.held = held;
  }

  expire(): void {
    this.#by.gone.push(this.name);
    this.#by.sessions.ended(this);
  }
}

/** Sessions by name, the first letter being whose they are. */
class Rooms {
  readonly clock = new ManualClock();
  readonly gone: string[] = [];
  readonly sessions: Sessions<Bounded>;
  readonly #all = new Map<string, Bounded>();

  constructor(limits: { sessions?: number; sessionBytes?: number }) {
    const bounds = { session: 60_000, sessions: 1_000, sessionBytes: 1_000_000, ...limits };
    this.sessions = new Sessions(this.clock, bounds, () => new Uint8Array(16));
  }

  /** Each has lost its connection, or holds so much by now. */
  wait(names: string, held = 0): void {
    for (const name of names.split(" ")) {
      let session = this.#all.get(name);
      if (session === undefined) this.#all.set(name, session = new Bounded(this, name, held));
      session.held = held;
      this.sessions.waits(session);
    }
  }

  find(name: string): Bounded {
    return this.#all.get(name)!;
  }
}

describe("sessions without a connection", () => {
  it("go by number from who has most of them, the oldest first", () => {
    const rooms = new Rooms({ sessions: 5 });
    rooms.wait("a1 b1 b2 b3 c1");
    assertEquals(rooms.gone, []);
    rooms.wait("d1"); // b has three
    rooms.wait("e1"); // b has two
    assertEquals(rooms.gone, ["b1", "b2"]);
    rooms.wait("f1 g1"); // all have one: the oldest of all
    assertEquals(rooms.gone, ["b1", "b2", "a1", "b3"]);
    rooms.wait("g2"); // who comes with more loses its own
    assertEquals(rooms.gone.at(-1), "g1");
  });

  it("go by bytes from who holds most, as they hold more", () => {
    const rooms = new Rooms({ sessionBytes: 100 });
    rooms.wait("a1 a2", 20);
    rooms.wait("b1", 30);
    rooms.wait("c1 c2 c3 c4", 5);
    assertEquals(rooms.gone, []);
    rooms.wait("b1", 45); // 105 in all, of which b holds 45
    assertEquals(rooms.gone, ["b1"]);
    rooms.wait("c4", 46); // 101, and c holds 61
    assertEquals(rooms.gone, ["b1", "c1"]);
    rooms.wait("d1", 101); // more than all may: it goes alone
    assertEquals(rooms.gone, ["b1", "c1", "d1"]);
  });

  it("are looked at again before they go: what was used meanwhile does not count", () => {
    const rooms = new Rooms({ sessionBytes: 100 });
    rooms.wait("a1", 60);
    rooms.wait("b1", 40);
    rooms.find("a1").held = 10;
    rooms.wait("c1", 45);
    assertEquals(rooms.gone, []);
    rooms.wait("c1", 51);
    assertEquals(rooms.gone, ["c1"]);
  });

  it("end in time, one after the other, and leave no timer", async () => {
    const rooms = new Rooms({});
    rooms.wait("a1 a2");
    await rooms.clock.advance(30_000);
    rooms.wait("b1");
    rooms.wait("a2", 5); // holds more, and waits no longer for it
    rooms.sessions.found(rooms.find("a1"));
    await rooms.clock.advance(29_999);
    assertEquals(rooms.gone, []);
    await rooms.clock.advance(1);
    assertEquals(rooms.gone, ["a2"]);
    rooms.sessions.found(rooms.find("b1"));
    assertEquals(rooms.clock.pending, 0);
  });

  it("cost as much to bound as they cost to keep, however many there are", () => {
    const rooms = new Rooms({ sessions: 10_000, sessionBytes: 10_000_000 });
    for (let n = 0; n < 10_000; n++) rooms.wait(`${String.fromCodePoint(0x4e00 + n)}`, 1_000);
    let looked = 0;
    for (let n = 0; n < 10_000; n++) {
      const session = rooms.find(String.fromCodePoint(0x4e00 + n));
      const { held } = session;
      Object.defineProperty(session, "held", { get: () => (looked++, held) });
    }
    for (let n = 0; n < 1_000; n++) rooms.wait(`${String.fromCodePoint(0x8e00 + n)}`, 1_000);
    assertEquals(rooms.gone.length, 1_000);
    assert(looked <= 1_000, `${looked} were looked at`);
  });
});

/** A server whose handlers take their time, and its clients: each an address of its own, or a subject. */
function open(limits: Record<string, number>) {
  const app = millrace({
    limits,
    authenticate: ({ token }) => token === undefined ? {} : { subject: token },
    procedures: {
      sleep: procedure({ input: z.any() }, async () => {
        await new Promise<void>((resolve) => world.serverClock.setTimeout(resolve, 30_000));
        return "done";
      }),
    },
    onError: () => {},
  });
  const world = new SimulatedWorld<typeof app>({ seed: 1, makeNode: (s) => mounted(app).makeNode(s) });
  return world;
}

describe("one peer that takes much", () => {
  for (const who of ["subject", "address"] as const) {
    it(`loses its own sessions and nobody else's: by ${who}`, async () => {
      const world = open({ sessionBytes: 4 * 1024 * 1024, connectionRate: 1_000 });
      const as = (token: string) => ({ onError: () => {}, ...(who === "subject" ? { token } : {}) });
      const honest = world.connect(as("ada"), "ada");
      const evil = ["eve 1", "eve 2", "eve 3"].map((name) => world.connect(as("eve"), name));
      await world.wait(Promise.all([honest, ...evil].map((client) => client.ready())));
      for (const client of evil) {
        for (let i = 0; i < 200; i++) client.call.sleep(new Uint8Array(20_000)).result();
      }
      await world.run(10_000);
      const call = honest.call.sleep("x").result();
      await world.run(500);
      world.refuse(5_000);
      world.cut(honest);
      await world.run(100);
      for (const client of evil) world.kill(client);
      await world.run(1_000);
      const { sessions, heldBytes } = world.node.stats();
      assert(sessions < 4, `${sessions} wait`);
      assert(heldBytes <= 4 * 1024 * 1024, `${heldBytes} bytes`);
      const result = await world.wait(call) as { ok: boolean; value?: unknown; error?: CallError };
      assertEquals(result.ok ? result.value : String(result.error), "done");
      await world[Symbol.asyncDispose]();
    });
  }
});
