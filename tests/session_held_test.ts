// What a session holds while it has no connection: all of it counts, as it grows, and the bound holds at all times.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import type { Client } from "../client/mod.ts";
import { type CallError, define } from "../mod.ts";
import { mounted } from "../rpc/mount.ts";
import { SimulatedWorld } from "../testing/world.ts";

const KiB = 1024;
/** What headers and copies of small frames may add to a session, in bytes. */
const BESIDE = 16 * KiB;

interface Result {
  readonly ok: boolean;
  readonly value?: unknown;
  readonly error?: unknown;
}

/** A server whose handlers answer, all in the same turn, when the test says so. */
function open(limits: Record<string, number> = {}) {
  const gate = Promise.withResolvers<void>();
  /** Of values that were encoded. */
  let encoded = 0;
  /** What the node told whenever one was about to be. */
  const told: number[] = [];
  const value = (size: number) => ({
    get bytes() {
      encoded++;
      told.push(world.node.stats().heldBytes);
      return new Uint8Array(size).fill(7);
    },
  });
  const { millrace, procedure } = define<object>().with({
    client: { keep: define().procedure.type({ input: z.any() }) },
  });
  const app = millrace({
    limits,
    procedures: {
      big: procedure({ input: z.number() }, async (size) => {
        await gate.promise;
        return value(size);
      }),
      refuse: procedure({ input: z.number(), errors: { NO: z.any() } }, async (size, { errors }) => {
        await gate.promise;
        throw errors.NO(value(size));
      }),
      back: procedure({ input: z.number() }, async (size, { client }) => {
        await gate.promise;
        await client.keep(value(size));
      }),
      items: procedure.stream({ input: z.number() }, async function* (size) {
        await gate.promise;
        yield value(size);
        yield 2;
      }),
      sleep: procedure({ input: z.any() }, async () => void await gate.promise),
    },
    onError: () => {},
  });
  const world = new SimulatedWorld<typeof app>({ seed: 1, makeNode: (s) => mounted(app).makeNode(s) });
  /** A client that has made calls which wait, and vanishes. */
  const away = async (calls: (client: Client<typeof app>) => void, name: string) => {
    const client = world.connect({ onError: () => {}, client: { keep: () => {} } }, name);
    await world.wait(client.ready());
    calls(client);
    await world.run(3_000);
    world.kill(client);
    await world.run(10);
  };
  const answer = async () => {
    gate.resolve();
    await world.run(100);
  };
  return { world, away, answer, told, encoded: () => encoded };
}

const times = (count: number, run: (n: number) => unknown) => {
  for (let n = 0; n < count; n++) void run(n);
};

describe("a session without a connection", () => {
  for (
    const [what, size] of [["big", 10 * KiB], ["big", 200 * KiB], ["refuse", 10 * KiB], [
      "back",
      200 * KiB,
    ]] as const
  ) {
    it(`counts what handlers give it, ${what} of ${size / KiB} KiB, far above limits.replay`, async () => {
      const { world, away, answer, encoded } = open({ replay: 16 * KiB });
      await away((client) => times(32, () => client.call[what](size).result()), "one");
      await answer();
      const { heldBytes, sessions } = world.node.stats();
      assertEquals([sessions, encoded()], [1, 32]);
      assert(heldBytes >= 32 * size && heldBytes < 32 * size + 32 * KiB * 4, `${heldBytes} bytes`);
      await world[Symbol.asyncDispose]();
    });
  }

  it("counts an item that its source gave when the connection was gone", async () => {
    const { world, away, answer, encoded } = open();
    await away((client) => times(20, () => void client.call.items(200 * KiB).next().catch(() => {})), "one");
    await answer();
    assertEquals([world.node.stats().sessions, encoded()], [1, 20]);
    const { heldBytes } = world.node.stats();
    assert(heldBytes >= 20 * 200 * KiB && heldBytes < 20 * 201 * KiB + BESIDE, `${heldBytes} bytes`);
    await world[Symbol.asyncDispose]();
  });

  it("counts answers that waited for the peer when it was lost", async () => {
    const { world, answer, encoded } = open({ queue: 64 * KiB });
    const client = world.connect({ onError: () => {} }, "one");
    await world.wait(client.ready());
    times(32, () => client.call.big(60 * KiB).result());
    await world.run(1_000);
    world.stall(client, "down", 60_000);
    await answer();
    const before = encoded();
    assert(before < 32, `${before} were encoded for a peer that reads nothing`);
    world.refuse(60_000);
    world.cut(client);
    await world.run(100);
    assertEquals([world.node.stats().sessions, encoded()], [1, 32]);
    assert(world.node.stats().heldBytes >= 32 * 60 * KiB, `${world.node.stats().heldBytes} bytes`);
    await world[Symbol.asyncDispose]();
  });

  it("counts the inputs of calls that run", async () => {
    const { world, away } = open();
    await away((client) => times(80, () => client.call.sleep(new Uint8Array(10 * KiB)).result()), "one");
    const { heldBytes } = world.node.stats();
    assert(heldBytes >= 800 * KiB, `${heldBytes} bytes`);
    await world[Symbol.asyncDispose]();
  });

  for (const what of ["big", "refuse", "back", "items"] as const) {
    it(`never holds more than all may, also when all handlers end at once: ${what}`, async () => {
      const most = 8_000 * KiB;
      const { world, away, answer, told, encoded } = open({ sessionBytes: most, connectionRate: 1_000 });
      const size = 100 * KiB;
      for (let n = 0; n < 10; n++) {
        await away((client) =>
          times(32, () => {
            if (what === "items") client.call.items(size).next().catch(() => {});
            else client.call[what](size).result();
          }), `client ${n}`);
      }
      assertEquals(world.node.stats().sessions, 10);
      await answer();
      const peak = Math.max(...told, world.node.stats().heldBytes);
      assert(peak <= most + size, `${peak} bytes`);
      assert(peak > most / 2, `${peak} bytes`);
      assert(world.node.stats().heldBytes <= most, `${world.node.stats().heldBytes} bytes`);
      assert(encoded() > 80, `${encoded()} were encoded`);
      assertEquals(world.node.stats().sessions, 2);
      await world[Symbol.asyncDispose]();
    });
  }

  it("gives its client all of it when it comes back: answers, errors, calls and items, each once", async () => {
    const { world, answer } = open({ replay: 16 * KiB });
    const kept: unknown[] = [];
    const client = world.connect({
      onError: () => {},
      client: { keep: (input: unknown) => void kept.push(input) },
    });
    await world.wait(client.ready());
    const results: Promise<Result>[] = [];
    times(24, () => results.push(client.call.big(90 * KiB).result() as Promise<Result>));
    times(8, () => results.push(client.call.refuse(9 * KiB).result() as Promise<Result>));
    times(8, () => results.push(client.call.back(90 * KiB).result() as Promise<Result>));
    const streams = Array.from({ length: 8 }, async () => {
      const items: unknown[] = [];
      for await (const item of client.call.items(150 * KiB)) items.push(item);
      return items;
    });
    await world.run(3_000);
    world.refuse(20_000);
    world.cut(client);
    await world.run(10);
    await answer();
    assertEquals(world.node.stats().sessions, 1);
    const all = await world.wait(Promise.all(results));
    const sizes = all.slice(0, 24).map(({ value }) => (value as { bytes: Uint8Array }).bytes.length);
    assertEquals(sizes, Array(24).fill(90 * KiB));
    const errors = all.slice(24, 32).map(({ error }) => (error as CallError).data as { bytes: Uint8Array });
    assertEquals(errors.map(({ bytes }) => bytes.length), Array(8).fill(9 * KiB));
    assertEquals(all.slice(32).map(({ ok }) => ok), Array(8).fill(true));
    assertEquals(kept.length, 8);
    const items = await world.wait(Promise.all(streams));
    assertEquals(
      items.map((all) =>
        all.map((item) => typeof item === "number" ? item : (item as { bytes: Uint8Array }).bytes.length)
      ),
      Array(8).fill([150 * KiB, 2]),
    );
    await world.run(60_000);
    assertEquals(world.node.stats().heldBytes, 0);
    await world[Symbol.asyncDispose]();
  });
});
