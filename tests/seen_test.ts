// `seen(call)`: whoever waits for it reads what the call has published, however much that was.
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import type { Client } from "../client/client.ts";
import { CallError, channel, define } from "../mod.ts";
import { simulate, type World } from "../testing/mod.ts";

const LONG = "x".repeat(240);

function makeApp() {
  const { procedure, millrace } = define().with({
    channels: { "c/:id/:rest": channel({ message: z.string() }) },
  });
  return millrace({
    procedures: {
      many: procedure({ input: z.number() }, async (count, { publish }) => {
        for (let id = 0; id < count; id++) await publish("c/:id/:rest", { id, rest: LONG }, "x");
        return count;
      }),
      fails: procedure({ input: z.number() }, async (count, { publish }) => {
        for (let id = 0; id < count; id++) await publish("c/:id/:rest", { id, rest: LONG }, "x");
        throw new CallError("FORBIDDEN");
      }),
    },
  });
}

type App = ReturnType<typeof makeApp>;

/** Subscribes to the first `count` channels with a handler that takes a while, and counts those that are done. */
async function slowReader(world: World<App>, client: Client<App>, count: number): Promise<() => number> {
  let done = 0;
  for (let id = 0; id < count; id++) {
    const subscription = client.channel("c/:id/:rest", { id, rest: LONG }).subscribe(async () => {
      await new Promise((resolve) => world.serverClock.setTimeout(() => resolve(0), 3_000));
      done++;
    });
    await world.wait(subscription.ready());
  }
  return () => done;
}

describe("seen() of a call that has published", () => {
  it("to as many channels as a client can be subscribed to, and more, waits for all", async () => {
    await using world = simulate(makeApp(), { seed: 1 });
    const client = world.connect();
    const done = await slowReader(world, client, 128);
    const call = client.call.many(1_000);
    await world.wait(client.seen(call));
    assertEquals([done(), await world.wait(call)], [128, 1_000]);
  });

  it("to more than it tells of rejects, and the call has its value or its error", async () => {
    await using world = simulate(makeApp(), { seed: 1 });
    const client = world.connect();
    for (const call of [client.call.many(1_001), client.call.fails(1_001)]) {
      const error = await world.wait(assertRejects(() => client.seen(call), CallError));
      assertEquals([error.code, error.retryable, error.ambiguous], ["TOO_LARGE", false, false]);
    }
    assertEquals(await world.wait(client.call.many(1_001)), 1_001);
    const error = await world.wait(assertRejects(async () => await client.call.fails(1_001), CallError));
    assertEquals(error.code, "FORBIDDEN");
  });

  it("waits where a client takes only small messages, and the call has its value or its error", async () => {
    await using world = simulate(makeApp(), { seed: 1 });
    const client = world.connect({ limits: { message: 1_024 } });
    const done = await slowReader(world, client, 10);
    const call = client.call.many(100);
    await world.wait(client.seen(call));
    assertEquals([done(), await world.wait(call)], [10, 100]);
    const error = await world.wait(assertRejects(async () => await client.call.fails(100), CallError));
    assertEquals(error.code, "FORBIDDEN");
  });
});
