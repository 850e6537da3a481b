// Messages that change and reactions on two nodes of one Redis: what both do at once is counted once each, and both have the same messages.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError, channel, millrace, procedure } from "../mod.ts";
import { redisBroker } from "../redis/mod.ts";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import { CLIENTS } from "./suites/redis_clients.ts";

const channels = {
  "room/:id": channel({
    message: z.string(),
    changes: true,
    reactions: { like: "total", flag: "distinct" },
  }),
};
const KIND = CLIENTS.find(({ name }) => name === "ioredis")!;

describe("two nodes on one Redis", () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
  });

  afterAll(() => server.stop());

  /** One node, until `run` is done. */
  async function withNode<T>(run: (room: ReturnType<typeof roomOf>) => Promise<T>): Promise<T> {
    const user = KIND.make(server.url);
    const broker = await redisBroker(user.client as object);
    const app = appOn(broker);
    try {
      return await run(roomOf(app));
    } finally {
      await app.shutdown();
      await broker.close();
      await user.close();
    }
  }

  const appOn = (broker: Awaited<ReturnType<typeof redisBroker>>) =>
    millrace({ broker, channels, procedures: { hi: procedure(() => "hi") } });
  const roomOf = (app: ReturnType<typeof appOn>) => app.channel("room/:id", { id: "1" });

  it("count the reactions of both, add the pieces of both, and keep them when they are gone", async () => {
    const place = await withNode((one) =>
      withNode(async (other) => {
        const place = await one.publish(".");
        const likes = [one, other].flatMap((room) =>
          Array.from({ length: 40 }, () => room.react(place, "like"))
        );
        const pieces = [one, other].flatMap((room, i) =>
          Array.from({ length: 30 }, () => room.append(place, `${i}`))
        );
        await Promise.all([...likes, ...pieces]);
        const pages = await Promise.all([one.history(), other.history({ after: 0 })]);
        for (const { entries: [entry] } of pages) {
          assertEquals(entry!.reactions, { like: { total: 80 } });
          assertEquals([...entry!.data!].sort().join(""), `.${"0".repeat(30)}${"1".repeat(30)}`);
        }
        return place;
      })
    );
    await withNode(async (later) => {
      await later.append(place, "!");
      const { entries: [entry] } = await later.history();
      assert(entry!.data!.endsWith("!"));
      assertEquals(entry!.reactions, { like: { total: 80 } });
      const { offset, fingerprint } = await later.append(place, "?");
      for (let i = 0; i < 3; i++) {
        const seen = await later.unreact(place, "flag", "nothing"); // which changes nothing
        assertEquals([seen.offset, seen.fingerprint], [offset, fingerprint]);
      }
      await later.delete(place);
      assertEquals((await later.history()).entries[0]!.isDeleted, true);
      await assertRejects(() => later.unreact(place, "flag", "nothing"), CallError, "deleted");
    });
  });
});
