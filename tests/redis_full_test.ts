// Redis whose memory is full: what is known of keys of calls is told all the same, and what is refused leaves nothing behind.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { channel, millrace, procedure } from "../mod.ts";
import type { Broker, BrokerError, Claim } from "../rpc/broker.ts";
import { CallError } from "../rpc/errors.ts";
import { bytesOf, KEEP, textOf } from "../testing/broker_kit.ts";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import { AppServer } from "./suites/app_server.ts";
import { anything } from "./suites/pair.ts";
import { CLIENTS, within } from "./suites/redis_clients.ts";
import { RedisFixture } from "./suites/redis_fixture.ts";

const MINUTES = 600_000;

function told(claim: Claim): string {
  return claim.state === "done" ? `done: ${textOf(claim.reply)}` : claim.state;
}

describe("redis: where memory is full", () => {
  let server: RedisServer;
  const nodes: RedisFixture[] = [];

  beforeEach(async () => {
    server = await startRedis();
  });

  afterEach(async () => {
    for (const made of nodes.splice(0)) await made.close();
    await server.stop();
  });

  async function node(): Promise<Broker> {
    const made = await RedisFixture.open(server, CLIENTS[0]!);
    nodes.push(made);
    return made.broker;
  }

  const fill = async () => await server.ask("CONFIG", "SET", "maxmemory", "1");

  it("keys of calls that somebody has are told of as ever, and nobody has the others", async () => {
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

  it("keys that are refused leave no mark, and are free when there is room", async () => {
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

  it("what is published waits for room and lands once, and what has landed says so then", async () => {
    const [here, there] = [await node(), await node()];
    const producer = { id: "p", n: 1, low: 1 };
    const publication = () => ({ data: bytesOf("x"), room: 0, fingerprint: 7, retention: KEEP, producer });
    const { position } = await here.append("a", publication());
    await fill();
    for (const broker of [here, there]) {
      const error = await assertRejects(async () => await broker.append("a", publication()));
      assertEquals((error as BrokerError).code, "UNAVAILABLE");
    }
    await server.ask("CONFIG", "SET", "maxmemory", "0");
    const again = await there.append("a", publication());
    assertEquals([again.duplicate, again.position], [true, position]);
  });

  it("channels that Redis knows go on, and others are subscribed to when there is room", async () => {
    const refused = Promise.withResolvers<unknown>();
    const serve = async () => {
      const channels = { "room/:id": channel({ message: anything, signal: anything }) };
      const onError = (error: unknown) => refused.resolve(error);
      return await AppServer.start(millrace({ procedures: {}, broker: await node(), channels, onError }));
    };
    const nodes = [await serve(), await serve()];
    const [here, there] = nodes.map((node) => node.client());
    const old = here!.channel("room/:id", { id: "old" });
    await old.publish(1);
    await fill();
    const heard = Promise.withResolvers<unknown>();
    const known = there!.channel("room/:id", { id: "old" });
    known.onSignal((signal: unknown) => heard.resolve(signal));
    await within("a subscription", known.subscribe().ready());
    assertEquals((await known.history()).entries.map(({ data }) => data), [1]);
    old.signal("a signal");
    assertEquals(await within("a signal", heard.promise), "a signal");

    const fresh = there!.channel("room/:id", { id: "new" }).subscribe();
    assertEquals(((await within("a refusal", refused.promise)) as BrokerError).code, "UNAVAILABLE");
    const published = old.publish(2); // which Redis has refused when it refuses what follows
    const unread = await here!.channel("room/:id", { id: "newer" }).history().catch((error) => error);
    assert(unread instanceof CallError);
    assertEquals([unread.code, unread.retryable, unread.ambiguous], ["UNAVAILABLE", true, false]);
    assertEquals(fresh.state, "subscribing");
    await server.ask("CONFIG", "SET", "maxmemory", "0");
    await within("a subscription", fresh.ready());
    assertEquals((await within("a publication", published)).offset, 2);
    for (const node of nodes) await node.stop();
  });
});
