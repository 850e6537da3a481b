// What a client does at once when its machine has slept or its network is another one, wherever it was.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { pageEvents } from "../client/wake.ts";
import { anything, procedure } from "./suites/pair.ts";
import { ending, World, type WorldOptions } from "./suites/session_world.ts";
import { deferred } from "./suites/sources.ts";

function open(options: Partial<WorldOptions> = {}) {
  const gate = deferred<unknown>();
  const ran: unknown[] = [];
  const wait = procedure({ input: anything }, (input) => {
    ran.push(input);
    return gate.promise;
  });
  return { world: new World({ procedures: { wait }, ...options }), gate, ran };
}

const SESSIONLESS = { limits: { session: 0 } };

/** Nothing comes through any more, and nobody is told. */
function die({ socket }: World): void {
  socket.deaf.up = socket.deaf.down = true;
}

/** The time passes by so many milliseconds, and how many connections were made then. */
async function after(world: World, ms: number): Promise<number> {
  await world.settle(); // what is sent now is answered now
  await world.clock.advance(ms);
  return world.sockets.length;
}

describe("a client whose network is another one", () => {
  it("begins anew at once where a connection is being made in vain", async () => {
    const { world } = open();
    world.hangs = true;
    const app = world.client();
    await world.settle();
    world.hangs = false;
    app.wake.online();
    await world.settle();
    assertEquals([app.status, world.sockets.length], ["open", 2]);
    assertEquals(world.sockets[0]!.readyState, 3, "the old one is left");
    await app.close();
    assertEquals(world.clock.pending, 0);
  });

  it("begins anew at once where HELLO was not answered, and what was sent behind it runs once", async () => {
    const { world, gate, ran } = open();
    const app = world.client();
    const waiting = ending(app.call["wait"]!(1));
    world.hangs = true; // it is opened below, deaf
    await world.settle();
    world.hangs = false;
    world.socket.deaf.down = true;
    world.socket.open();
    await world.settle();
    assertEquals([app.status, ran], ["connecting", [1]]);
    app.wake.online();
    await world.settle();
    assertEquals([app.status, world.sockets.length], ["open", 2]);
    gate.resolve("here");
    await world.settle();
    assertEquals([await waiting, ran], ["here", [1]]);
    await app.close();
  });

  it("begins anew at once where it had asked for its session back", async () => {
    const { world, gate, ran } = open();
    const app = world.client();
    const waiting = ending(app.call["wait"]!(1));
    await world.settle();
    world.hangs = true;
    world.socket.cut();
    await app.retry();
    world.hangs = false;
    world.socket.deaf.down = true;
    world.socket.open();
    await world.settle();
    app.wake.online();
    await world.settle();
    assertEquals([app.client.state, world.sockets.length], [{ status: "open", resumed: true }, 3]);
    gate.resolve("here");
    await world.settle();
    assertEquals([await waiting, ran], ["here", [1]]);
    await app.close();
  });

  it("asks the server for a sign where calls would be lost, and gives it up after 5 s without", async () => {
    const { world } = open(SESSIONLESS);
    const app = world.client({ backoff: { base: 10 } });
    await world.settle();
    const waiting = ending(app.call["wait"]!(1));
    await world.settle();
    die(world);
    app.wake.online();
    assertEquals([await after(world, 4_999), app.status], [1, "open"]);
    assertEquals([await after(world, 11), app.status], [2, "open"]);
    assertEquals(await waiting, "DISCONNECTED ambiguous");
    await app.close();
  });

  it("keeps one that gives a sign, with its calls", async () => {
    const { world, gate } = open(SESSIONLESS);
    const app = world.client();
    const waiting = ending(app.call["wait"]!(1));
    await world.settle();
    for (let i = 0; i < 5; i++) {
      app.wake.online();
      assertEquals(await after(world, 10_000), 1);
    }
    gate.resolve("here");
    await world.settle();
    assertEquals([await waiting, app.status], ["here", "open"]);
    await app.close();
  });

  it("does not wait longer for WELCOME than for a sign where calls would be lost", async () => {
    const { world } = open(SESSIONLESS);
    world.hangs = true;
    const app = world.client({ backoff: { base: 10 }, ...SESSIONLESS });
    await world.settle();
    world.hangs = false;
    world.socket.deaf.down = true;
    world.socket.open();
    await world.settle();
    app.wake.online();
    assertEquals([await after(world, 4_999), app.status], [1, "connecting"]);
    assertEquals([await after(world, 11), app.status], [2, "open"]);
    await app.close();
  });
});

describe("a client that woke", () => {
  it("asks for a sign, and leaves a dead connection after 2.5 s, however short the sleep was", async () => {
    const { world, gate } = open();
    const app = world.client({ backoff: { base: 10 } });
    const waiting = ending(app.call["wait"]!(1));
    await world.settle();
    die(world);
    world.clock.sleep(15_000);
    app.wake.woke();
    assertEquals([await after(world, 2_499), app.status], [1, "open"]);
    assertEquals(await after(world, 11), 2);
    assertEquals(app.client.state, { status: "open", resumed: true });
    gate.resolve("here");
    await world.settle();
    assertEquals(await waiting, "here");
    await app.close();
    assertEquals(world.clock.pending, 0);
  });

  it("does so where its clock stood still meanwhile", async () => {
    const { world } = open();
    const app = world.client({ backoff: { base: 10 } });
    await world.settle();
    world.socket.endServer(1006); // an hour for everybody else
    die(world);
    app.wake.woke();
    assertEquals(await after(world, 2_510), 2);
    assertEquals(app.status, "open");
    await app.close();
  });

  it("does not take what had come before the sleep, and is read now, for a sign", async () => {
    const { world } = open();
    const app = world.client({ backoff: { base: 10 } });
    await world.settle();
    die(world);
    app.wake.woke();
    world.socket.inject("down", Uint8Array.of(0x92, 2, 0)); // PING
    assertEquals(await after(world, 2_510), 2);
    await app.close();
  });

  it("keeps a connection on which anything comes, if only the answer is late", async () => {
    const { world } = open();
    const app = world.client();
    await world.settle();
    die(world);
    app.wake.woke();
    await world.clock.advance(2_000);
    world.socket.inject("down", Uint8Array.of(0x92, 2, 0));
    assertEquals([await after(world, 10_000), app.status], [1, "open"]);
    await app.close();
  });

  it("keeps a connection that works, however often the page is looked at", async () => {
    const { world, ran } = open();
    const app = world.client();
    await world.settle();
    for (let i = 0; i < 300; i++) {
      app.wake.woke();
      await after(world, i % 3 === 0 ? 10 : 3_000);
    }
    assertEquals([world.sockets.length, app.status, ran, app.errors, world.errors], [1, "open", [], [], []]);
    await app.close();
    assertEquals(world.stats, { calls: 0, streams: 0, heldBytes: 0, sessions: 0 });
  });

  it("waits 2.5 s for a connection that is being made, and never longer than for any", async () => {
    for (const [before, most] of [[0, 2_500], [9_000, 1_000]] as const) {
      const { world } = open();
      world.hangs = true;
      const app = world.client({ backoff: { base: 10 } });
      await world.settle();
      await world.clock.advance(before);
      world.hangs = false;
      app.wake.woke();
      assertEquals([await after(world, most - 1), app.status], [1, "connecting"]);
      assertEquals([await after(world, 11), app.status], [2, "open"]);
      await app.close();
    }
  });
});

describe("the events of a page", () => {
  /** A page in place of the globals of the runtime, until `run` is over. */
  function inPage(run: (page: { tell(type: string): void; pass(ms: number): void; log: string[] }) => void) {
    const listeners = new Map<string, () => void>();
    const target = {
      addEventListener: (type: string, run: () => void) => void listeners.set(type, run),
      removeEventListener: (type: string) => void listeners.delete(type),
    };
    let [now, look, timers]: [number, () => void, number] = [1_000_000, () => {}, 0];
    const document = { ...target, visibilityState: "visible" };
    const globals: Record<string, unknown> = {
      ...target,
      navigator: { onLine: true },
      document,
      setInterval: (run: () => void) => (timers++, look = run, 7),
      clearInterval: () => void timers--,
    };
    const before = Object.keys(globals).map((name) =>
      [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const
    );
    const date = Date.now;
    const log: string[] = [];
    try {
      for (const [name, value] of Object.entries(globals)) {
        Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
      }
      Date.now = () => now;
      const stop = pageEvents({ woke: () => log.push("woke"), online: () => log.push("online") });
      run({
        tell: (type) => {
          if (type === "hidden" || type === "visible") document.visibilityState = type;
          listeners.get(type === "hidden" || type === "visible" ? "visibilitychange" : type)!();
        },
        pass: (ms) => {
          now += ms;
          look();
        },
        log,
      });
      stop();
      assertEquals([listeners.size, timers], [0, 0], "nothing is left");
    } finally {
      Date.now = date;
      for (const [name, descriptor] of before) {
        if (descriptor === undefined) delete (globalThis as Record<string, unknown>)[name];
        else Object.defineProperty(globalThis, name, descriptor);
      }
    }
  }

  it("tell of sleep and of networks", () => {
    inPage(({ tell, log }) => {
      for (const type of ["online", "pageshow", "resume", "hidden", "visible"]) tell(type);
      assertEquals(log, ["online", "woke", "woke", "woke"]);
    });
  });

  it("are helped by the time of day, since a lid that is opened tells nothing to a page that was in sight", () => {
    inPage(({ tell, pass, log }) => {
      for (let i = 0; i < 100; i++) pass(5_100);
      assertEquals(log, []);
      pass(15_000);
      assertEquals(log, ["woke"]);
      tell("hidden"); // its timers are throttled: that they are late says nothing
      pass(60_000);
      assertEquals(log, ["woke"]);
      tell("visible");
      pass(5_000);
      assert(log.length === 2 && log[1] === "woke", String(log));
    });
  });
});
