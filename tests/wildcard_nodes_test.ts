// Wildcards over real sockets, of one node with the broker in memory and of two that share a Redis.
import { assertEquals } from "@std/assert";
import { afterAll, afterEach, beforeAll, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { channel, millrace } from "../mod.ts";
import type { Broker } from "../rpc/broker.ts";
import { redisBroker } from "../redis/mod.ts";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import { AppServer } from "./suites/app_server.ts";
import { Mailbox } from "./suites/mailbox.ts";
import { CLIENTS, type UserClient } from "./suites/redis_clients.ts";

function makeApp(broker?: Broker) {
  return millrace({
    ...(broker === undefined ? {} : { broker }),
    procedures: {},
    channels: {
      "room/:house/:room": channel({
        message: z.string(),
        allow: { subscribe: ({ params }) => params["room"] !== "cellar" },
      }),
    },
  });
}

type App = ReturnType<typeof makeApp>;

/** What a client gets by a wildcard: `kitchen: hello`. */
async function listen(server: AppServer<App>): Promise<Mailbox<string>> {
  const got = new Mailbox<string>();
  const sub = server.client().channels("room/:house/:room", { house: "7" }).subscribe((event) => {
    got.push(`${event.channel.params.room}: ${event.type === "message" ? event.data : event.type}`);
  });
  await sub.ready();
  return got;
}

const say = ({ app }: AppServer<App>, room: string, text: string) =>
  app.publish("room/:house/:room", { house: "7", room }, text);

describe("wildcards over sockets", () => {
  it("have what is there and what comes", async () => {
    const server = await AppServer.start(makeApp());
    try {
      await say(server, "kitchen", "before");
      const got = await listen(server);
      await say(server, "cellar", "not for it");
      await say(server, "kitchen", "now");
      assertEquals(await got.next(), "kitchen: now");
      await say(server, "bath", "first");
      await say(server, "bath", "second");
      assertEquals([await got.next(), await got.next()], ["bath: first", "bath: second"]);
    } finally {
      await server.stop();
    }
  });
});

for (const kind of CLIENTS) {
  describe(`redis: wildcards of two nodes on ${kind.name}`, () => {
    let redis: RedisServer;
    const users: UserClient[] = [];
    const brokers: Broker[] = [];
    const servers: AppServer<App>[] = [];

    beforeAll(async () => void (redis = await startRedis()));

    afterEach(async () => {
      for (const server of servers.splice(0)) await server.stop();
      for (const broker of brokers.splice(0)) await broker.close();
      for (const user of users.splice(0)) user.close();
    });

    afterAll(() => redis.stop());

    async function node(): Promise<AppServer<App>> {
      const user = kind.make(redis.url);
      users.push(user);
      const broker = await redisBroker(user.client as object, { report: () => {} });
      brokers.push(broker);
      const server = await AppServer.start(makeApp(broker));
      servers.push(server);
      return server;
    }

    it("have what the other publishes, to channels that were there and to new ones", async () => {
      const [here, there] = [await node(), await node()];
      await say(there, "kitchen", "before");
      const got = await listen(here);
      await say(there, "cellar", "not for it");
      await say(there, "kitchen", "now");
      assertEquals(await got.next(), "kitchen: now");
      for (let i = 0; i < 5; i++) await say(there, "bath", `${i}`);
      const five: string[] = [];
      while (five.length < 5) five.push(await got.next());
      assertEquals(five, [0, 1, 2, 3, 4].map((i) => `bath: ${i}`));
      await say(here, "attic", "of its own node");
      assertEquals(await got.next(), "attic: of its own node");
    });
  });
}
