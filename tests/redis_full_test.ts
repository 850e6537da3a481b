// Redis whose memory is full: what is known of keys of calls is told all the same, and what is refused leaves nothing behind.
import { assert, assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { millrace, procedure } from "../mod.ts";
import type { Broker, Claim } from "../rpc/broker.ts";
import { CallError } from "../rpc/errors.ts";
import { redisBroker } from "../redis/mod.ts";
import { bytesOf, textOf } from "../testing/broker_kit.ts";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import { AppServer } from "./suites/app_server.ts";
import { CLIENTS, type UserClient, within } from "./suites/redis_clients.ts";

const MINUTES = 600_000;

function told(claim: Claim): string {
  return claim.state === "done" ? `done: ${textOf(claim.reply)}` : claim.state;
}

describe("redis: keys of calls where memory is full", () => {
  let server: RedisServer;
  const users: UserClient[] = [];
  const brokers: Broker[] = [];

  beforeEach(async () => {
    server = await startRedis();
  });

  afterEach(async () => {
    for (const broker of brokers.splice(0)) await broker.close();
    for (const user of users.splice(0)) user.close();
    await server.stop();
  });

  async function node(): Promise<Broker> {
    const user = CLIENTS[0]!.make(server.url);
    users.push(user);
    const broker = await redisBroker(user.client as object, { report: () => {} });
    brokers.push(broker);
    return broker;
  }

  const fill = async () => await server.ask("CONFIG", "SET", "maxmemory", "1");

  it("those that somebody has are told of as ever, and nobody has the others", async () => {
    const [here, there] = [(await node()).ledger, (await node()).ledger];
    for (const key of ["done", "gone", "runs"]) await here.claim(key, "hash", MINUTES);
    await here.settle("done", bytesOf("reply"));
    await here.settle("gone", new Uint8Array(2_000_000));
    await fill();
    for (const ledger of [here, there]) {
      const states: string[] = [];
      for (const [key, hash] of [["done", "hash"], ["gone", "hash"], ["done", "another"], ["new", "hash"]]) {
        states.push(told(await ledger.claim(key!, hash!, MINUTES)));
      }
      assertEquals(states, ["done: reply", "gone", "other", "full"]);
    }
    const waiting = await there.claim("runs", "hash", MINUTES);
    assert(waiting.state === "running");
    await here.settle("runs", bytesOf("no room"));
    await within("an end", waiting.done);
    assertEquals(told(await there.claim("runs", "hash", MINUTES)), "gone");
  });

  it("refused ones leave no mark, and are free when there is room", async () => {
    const broker = await node();
    await fill();
    const states = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => told(await broker.ledger.claim(`k${n}`, "hash", MINUTES))),
    );
    assertEquals(new Set(states), new Set(["full"]));
    await broker.close(); // which does what it has put off
    assertEquals(await server.ask("DBSIZE"), 0);
    await server.ask("CONFIG", "SET", "maxmemory", "0");
    assertEquals(told(await (await node()).ledger.claim("k0", "hash", MINUTES)), "new");
  });

  it("a call that has run, or runs, is not told to be run again, on either node", async () => {
    let runs = 0;
    const [started, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const serve = async () =>
      await AppServer.start(millrace({
        broker: await node(),
        authenticate: () => ({ subject: "ada" }),
        onError: () => {},
        procedures: {
          pay: procedure(() => ++runs),
          slow: procedure(async () => {
            started.resolve();
            await gate.promise;
            return "slow";
          }),
        },
      }));
    const nodes = [await serve(), await serve()];
    const [here, there] = nodes.map((node) => node.client());
    const slow = here!.call.slow(undefined, { key: "slow" });
    assertEquals(await here!.call.pay(undefined, { key: "paid" }), 1);
    await started.promise;
    await server.ask("DEL", ...(await server.ask("KEYS", "*slow*")) as string[]); // its node alone knows of it
    await fill();
    for (const client of [here!, there!]) {
      assertEquals(await client.call.pay(undefined, { key: "paid" }), 1);
      const refused = await client.call.pay(undefined, { key: "new" }).catch((error: unknown) => error);
      assert(refused instanceof CallError);
      assertEquals([refused.code, refused.ambiguous], ["RESOURCE_EXHAUSTED", false]);
    }
    const again = here!.call.slow(undefined, { key: "slow" });
    const other = await here!.call.pay(undefined, { key: "slow" }).catch((error: unknown) => error);
    assert(other instanceof CallError);
    assertEquals(other.code, "KEY_REUSED");
    gate.resolve();
    assertEquals([await slow, await again, runs], ["slow", "slow", 1]);
    for (const node of nodes) await node.stop();
  });
});
