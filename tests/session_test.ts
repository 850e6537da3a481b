// A session over many connections: what a program sees of it, on the server and on the client.
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CallError } from "../rpc/errors.ts";
import { anything, procedure } from "./suites/pair.ts";
import { ending, World, type WorldOptions } from "./suites/session_world.ts";
import { deferred } from "./suites/sources.ts";

const QUIET = { calls: 0, streams: 0, heldBytes: 0, sessions: 0 };

/** Procedures whose handlers the test ends. */
class Work {
  readonly started: unknown[] = [];
  readonly aborted: unknown[] = [];
  readonly ids = new Set<string>();
  gate = deferred<unknown>();

  readonly procedures = {
    wait: procedure({ input: anything }, (input, { signal, connection }) => {
      this.started.push(input);
      this.ids.add(connection.id);
      signal.addEventListener("abort", () => this.aborted.push((signal.reason as CallError).code));
      return this.gate.promise;
    }),
    count: procedure.stream({ input: anything }, async function* (until) {
      for (let n = 1; n <= (until as number); n++) yield n;
    }),
    hold: procedure.upload({ items: anything }, () => this.gate.promise),
    leave: procedure({ input: anything }, (code, { connection }) => connection.close(code as number)),
  };
}

function open(options: Partial<WorldOptions> = {}): { world: World; work: Work } {
  const work = new Work();
  return { world: new World({ procedures: work.procedures, ...options }), work };
}

describe("a connection that is lost", () => {
  it("takes no call with it: the answer comes by the next one, and nothing ran twice", async () => {
    const { world, work } = open();
    const app = world.client();
    const waiting = ending(app.call["wait"]!("a"));
    await world.settle();
    world.socket.cut();
    await world.settle();
    assertEquals(app.status, "reconnecting");
    assertEquals(world.stats, { ...QUIET, calls: 1, sessions: 1, heldBytes: world.stats["heldBytes"]! });
    work.gate.resolve("done");
    await world.settle();
    await app.retry();
    assertEquals(await waiting, "done");
    assertEquals([work.started, work.aborted], [["a"], []]);
    assertEquals(app.states.at(-1), { status: "open", resumed: true });
    await app.close();
    await world.settle();
    assertEquals(world.stats, QUIET);
    assertEquals(world.clock.pending, 0, "timers");
  });

  it("is told to the program, and so is the one that carries on, under the same id", async () => {
    const { world, work } = open();
    const app = world.client();
    app.call["wait"]!(1);
    await world.settle();
    const [id] = work.ids;
    world.socket.cut();
    await world.settle();
    await app.retry();
    app.call["wait"]!(2);
    await world.settle();
    assertEquals([...work.ids], [id]);
    await app.close();
    await world.settle();
    assertEquals(world.hooks, [
      ["connect", id!, false],
      ["disconnect", id!, 1006],
      ["connect", id!, true],
      ["disconnect", id!, 1000],
    ]);
  });

  it("holds back new calls, which go behind those that were lost", async () => {
    const { world, work } = open();
    const app = world.client();
    await world.settle();
    world.socket.deaf.up = true;
    app.call["wait"]!("lost");
    await world.settle();
    world.socket.cut();
    await world.settle();
    app.call["wait"]!("new");
    await app.retry();
    assertEquals(work.started, ["lost", "new"]);
    await app.close();
  });

  it("does not stop a stream that nobody reads meanwhile", async () => {
    const { world } = open();
    const app = world.client();
    const items: unknown[] = [];
    const call = app.call["count"]!(1_000);
    const next = async () => items.push((await call.next()).value);
    await Promise.all([next(), world.settle()]);
    for (let i = 0; i < 20; i++) {
      world.socket.cut();
      await world.settle();
      await Promise.all([next(), app.retry()]);
    }
    for await (const item of call) items.push(item);
    assertEquals(items, Array.from({ length: 1_000 }, (_, i) => i + 1));
    await app.close();
  });

  it("is carried on a hundred times without anything new", async () => {
    const { world, work } = open();
    const app = world.client({ backoff: { base: 10, cap: 10 } });
    const waiting = ending(app.call["wait"]!("x"));
    await world.settle();
    for (let i = 0; i < 100; i++) {
      world.socket.cut();
      await world.settle();
      await app.retry();
      assertEquals(app.client.state, { status: "open", resumed: true });
      // HELLO and WELCOME, and what is left to acknowledge once.
      assert(world.socket.arrived.down.length <= 2, `${world.socket.arrived.down.length} frames`);
    }
    work.gate.resolve(7);
    await world.settle();
    assertEquals(await waiting, 7);
    assertEquals(work.started, ["x"]);
    await app.close();
  });
});

describe("a session", () => {
  it("ends where nobody comes back in time: handlers hear of it, and the client that comes too late is told", async () => {
    const { world, work } = open({ limits: { session: 1_000 } });
    const app = world.client({ backoff: { base: 5_000 } });
    const waiting = ending(app.call["wait"]!("a"));
    await world.settle();
    world.socket.cut();
    await world.settle();
    await world.clock.advance(999);
    assertEquals([work.aborted, world.stats["sessions"]], [[], 1]);
    await world.clock.advance(1);
    assertEquals(work.aborted, ["DISCONNECTED"]);
    assertEquals(await waiting, "DISCONNECTED ambiguous");
    work.gate.resolve(0);
    await world.settle();
    assertEquals(world.stats, QUIET);
    await app.retry();
    assertEquals(app.client.state, { status: "open", resumed: false });
    await app.close();
  });

  it("that the server does not have any more ends what was sent; what was not goes on", async () => {
    const { world, work } = open({ limits: { sessions: 1 } });
    const app = world.client();
    const waiting = ending(app.call["wait"]!("sent"));
    await world.settle();
    const other = world.client({ backoff: { base: 60_000 } });
    await world.settle();
    const [mine, its] = world.sockets;
    mine!.cut();
    await world.settle();
    its!.cut(); // a second session without a connection: the one before has to go
    await world.settle();
    assertEquals([world.stats["sessions"], work.aborted], [1, ["DISCONNECTED"]]);
    const later = ending(app.call["wait"]!("not sent"));
    await app.retry();
    assertEquals(await waiting, "DISCONNECTED ambiguous");
    work.gate.resolve("done");
    await world.settle();
    assertEquals(await later, "done");
    assertEquals(work.started, ["sent", "not sent"]);
    await app.close();
    await other.close();
  });

  it("holds no more than all of them may: the oldest goes", async () => {
    const { world } = open({ limits: { sessionBytes: 100_000 } });
    const clients = [0, 1, 2].map(() => world.client({ backoff: { base: 60_000 } }));
    await world.settle();
    for (const { call } of clients) {
      ending(call["hold"]!((async function* () {
        while (true) yield new Uint8Array(10_000);
      })()));
    }
    await world.settle();
    for (const socket of world.sockets) {
      socket.cut();
      await world.settle();
    }
    assert(world.stats["heldBytes"]! <= 100_000 + 256 * 1024, `${world.stats["heldBytes"]} bytes`);
    assert(world.stats["sessions"]! < 3);
    for (const client of clients) await client.close();
  });

  it("is not kept where the server keeps none, where the client wants none, nor after a close that is final", async () => {
    for (const [server, client, code] of [[0, 1, 1006], [1, 0, 1006], [1, 1, 1000], [1, 1, 4403]] as const) {
      const { world, work } = open({ limits: { session: server * 60_000 } });
      const app = world.client({ limits: { session: client * 60_000 } });
      const waiting = ending(app.call["wait"]!("a"));
      await world.settle();
      if (code === 1006) world.socket.cut();
      else void ending(app.call["leave"]!(code));
      await world.settle();
      assertEquals(world.stats["sessions"], 0);
      assertEquals(work.aborted, ["DISCONNECTED"]);
      const told = await waiting as string;
      assert(told.endsWith("ambiguous"), told);
      await app.close();
    }
  });

  it("has another id with each WELCOME, and no id twice", async () => {
    const { world } = open();
    const app = world.client();
    await world.settle();
    const ids: unknown[] = [];
    for (let i = 0; i < 5; i++) {
      ids.push(String(world.socket.messages[0]![2]));
      world.socket.cut();
      await world.settle();
      await app.retry();
    }
    assertEquals(new Set(ids).size, 5);
    await app.close();
  });

  it("is found by the id before when WELCOME with the next was lost", async () => {
    const { world, work } = open();
    const app = world.client();
    const waiting = ending(app.call["wait"]!("a"));
    await world.settle();
    for (let i = 0; i < 3; i++) {
      world.cutAfter = () => 1; // HELLO arrives, WELCOME does not
      world.socket.cut();
      await world.settle();
      await app.retry();
      assertNotEquals(app.status, "open");
    }
    world.cutAfter = () => Infinity;
    await app.retry();
    assertEquals(app.client.state, { status: "open", resumed: true });
    work.gate.resolve(1);
    await world.settle();
    assertEquals(await waiting, 1);
    assertEquals(work.started, ["a"]);
    await app.close();
    await world.settle();
    assertEquals(world.stats, QUIET);
  });

  it("ends when the server is shut down", async () => {
    const { world, work } = open();
    const app = world.client();
    const waiting = ending(app.call["wait"]!("a"));
    await world.settle();
    world.socket.cut();
    await world.settle();
    const report = world.node.drain({ code: 1001, deadline: 0, retryAfter: undefined });
    await world.settle();
    assertEquals(await report, { connections: 0, calls: 1 });
    assertEquals(work.aborted, ["DISCONNECTED"]);
    work.gate.resolve(0);
    await world.settle();
    assertEquals(world.stats, QUIET);
    await app.close();
    assertEquals(await waiting, "CLOSED ambiguous");
  });
});
