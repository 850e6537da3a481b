// A call with a key that its caller has given up runs on: whoever sends it again gets what came of it.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError, millrace, procedure } from "../mod.ts";
import type { CallResult } from "../client/mod.ts";
import { encode } from "../msgpack/mod.ts";
import { hashOf } from "../rpc/call_keys.ts";
import type { IncomingCall } from "../rpc/incoming_call.ts";
import { readReply, ToldError } from "../rpc/kept_reply.ts";
import { mounted } from "../rpc/mount.ts";
import { SimulatedWorld } from "../testing/world.ts";

/** What a handler is told to do when its time, on the server's clock, is over; and what it saw. */
interface Run {
  readonly number: number;
  readonly timeLeft: number;
  stoppedAt?: number;
}

function open({ timeout, latency = 0, ...limits }: {
  timeout?: number;
  callTimeout?: number;
  posts?: number;
  latency?: number;
} = {}) {
  const runs: Run[] = [];
  const limit = timeout === undefined ? {} : { timeout };
  const wait = procedure({ input: z.number(), ...limit }, async (ms, { signal, timeLeft }) => {
    const run: Run = { number: runs.length + 1, timeLeft: timeLeft() };
    runs.push(run);
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => {
        run.stoppedAt = world.now();
        if (ms === DEAF) world.serverClock.setTimeout(resolve, 10_000);
        else if (ms > 1e6) reject(signal.reason); // this one obeys
        else resolve();
      });
      if (ms < 1e6) world.serverClock.setTimeout(resolve, ms);
    });
    return run.number;
  });
  const app = millrace({
    authenticate: ({ token }) => ({ subject: token ?? "ada" }),
    limits,
    procedures: { wait, get: procedure(() => "there") },
    onError: () => {},
  });
  const world = new SimulatedWorld<typeof app>({
    seed: 1,
    makeNode: (surroundings) => mounted(app).makeNode(surroundings),
    delays: { answer: latency, push: 0 },
  });
  return { world, runs };
}

/** How a call ended, for people. */
function brief(
  result: CallResult<unknown, never> | { ok: boolean; value?: unknown; error?: unknown },
): unknown {
  if (result.ok) return (result as { value: unknown }).value;
  const { code, ambiguous, retryable } = (result as { error: CallError }).error;
  return [code, ambiguous && "ambiguous", retryable && "retryable"].filter(Boolean).join(" ");
}
const STUCK = 1e9;
/** Goes on for 10 s when it is told to stop. */
const DEAF = 2e9;

describe("a call with a key whose caller does not wait any more", () => {
  for (const how of ["timeout", "signal"] as const) {
    it(`runs on after its ${how}, and the next gets its value`, async () => {
      const { world, runs } = open();
      const client = world.connect();
      await world.wait(client.ready());
      const start = world.now();
      const controller = new AbortController();
      const options = how === "timeout" ? { timeout: 1_000 } : { signal: controller.signal };
      const first = client.call.wait(5_000, { key: "k", ...options }).result();
      await world.run(1_000);
      controller.abort();
      assertEquals(
        brief(await world.wait(first)),
        how === "timeout" ? "DEADLINE ambiguous" : "CANCELLED ambiguous",
      );
      assertEquals(world.now() - start < 2_000, true, "told at once");
      const waits = client.call.wait(5_000, { key: "k" }).result();
      assertEquals(brief(await world.wait(waits)), 1);
      assertEquals(brief(await world.wait(client.call.wait(5_000, { key: "k" }).result())), 1);
      assertEquals([runs.length, runs[0]!.stoppedAt], [1, undefined]);
      assertEquals(runs[0]!.timeLeft > 59_000, true, "its time is not its caller's");
      await world[Symbol.asyncDispose]();
    });
  }

  it("frees at once who only waited for it", async () => {
    const { world, runs } = open();
    const client = world.connect();
    await world.wait(client.ready());
    const start = world.now();
    const run = client.call.wait(30_000, { key: "k" }).result();
    for (let i = 0; i < 100; i++) {
      const waiting = client.call.wait(30_000, { key: "k", timeout: 10 }).result();
      assertEquals(brief(await world.wait(waiting)), "DEADLINE ambiguous");
    }
    assertEquals(await world.wait(client.call.get()), "there");
    assertEquals(world.now() - start < 25_000, true, "no slot is held");
    assertEquals([brief(await world.wait(run)), runs.length], [1, 1]);
    await world[Symbol.asyncDispose]();
  });

  for (const bound of [{ timeout: 3_000 }, { callTimeout: 3_000 }]) {
    it(`is told to stop when its own time is over, by ${Object.keys(bound)}; it does not run again`, async () => {
      const { world, runs } = open(bound);
      const client = world.connect();
      await world.wait(client.ready());
      const start = world.now();
      const first = client.call.wait(STUCK, { key: "k", timeout: 1_000 }).result();
      assertEquals(brief(await world.wait(first)), "DEADLINE ambiguous");
      const second = client.call.wait(STUCK, { key: "k" }).result();
      assertEquals(brief(await world.wait(second)), "DEADLINE ambiguous");
      const took = runs[0]!.stoppedAt! - start;
      assertEquals(took > 2_900 && took < 3_200, true, `${took} ms`);
      assertEquals(
        brief(await world.wait(client.call.wait(STUCK, { key: "k" }).result())),
        "DEADLINE ambiguous",
      );
      assertEquals(runs.length, 1);
      await world[Symbol.asyncDispose]();
    });
  }

  it("has its value kept though it came after its time", async () => {
    const { world, runs } = open({ timeout: 3_000 });
    const client = world.connect();
    await world.wait(client.ready());
    const first = client.call.wait(50_000, { key: "k" }).result(); // it ends when it is told to stop, with a value
    assertEquals(brief(await world.wait(first)), "DEADLINE ambiguous");
    assertEquals(brief(await world.wait(client.call.wait(50_000, { key: "k" }).result())), 1);
    assertEquals(runs.length, 1);
    await world[Symbol.asyncDispose]();
  });

  it("may have a caller who waits longer than the server's bound", async () => {
    const { world, runs } = open({ callTimeout: 3_000 });
    const client = world.connect();
    await world.wait(client.ready());
    const first = client.call.wait(5_000, { key: "k", timeout: 20_000 }).result();
    assertEquals(brief(await world.wait(first)), 1);
    assertEquals(runs[0]!.stoppedAt, undefined);
    await world[Symbol.asyncDispose]();
  });

  it("runs on when its session ends, past the deadline of its caller", async () => {
    const { world, runs } = open();
    const client = world.connect();
    const other = world.connect();
    await world.wait(Promise.all([client.ready(), other.ready()]));
    const first = client.call.wait(20_000, { key: "k", timeout: 1_000 }).result();
    await world.run(500);
    client.close();
    await world.wait(first);
    await world.run(10_000);
    assertEquals(brief(await world.wait(other.call.wait(20_000, { key: "k" }).result())), 1);
    assertEquals([runs.length, runs[0]!.stoppedAt], [1, undefined]);
    await world[Symbol.asyncDispose]();
  });

  it("is counted when its session has ended, and a server that shuts down waits for it", async () => {
    const { world, runs } = open();
    const client = world.connect();
    await world.wait(client.ready());
    const first = client.call.wait(20_000, { key: "k" }).result();
    await world.run(500);
    client.close();
    await world.wait(first);
    await world.run(1_000);
    assertEquals(world.node.stats().calls, 1);
    const report = await world.wait(world.node.drain({ code: 1001, deadline: 60_000, retryAfter: 0 }));
    assertEquals([report, runs[0]!.stoppedAt], [{ connections: 0, calls: 0 }, undefined]);
    assertEquals(world.node.stats().calls, 0);
    await world[Symbol.asyncDispose]();
  });

  it("is told to stop when a server that shuts down has waited, wherever its caller is; nobody says that it did not run", async () => {
    for (const where of ["closed", "away", "there"]) {
      const { world, runs } = open();
      const client = world.connect();
      await world.wait(client.ready());
      const start = world.now();
      const first = client.call.wait(STUCK, { key: "k" }).result();
      await world.run(500);
      if (where === "closed") client.close();
      if (where === "away") {
        world.refuse(60_000);
        world.cut(client);
        await world.run(3_000);
        assertEquals(world.node.stats().sessions, 1);
      }
      assertEquals(world.node.stats().calls, 1);
      const drained = world.node.drain({ code: 1001, deadline: 5_000, retryAfter: 0 });
      const { calls } = await world.wait(drained);
      const waited = runs[0]!.stoppedAt! - start;
      assertEquals([calls, waited > 5_000 && waited < 10_000], [1, true], `${where}: after ${waited} ms`);
      await world.run(100);
      assertEquals(world.node.stats().calls, 0, where);
      const last = world.broker.ledger.claim("subject ada\nk", "", 1, "");
      assertEquals((await last).state === "new", false, where);
      await world[Symbol.asyncDispose]();
      await first;
    }
  });

  for (const takes of [0, 1_500, 20_000]) {
    it(`is not run again where its handler does not obey a server that shuts down, ${takes} ms from the ledger`, async () => {
      const { world, runs } = open({ latency: takes });
      const client = world.connect();
      await world.wait(client.ready());
      void client.call.wait(DEAF, { key: "k" }).result();
      await world.run(takes + 500);
      assertEquals(runs.length, 1);
      client.close();
      const start = world.now();
      const { calls } = await world.wait(world.node.drain({ code: 1001, deadline: 1_000, retryAfter: 0 }));
      assertEquals([calls, world.now() - start < 8_500], [1, true], `after ${world.now() - start} ms`);
      await world.run(takes + 9_000); // it ends with a value
      const bytes = encode(DEAF);
      const hash = hashOf(
        { registered: { name: "wait" }, bytes, start: 0, end: bytes.length } as IncomingCall,
      );
      const claim = await world.wait(
        Promise.resolve(world.broker.ledger.claim("subject ada\nk", hash, 1, "")),
      );
      assert(claim.state === "done", claim.state);
      const { reply } = readReply(claim.reply);
      assert(reply instanceof ToldError, "nobody knows what came of it");
      assertEquals([reply.error.code, reply.error.ambiguous], ["UNAVAILABLE", true]);
      await world.run(takes + 10_000);
      assertEquals(world.node.stats().calls, 0);
      await world[Symbol.asyncDispose]();
    });
  }

  it("is told to stop when too many do so: the oldest of who has most, and nobody says that it did not run", async () => {
    const { world, runs } = open({ posts: 4 });
    const leave = async (token: string, keys: string[]) => {
      const client = world.connect({ token }, `${token} ${keys[0]}`);
      await world.wait(client.ready());
      for (const key of keys) void client.call.wait(STUCK, { key }).result();
      await world.run(500);
      await world.wait(client.close());
      await world.run(100);
    };
    const stopped = () => runs.filter(({ stoppedAt }) => stoppedAt !== undefined).map((run) => run.number);
    await leave("ada", ["a"]); // run 1
    await leave("eve", ["a", "b", "c"]); // runs 2, 3 and 4
    assertEquals([stopped(), world.node.stats().calls], [[], 4]);
    await leave("eve", ["d"]);
    assertEquals([stopped(), world.node.stats().calls], [[2], 4]);
    await leave("bob", ["a"]);
    assertEquals([stopped(), world.node.stats().calls], [[2, 3], 4]);
    const back = world.connect({ token: "eve" });
    assertEquals(
      brief(await world.wait(back.call.wait(STUCK, { key: "b" }).result())),
      "UNAVAILABLE ambiguous",
    );
    assertEquals(runs.length, 6);
    await world.wait(world.node.drain({ code: 1001, deadline: 0, retryAfter: 0 }));
    await world.run(100);
    assertEquals([stopped(), world.node.stats().calls], [[1, 2, 3, 4, 5, 6], 0]);
    await world[Symbol.asyncDispose]();
  });

  for (const latency of [0, 400]) {
    it(`takes no place when it has ended, whenever its session does, ${latency} ms from the ledger`, async () => {
      const { world, runs } = open({ posts: 2, latency });
      for (let i = 0; i < 30; i++) {
        const client = world.connect({}, `client ${i}`);
        await world.wait(client.ready());
        void client.call.wait(500, { key: `${i}` }).result();
        await world.run(latency + 50 * i); // before it runs, while it does, while its reply is on its way to the ledger, and after
        await world.wait(client.close());
        await world.run(2_000);
        assertEquals(world.node.stats().calls, 0, `${i}`);
      }
      assertEquals([runs.length > 20, runs.filter(({ stoppedAt }) => stoppedAt !== undefined)], [true, []]);
      await world[Symbol.asyncDispose]();
    });
  }

  it("does not run where it was given up while the ledger was asked: the next does", async () => {
    const { world, runs } = open({ latency: 4_000 });
    const client = world.connect();
    await world.wait(client.ready());
    const controller = new AbortController();
    const first = client.call.wait(10, { key: "k", signal: controller.signal }).result();
    await world.run(100);
    controller.abort();
    assertEquals(brief(await world.wait(first)), "CANCELLED ambiguous");
    assertEquals(runs.length, 0);
    assertEquals([brief(await world.wait(client.call.wait(10, { key: "k" }).result())), runs.length], [1, 1]);
    await world[Symbol.asyncDispose]();
  });
});
