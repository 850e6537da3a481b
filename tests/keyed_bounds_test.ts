// What the ledger's bounds mean for calls with a key: one client's takes nothing of another's, and nothing runs twice in silence.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { type CallError, millrace, procedure } from "../mod.ts";
import { simulate } from "../testing/mod.ts";
import { anything, procedure as bare } from "./suites/pair.ts";
import { World } from "./suites/session_world.ts";

describe("a call with a key, and the bounds of the ledger", () => {
  it("runs once though another client fills the ledger with large replies before it is sent again", async () => {
    let runs = 0;
    const app = millrace({
      procedures: {
        pay: procedure({ input: z.number() }, (n) => {
          runs++;
          return n;
        }),
        big: procedure({ input: z.number() }, () => new Uint8Array(1_000_000)),
      },
    });
    const world = simulate(app, { seed: 1 });
    const client = world.connect();
    const other = world.connect();
    await world.wait(Promise.all([client.ready(), other.ready()]));
    world.stall(client, "down", 20_000);
    const paid = client.call.pay(5, { key: "mine" }).result();
    await world.run(200);
    assertEquals(runs, 1);
    world.cut(client);
    world.refuse(130_000); // its session is gone when it comes back
    const filled = [];
    for (let i = 0; i < 140; i++) filled.push(await world.wait(other.call.big(1, { key: `${i}` })));
    assertEquals([filled.length, (await world.wait(paid, 400_000)).ok, runs], [140, true, 1]);
    const again = await world.wait(other.call.big(1, { key: "0" }).result());
    const error = again.ok ? undefined : again.error as CallError;
    assertEquals([error?.code, error?.ambiguous, error?.retryable], ["UNAVAILABLE", true, false]);
    await world[Symbol.asyncDispose]();
  });

  it("keeps its key as long as it runs", async () => {
    let runs = 0;
    const app = millrace({
      limits: { callTimeout: 0 },
      procedures: {
        slow: procedure({ input: z.number() }, () => {
          const run = ++runs;
          return new Promise<number>((resolve) => {
            world.serverClock.setTimeout(() => resolve(run), 65 * 60_000);
          });
        }),
      },
    });
    const world = simulate(app, { seed: 1 });
    const client = world.connect();
    await world.wait(client.ready());
    const calls = [client.call.slow(1, { key: "k" })];
    for (let i = 0; i < 5; i++) {
      await world.run(11 * 60_000);
      calls.push(client.call.slow(1, { key: "k" }));
    }
    assertEquals(await world.wait(Promise.all(calls), 3_600_000), [1, 1, 1, 1, 1, 1]);
    assertEquals(runs, 1);
    await world[Symbol.asyncDispose]();
  });

  it("is refused where there is no room to remember it: it did not run, and may be made again", async () => {
    const ran: unknown[] = [];
    const world = new World({
      procedures: { pay: bare({ input: anything }, (input) => void ran.push(input)) },
    });
    const app = world.client();
    const pay = async (key: string) => {
      const result = app.call["pay"]!(key, { key }).result();
      await world.settle();
      const { ok, error } = await result as { ok: boolean; error?: CallError };
      return ok ? "paid" : [error!.code, error!.ambiguous, error!.retryable];
    };
    assertEquals(await pay("before"), "paid");
    const { ledger } = world.broker;
    let claims = 1;
    for (let owner = 0; owner < 30; owner++) { // each gets half of what the others left
      for (let i = 0; i < 200_000; i++) {
        if (ledger.claim(`${owner} ${i}`, "", 600_000, `${owner}`).state !== "new") break;
        claims++;
      }
    }
    assertEquals(claims, 250_000);
    assertEquals([await pay("full"), ran], [["RESOURCE_EXHAUSTED", false, true], ["before"]]);
    assertEquals([await pay("before"), ran], ["paid", ["before"]]);
    await world.clock.advance(600_001);
    assertEquals([await pay("full"), ran], ["paid", ["before", "full"]]);
    await app.close();
  });
});
