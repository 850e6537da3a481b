// Publications that wait for one that does not come, and that their client gives up: they leave the server's calls to others.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError, channel, define, procedure } from "../mod.ts";
import { simulate } from "../testing/mod.ts";

/** A server whose hook refuses "1" as long as it is sick. */
function open(limits: object) {
  const state = { isSick: true };
  const news = channel({
    message: z.string(),
    publish: (message: string) => {
      if (message === "1" && state.isSick) throw new CallError("UNAVAILABLE", "sick", { retryable: true });
      return message;
    },
  });
  const { millrace } = define<object>().with({ channels: { news } });
  const app = millrace({ limits, procedures: { hi: procedure(() => "hi") }, onError: () => {} });
  return { state, world: simulate(app, { seed: 1 }) };
}

/** Calls that run on the simulated server. */
function callsOf(world: unknown): number {
  return (world as { readonly node: { stats(): { readonly calls: number } } }).node.stats().calls;
}

describe("publications that are given up", () => {
  it("are no calls any more", async () => {
    const { world } = open({});
    const client = world.connect({ onError: () => {} });
    const news = client.channel("news");
    await world.wait(news.publish("0"));
    for (const message of ["1", ..."b".repeat(40)]) {
      news.publish(message, { timeout: 2_000 }).catch(() => {});
    }
    await world.run(60_000);
    assertEquals(callsOf(world), 0);
    await world[Symbol.asyncDispose]();
  });

  for (const calls of [4, 8, 16]) {
    it(`leave room for others where ${calls} calls may be in flight`, async () => {
      const { state, world } = open({ calls });
      const client = world.connect({ onError: () => {} });
      const news = client.channel("news");
      await world.wait(news.publish("0"));
      const first = news.publish("1");
      for (let i = 0; i < 240; i++) {
        news.publish("b", { timeout: 150 + 37 * (i % 8) }).catch(() => {});
        if (i % 8 === 7) await world.run(100);
      }
      state.isSick = false;
      assertEquals((await world.wait(first)).offset > 1, true);
      assertEquals(await world.wait(client.call.hi()), "hi");
      await world.run(60_000);
      assertEquals(callsOf(world), 0);
      await world[Symbol.asyncDispose]();
    });
  }
});
