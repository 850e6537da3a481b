// Presence over a real Redis: nodes see each other's members, and a node or a Redis that is gone leaves nobody behind.
import { assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { presenceKeys } from "../redis/keys.ts";
import type { Broker } from "../rpc/broker.ts";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import type { ChannelNode, Line } from "./suites/channel_node.ts";
import { as, enter, type Heard, heard, leave, presenceNode, watch } from "./suites/presence_node.ts";
import { CLIENTS, within } from "./suites/redis_clients.ts";
import { RedisFixture } from "./suites/redis_fixture.ts";

for (const kind of CLIENTS) {
  describe(`redis: presence on ${kind.name}`, () => {
    let server: RedisServer;
    let fixture: RedisFixture;
    let nodes: ChannelNode<Broker>[];

    beforeEach(async () => {
      server = await startRedis();
      fixture = await RedisFixture.open(server, kind);
      nodes = [fixture.broker, await fixture.node()].map((broker) => presenceNode<Broker>({ broker }));
    });

    afterEach(async () => {
      for (const node of nodes) await node.node.drain({ code: 1001, deadline: 0, retryAfter: undefined });
      await fixture.close();
      await server.stop();
    });

    /** Lets time pass at the nodes until a line has heard what fits. Redis has a clock of its own. */
    async function until(line: Line, fits: (told: Heard) => boolean): Promise<Heard> {
      return await within(
        "what is told",
        (async () => {
          for (;;) {
            for (const { clock } of nodes) await clock.advance(100);
            const told = heard(line).find(fits);
            if (told !== undefined) return told;
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        })(),
      );
    }

    it("is the same on all nodes: who enters, tells something else, leaves", async () => {
      const [ada, eve] = [await nodes[0]!.connect(as("a")), await nodes[1]!.connect()];
      watch(eve);
      await until(eve, ({ count }) => count === 0);
      enter(ada, 1, "Ada");
      const first = await until(eve, ({ count }) => count === 1);
      assertEquals(first.set ?? first.members, ["Ada"]);
      enter(ada, 2, "Ada L.");
      assertEquals((await until(eve, ({ set }) => set !== undefined)).set, ["Ada L."]);
      const board = nodes[1]!.node.publisher.channel("board/:id", { id: "7" });
      assertEquals((await board.presence.get()).members.map(({ data }) => data), ["Ada L."]);
      leave(ada, 3);
      assertEquals((await until(eve, ({ count }) => count === 0)).gone, 1);
      assertEquals(fixture.errors, []);
    });

    it("leaves nothing in Redis where nobody is, however many ask", async () => {
      const eve = await nodes[1]!.connect();
      watch(eve);
      for (let i = 0; i < 20; i++) eve.call("@members", { channel: `board/${i}` });
      await until(eve, ({ count }) => count === 0);
      const news = [{ id: "nobody", n: 1, member: undefined }];
      await fixture.broker.presence!.change("board/1", { id: "one", lease: 9_000 }, { news, most: 9 });
      for (const { clock } of nodes) await clock.advance(5_000);
      assertEquals(await nodes[0]!.node.publisher.channel("board/:id", { id: "9" }).presence.count(), 0);
      assertEquals(await server.ask("DBSIZE"), 0);
      assertEquals(heard(eve), []); // and is told no other life each time
    });

    it("has nobody of a node whose lease is over", async () => {
      const [ada, eve] = [await nodes[0]!.connect(as("a")), await nodes[1]!.connect()];
      watch(eve);
      enter(ada, 1, "Ada");
      await until(eve, ({ count }) => count === 1);
      const [crashed] = nodes.splice(0, 1); // it says nothing any more
      crashed!.node.parts.channels!.end();
      const key = presenceKeys("millrace", "board/7").nodes;
      const [name] = await server.ask("ZRANGE", key, "0", "-1") as string[];
      await server.ask("ZADD", key, "1", name!); // as 10 s later
      assertEquals((await until(eve, ({ count }) => count === 0)).gone, 1);
    });

    it("comes back after Redis has lost everything", async () => {
      const [ada, eve] = [await nodes[0]!.connect(as("a")), await nodes[1]!.connect()];
      watch(eve);
      enter(ada, 1, "Ada");
      await until(eve, ({ count }) => count === 1);
      await fixture.restart();
      const board = nodes[1]!.node.publisher.channel("board/:id", { id: "7" });
      await within(
        "the member",
        (async () => {
          for (;;) {
            for (const { clock } of nodes) await clock.advance(500);
            const count = await board.presence.count().catch(() => undefined);
            if (count === 1) return;
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        })(),
      );
      enter(ada, 2, "Ada again");
      const told = await until(eve, ({ set, members }) => (set ?? members)?.includes("Ada again") === true);
      assertEquals(told.count, 1);
    });
  });
}
