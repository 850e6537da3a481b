// What a client does when its connection is lost, its machine has slept, the network is another, or nobody wants it any more.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { closeAdvice } from "../client/mod.ts";
import { anything, procedure } from "./suites/pair.ts";
import { ending, gatedWorld, type WorldOptions } from "./suites/session_world.ts";

function open(options: Partial<WorldOptions> = {}) {
  return gatedWorld((ran) => ({
    echo: procedure({ input: anything }, (input) => {
      ran.push(input);
      return input;
    }),
  }), options);
}

describe("a client", () => {
  it("connects at once when there is a network again, whatever the wait was", async () => {
    const { world } = open();
    const app = world.client({ backoff: { base: 1e6, cap: 1e6 } });
    await world.settle();
    world.online = false;
    world.socket.cut();
    await world.settle();
    assertEquals([app.status, world.sockets.length], ["reconnecting", 1]);
    world.online = true;
    app.wake.online();
    await world.settle();
    assertEquals([app.client.state, world.sockets.length], [{ status: "open", resumed: true }, 2]);
    await app.close();
    assertEquals(app.listens, false);
  });

  it("leaves the connection of the network before, where the session goes on", async () => {
    const { world, gate } = open();
    const app = world.client();
    const waiting = ending(app.call["wait"]!(1));
    await world.settle();
    const [old] = world.sockets;
    old!.deaf.up = old!.deaf.down = true;
    app.wake.online();
    await world.settle();
    assertEquals(app.client.state, { status: "open", resumed: true });
    gate.resolve("here");
    await world.settle();
    assertEquals(await waiting, "here");
    await app.close();
  });

  it("leaves it without ending the session where the old connection still works", async () => {
    const { world, gate, ran } = open();
    const app = world.client();
    const waiting = ending(app.call["wait"]!(1));
    await world.settle();
    app.wake.online();
    await world.settle();
    assertEquals(app.client.state, { status: "open", resumed: true });
    assertEquals(closeAdvice(world.sockets[0]!.closedByClient!), "reconnect", "what the server is told");
    gate.resolve("here");
    await world.settle();
    assertEquals([await waiting, ran], ["here", [1]]);
    await app.close();
  });

  it("keeps it where the session would not", async () => {
    const { world } = open({ limits: { session: 0 } });
    const app = world.client();
    await world.settle();
    app.wake.online();
    await world.settle();
    assertEquals([app.status, world.sockets.length], ["open", 1]);
    await app.close();
  });

  it("notices within a quarter of a second after a sleep that its connection is dead", async () => {
    const { world } = open({ limits: { session: 1e7 } });
    const app = world.client({ backoff: { base: 10 } });
    await world.settle();
    const [old] = world.sockets;
    old!.deaf.up = old!.deaf.down = true;
    world.clock.sleep(3_600_000); // no timer fires
    app.wake.woke();
    await world.clock.advance(249);
    assertEquals(app.status, "open");
    await world.clock.advance(1 + 10);
    assertEquals(app.client.state, { status: "open", resumed: true });
    assertEquals(world.sockets.length, 2);
    await app.close();
  });

  it("notices it by a timer that fires late where nobody tells", async () => {
    const { world } = open({ limits: { session: 1e7 } });
    const app = world.client({ backoff: { base: 10 } });
    await world.settle();
    const [old] = world.sockets;
    old!.deaf.up = old!.deaf.down = true;
    world.clock.sleep(3_600_000);
    await world.clock.advance(260);
    assertEquals(app.client.state.status, "open");
    assertEquals(world.sockets.length, 2);
    await app.close();
  });

  it("keeps a connection on which something comes after a sleep", async () => {
    const { world } = open();
    const app = world.client();
    await world.settle();
    world.clock.sleep(20_000); // less than the server's patience
    await world.clock.advance(100);
    app.wake.woke();
    await world.settle();
    await world.clock.advance(60_000);
    assertEquals([app.status, world.sockets.length], ["open", 1]);
    await app.close();
  });

  it("does not wait with the next attempt after a sleep", async () => {
    const { world } = open();
    const app = world.client({ backoff: { base: 1e6, cap: 1e6 } });
    await world.settle();
    world.socket.cut();
    await world.settle();
    app.wake.woke();
    await world.settle();
    assertEquals(app.status, "open");
    await app.close();
  });

  it("gives up a connection by which nothing comes, and loses nothing with it", async () => {
    const { world, ran } = open();
    const app = world.client({ backoff: { base: 10 } });
    await world.settle();
    world.socket.deaf.down = true; // the server hears it, and it hears nothing
    const echo = ending(app.call["echo"]!("x"));
    await world.settle();
    await world.clock.advance(23_000);
    await world.clock.advance(10);
    assertEquals(await echo, "x");
    assertEquals(ran, ["x"]);
    await app.close();
  });

  it("keeps the session that comes after one that the server has given up, with what was sent in it", async () => {
    const { world, gate } = open({ limits: { session: 1_000 } });
    const app = world.client({ backoff: { base: 10 } });
    await world.settle();
    world.socket.endServer(1006); // of which the client hears nothing
    await world.clock.advance(2_000);
    world.socket.endClient(1006);
    await app.retry();
    await world.settle();
    assertEquals(app.client.state, { status: "open", resumed: false });
    world.socket.deaf.up = true; // what is sent now is lost, and has to be sent again
    const waiting = ending(app.call["wait"]!(1));
    await world.settle();
    world.socket.cut();
    app.wake.online();
    await world.settle();
    assertEquals(app.client.state, { status: "open", resumed: true });
    gate.resolve("here");
    await world.clock.advance(0);
    await world.settle();
    assertEquals(await Promise.race([waiting, world.settle().then(() => "nothing")]), "here");
    await app.close();
  });

  it("says of an idempotent call that has run in a lost session, and runs out of time, that it may have run", async () => {
    const never = new Promise<never>(() => {});
    const { world } = open({
      limits: { session: 1_000 },
      procedures: { read: procedure({ input: anything, idempotent: true }, () => never) },
    });
    const app = world.client();
    await world.settle();
    const call = ending(app.call["read"]!(1, { timeout: 5_000 }));
    await world.settle();
    world.online = false;
    world.socket.cut();
    await world.clock.advance(6_000);
    assertEquals(await call, "DEADLINE ambiguous");
    await app.close();
  });

  it("that closes leaves nothing behind, wherever it is", async () => {
    const step = fc.constantFrom("settle", "cut", "offline", "online", "wait", "call", "wake", "deaf");
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat({ max: 3 }), async (steps, turns) => {
        const { world, gate } = open();
        const app = world.client({ backoff: { base: 50 } });
        const endings: Promise<unknown>[] = [];
        for (const step of steps) {
          if (step === "cut") world.socket?.cut();
          else if (step === "offline") world.online = false;
          else if (step === "online") world.online = true, app.wake.online();
          else if (step === "wake") app.wake.woke();
          else if (step === "deaf" && world.socket) world.socket.deaf.up = world.socket.deaf.down = true;
          else if (step === "wait") await world.clock.advance(100);
          else if (step === "call") endings.push(ending(app.call["wait"]!(1)));
          else await world.settle();
        }
        await world.clock.settleFor(turns);
        const sockets = world.sockets.length;
        await app.close();
        await world.clock.advance(300_000);
        for (const told of await Promise.all(endings)) {
          const isOver = ["CLOSED", "CLOSED ambiguous", "DISCONNECTED ambiguous", "UNAVAILABLE"].includes(
            told as string,
          );
          assert(isOver || (told as string).startsWith("DEADLINE"), String(told));
        }
        assertEquals(world.sockets.length, sockets, "no zombie connects again");
        gate.resolve(0);
        await world.settle();
        assertEquals(world.stats, { calls: 0, streams: 0, heldBytes: 0, sessions: 0 });
        assertEquals([world.clock.pending, app.listens, world.node.connections().size], [0, false, 0]);
      }),
      { numRuns: 200 },
    );
  });

  it("with a network that is cut all the time gets every answer once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 2, max: 12 }), { minLength: 3, maxLength: 40 }),
        fc.array(fc.nat({ max: 30_000 }), { minLength: 1, maxLength: 30 }),
        async (cuts, sizes) => {
          const { world, ran } = open();
          let at = 0;
          world.cutAfter = () => cuts[at++] ?? Infinity;
          const app = world.client({ backoff: { base: 10 } });
          await world.settle();
          while (app.status !== "open") await world.clock.advance(10);
          const answers = sizes.map((size, i) => ending(app.call["echo"]!([i, new Uint8Array(size)])));
          let done = false;
          const all = Promise.all(answers).then((values) => {
            done = true;
            return values;
          });
          for (let i = 0; i < 3_000 && !done; i++) await world.clock.advance(10);
          // A connection that is lost before the first WELCOME has no session: its calls may have run.
          const expected = sizes.map((size, i) => [i, new Uint8Array(size)]);
          assertEquals(await all, expected);
          assertEquals(
            ran.map((input) => (input as unknown[])[0]).sort((a, b) => Number(a) - Number(b)),
            sizes.map((_, i) => i),
          );
          await app.close();
        },
      ),
      { numRuns: 100 },
    );
  });
});
