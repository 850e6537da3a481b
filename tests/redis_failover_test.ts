// A Redis that gives way to another: the node leaves it, though it closes no connection, and joins no server that follows another.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import type { Append, Broker } from "../rpc/broker.ts";
import { channelKeys } from "../redis/keys.ts";
import { redisBroker } from "../redis/mod.ts";
import { bytesOf, Heard, KEEP, textsOf } from "../testing/broker_kit.ts";
import { Gate } from "../tools/faults/redis/gate.ts";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import { CLIENTS, type UserClient } from "./suites/redis_clients.ts";

const ALL = { messages: 1_000, bytes: 1 << 20 };
let fingerprints = 1;

function append(text: string): Append {
  return { data: bytesOf(text), room: 0, fingerprint: fingerprints++, retention: KEEP };
}

for (const kind of CLIENTS) {
  describe(`redis: a node on ${kind.name}`, () => {
    let server: RedisServer;
    let copy: RedisServer | undefined;
    let gate: Gate;
    const users: UserClient[] = [];
    const brokers: Broker[] = [];

    beforeEach(async () => {
      server = await startRedis();
      gate = await Gate.open(server.port);
    });

    afterEach(async () => {
      for (const broker of brokers.splice(0)) await broker.close();
      for (const user of users.splice(0)) user.close();
      await gate.close();
      await server.stop();
      await copy?.stop();
      copy = undefined;
    });

    async function open(port: number, timeout = 5_000): Promise<Broker> {
      const user = kind.make(`redis://127.0.0.1:${port}`);
      users.push(user);
      const broker = await redisBroker(user.client as object, { timeout });
      brokers.push(broker);
      return broker;
    }

    it("joins a server that follows another when it is promoted, and says why it does not", async () => {
      copy = await server.replica();
      await assertRejects(() => open(copy!.port, 300), Error, "300 ms: READONLY This Redis is a replica");
      const opening = open(copy.port);
      await copy.ask("REPLICAOF", "NO", "ONE");
      await (await opening).append("a", append("x"));
    });

    it("joins a server that is away when it is asked, and comes and goes until it has joined", async () => {
      await server.kill();
      const opening = open(gate.port);
      gate.cut();
      await server.start();
      gate.cut();
      const broker = await opening;
      assertEquals((await broker.append("a", append("x"))).position.offset, 1);
    });

    it("says why it cannot connect", async () => {
      await server.ask("CONFIG", "SET", "requirepass", "secret");
      const why = kind.name === "Bun.RedisClient" ? "Connection closed" : "NOAUTH"; // Bun tells no more
      await assertRejects(() => open(server.port, 300), Error, why);
    });

    it("leaves a server that has become a replica for its master, with its pushes", async () => {
      copy = await server.replica();
      const broker = await open(gate.port);
      const heard = new Heard();
      await broker.subscribe("a", heard);
      await broker.append("a", append("x"));
      await copy.ask("REPLICAOF", "NO", "ONE");
      await server.ask("REPLICAOF", "127.0.0.1", 1); // there it hears nothing of what its master pushes
      gate.turn(copy.port);
      await broker.append("a", append("y"));
      assertEquals(textsOf(await broker.read("a", ALL)).at(-1), "y");
      await heard.until(() => heard.doubts > 0, "a doubt");
      const other = await open(copy.port);
      while (!heard.texts.includes("z")) {
        const { doubts } = heard;
        await other.append("a", append("z"));
        await heard.until(
          () => heard.doubts > doubts || heard.texts.includes("z"),
          "z, or that it was missed",
        );
      }
    });

    it("stays bounded in attempts while its address leads to a replica, and goes on when that is promoted", async () => {
      const broker = await open(gate.port);
      await server.ask("REPLICAOF", "127.0.0.1", 1);
      const connections = async () =>
        Number(/total_connections_received:(\d+)/.exec(String(await server.ask("INFO", "stats")))?.[1]);
      const before = await connections();
      await assertRejects(
        async () => await broker.append("a", append("x")),
        Error,
        "did not answer in 5000 ms",
      );
      const made = await connections() - before - 1; // that of the question
      assert(made >= 4 && made <= 40, `${made} connections in 5 s`);
      await server.ask("REPLICAOF", "NO", "ONE");
      assertEquals((await broker.append("a", append("y"))).position.offset, 1);
    });

    it("keeps in Redis, of what it publishes, as many results as were on their way in one go", async () => {
      const broker = await open(server.port);
      const results = async () => {
        const pattern = channelKeys("millrace", "a").producers.replace(/[{}]/g, "?");
        const [record] = await server.ask("KEYS", `${pattern}*`);
        return Number(await server.ask("HLEN", record)) - 3; // besides what it says of all of them
      };
      for (let n = 0; n < 1_200; n++) await broker.append("a", append("x"));
      assertEquals(await results(), 1);
      await Promise.all(Array.from({ length: 100 }, () => broker.append("a", append("x"))));
      await broker.append("a", append("x"));
      assertEquals(await results(), 100);
      assertEquals((await broker.read("a", { ...ALL, messages: 0 })).top.offset, 1_301);
    });
  });
}
