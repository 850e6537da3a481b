// Each client that a user may bring, with a Redis whose answers to SUBSCRIBE and UNSUBSCRIBE come late.
import { assertEquals, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { type RedisLink, RedisLostError } from "../redis/link.ts";
import { linkOf } from "../redis/links.ts";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import { LateAnswers } from "./suites/late_answers.ts";
import { CLIENTS, Heard, subscribed, type UserClient, within } from "./suites/redis_clients.ts";

for (const kind of CLIENTS) {
  describe(`redis: late answers on ${kind.name}`, () => {
    let redis: RedisServer;
    let late: LateAnswers;
    let user: UserClient;
    let link: RedisLink;

    beforeEach(async () => {
      redis = await startRedis();
      late = await LateAnswers.open(redis.url);
      user = kind.make(late.url);
      link = linkOf(user.client, { patience: 30_000 });
      await within("ready", link.ready());
    });

    afterEach(async () => {
      await within("close", link.close());
      user.close();
      late.close();
      await redis.stop();
    });

    /** Pushes to a channel as all clients hear it; gives how many heard. */
    async function push(channel: string, payload: string): Promise<number> {
      const both = "return redis.call('SPUBLISH',KEYS[1],ARGV[1])+redis.call('PUBLISH',KEYS[1],ARGV[1])";
      return await redis.ask("EVAL", both, 1, channel, payload);
    }

    it("a channel that goes before it is confirmed is let go when it is", async () => {
      const heard = new Heard();
      const subscriber = link.subscriber(heard);
      late.hold();
      const asked = subscriber.subscribe("a");
      asked.catch(() => {});
      const confirmation = await within("the answer to SUBSCRIBE", late.next());
      subscriber.unsubscribe("a");
      await assertRejects(() => asked, RedisLostError, "a was unsubscribed");
      confirmation.pass();
      (await within("the answer to UNSUBSCRIBE", late.next())).pass();
      await late.goOn();
      assertEquals(await push("a", "nobody"), 0);
      await subscribed(subscriber, "b");
      assertEquals(await push("b", "1"), 1);
      assertEquals(await heard.next(), "b 1");
      assertEquals(heard.error, undefined);
    });

    it("a channel that goes before it has come back is let go when it has", async () => {
      const heard = new Heard();
      const subscriber = link.subscriber(heard);
      await subscribed(subscriber, "a", "b");
      late.hold();
      await redis.ask("CLIENT", "KILL", "TYPE", "pubsub");
      assertEquals(await heard.state(), "lost");
      const confirmation = await within("the answer to SUBSCRIBE", late.next());
      subscriber.unsubscribe("a");
      subscriber.unsubscribe("b");
      confirmation.pass();
      await late.goOn();
      assertEquals(await heard.state(), "restored");
      assertEquals([await push("a", "nobody"), await push("b", "nobody")], [0, 0]);
      await subscribed(subscriber, "a");
      assertEquals(await push("a", "1"), 1);
      assertEquals(await heard.next(), "a 1");
      assertEquals(heard.changes, 0);
    });

    it("a channel that goes, and comes again between two answers, is heard", async () => {
      const heard = new Heard();
      const subscriber = link.subscriber(heard);
      await subscribed(subscriber, "fence");
      late.hold();
      subscriber.subscribe("a").catch(() => {});
      const confirmation = await within("the answer to SUBSCRIBE", late.next());
      await push("fence", "1");
      const fence = await within("the push", late.next());
      subscriber.unsubscribe("a");
      confirmation.pass();
      fence.pass();
      assertEquals(await heard.next(), "fence 1"); // so the client has seen the confirmation
      const again = subscriber.subscribe("a");
      await late.goOn();
      await within("subscribe", again);
      assertEquals(await push("a", "1"), 1);
      assertEquals(await heard.next(), "a 1");
      assertEquals([heard.size, heard.changes], [0, 0]);
    });
  });
}
