// Each client that a user may bring, over a real server: they lose alike, and come back alike.
import { assert, assertEquals, assertInstanceOf, assertLess, assertThrows } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { rmSync } from "node:fs";
import { createCluster, createSentinel } from "redis";
import { type LinkOptions, type RedisLink, RedisLostError, RedisReplyError } from "../redis/link.ts";
import { systemClock } from "../rpc/clock.ts";
import { linkOf } from "../redis/links.ts";
import { type RedisServer, startCluster, startRedis } from "../tools/redis.mjs";
import { CLIENTS, Heard, subscribed, type UserClient, within } from "./suites/redis_clients.ts";

/** What a promise ends in, if that is an error. */
async function failure(promise: Promise<unknown>): Promise<RedisReplyError | RedisLostError> {
  const error = await within("an error", promise.then(() => undefined, (error) => error));
  assert(error instanceof RedisReplyError || error instanceof RedisLostError, `${error}`);
  return error;
}

for (const kind of CLIENTS) {
  describe(`redis: a link on ${kind.name}`, () => {
    let redis: RedisServer;
    let user: UserClient;
    let link: RedisLink;

    beforeEach(async () => {
      redis = await startRedis();
      open();
    });

    afterEach(async () => {
      redis.signal("SIGCONT");
      await within("close", link.close());
      user.close();
      await redis.stop();
    });

    function open(options: LinkOptions = {}): void {
      user = kind.make(redis.url);
      link = linkOf(user.client, options);
    }

    async function reopen(options: LinkOptions): Promise<void> {
      await link.close();
      user.close();
      open(options);
      await within("ready", link.ready());
    }

    /** Pushes to a channel as all clients hear it; gives how many heard. */
    async function push(channel: string, payload: string): Promise<number> {
      const both = "return redis.call('SPUBLISH',KEYS[1],ARGV[1])+redis.call('PUBLISH',KEYS[1],ARGV[1])";
      return await redis.ask("EVAL", both, 1, channel, payload);
    }

    async function ask(...args: string[]): Promise<unknown> {
      await within("ready", link.ready());
      return within(args[0]!, link.command(args));
    }

    describe("commands", () => {
      it("gives the same replies whatever the client makes of them", async () => {
        assertEquals(await ask("SET", "a", "1"), "OK");
        assertEquals(await ask("GET", "none"), null);
        assertEquals(await ask("EVAL", "return {1,'ü',false,{2,'x'},redis.status_reply('S')}", "0"), [
          1,
          "ü",
          null,
          [2, "x"],
          "S",
        ]);
        await ask("HSET", "h", "f", "1", "g", "2");
        assertEquals(await ask("HGETALL", "h"), ["f", "1", "g", "2"]);
        assertEquals(await ask("CONFIG", "GET", "maxmemory-policy"), ["maxmemory-policy", "noeviction"]);
        await ask("XADD", "s", "1-1", "k", "v");
        assertEquals(await ask("XRANGE", "s", "-", "+"), [["1-1", ["k", "v"]]]);
        const large = "ab".repeat(200_000);
        await ask("SET", "large", large);
        assertEquals(await ask("GET", "large"), large);
      });

      it("names what the server refuses by its first word", async () => {
        await ask("SET", "text", "1");
        const refused = async (...args: string[]) => {
          const error = await failure(ask(...args));
          assertInstanceOf(error, RedisReplyError);
          return error.code;
        };
        assertEquals(await refused("EVALSHA", "f".repeat(40), "0"), "NOSCRIPT");
        assertEquals(await refused("LPUSH", "text", "1"), "WRONGTYPE");
        assertEquals(await refused("NOSUCHCOMMAND"), "ERR");
        assertEquals(await refused("EVAL", "return redis.error_reply('MYERR why')", "0"), "MYERR");
        assertEquals(await refused("EVAL", "return {1, redis.error_reply('INNER why')}", "0"), "INNER");
        await redis.ask("CONFIG", "SET", "maxmemory", "1");
        assertEquals(await refused("SET", "more", "1"), "OOM");
        await redis.ask("CONFIG", "SET", "maxmemory", "0");
        await redis.ask("REPLICAOF", "127.0.0.1", 1);
        assertEquals(await refused("SET", "more", "1"), "READONLY");
        assertEquals(await ask("GET", "text"), "1"); // none of them was the end of the connection
      });

      it("sends those of one turn together, in the order of the calls", async () => {
        await ask("PING");
        const reads = async () =>
          Number(/total_reads_processed:(\d+)/.exec(await redis.ask("INFO", "stats"))![1]);
        const before = await reads();
        const numbers = Array.from({ length: 1_000 }, (_, n) => `${n}`);
        const replies = await within(
          "RPUSH",
          Promise.all(numbers.map((n) => link.command(["RPUSH", "list", n]))),
        );
        assertLess(await reads() - before, 50);
        assertEquals(replies, numbers.map((_, n) => n + 1));
        assertEquals(await ask("LRANGE", "list", "0", "-1"), numbers);
      });
    });

    describe("pushes", () => {
      it("come in the order of the server, from the confirmation on until they are unsubscribed", async () => {
        const heard = new Heard();
        const subscriber = link.subscriber(heard);
        await subscribed(subscriber, "a", "b{1}:ü");
        const payloads = Array.from({ length: 100 }, (_, n) => `${n}`);
        const script = "for n=0,99 do redis.call(ARGV[1],KEYS[1],n) end";
        await ask("EVAL", script, "1", "a", link.pubsub === "sharded" ? "SPUBLISH" : "PUBLISH");
        for (const payload of payloads) assertEquals(await heard.next(), `a ${payload}`);
        subscriber.unsubscribe("a");
        assertEquals(await push("b{1}:ü", "ä"), 1);
        assertEquals(await heard.next(), "b{1}:ü ä");
        subscriber.unsubscribe("a"); // twice is nothing
        await subscribed(subscriber, "c"); // the answer to this comes after that of UNSUBSCRIBE
        assertEquals(await push("a", "nobody"), 0);
        assertEquals(await push("c", "1"), 1);
        assertEquals(await heard.next(), "c 1");
      });

      it("are told once when a channel goes and comes in one turn", async () => {
        const heard = new Heard();
        const subscriber = link.subscriber(heard);
        await subscribed(subscriber, "x");
        for (const times of [1, 2, 3]) {
          const given = Promise.all(Array.from({ length: times }, () => {
            subscriber.unsubscribe("x");
            const again = subscriber.subscribe("x");
            return again.catch((error) => error);
          }));
          const ends = await within("subscribe", given);
          assertEquals(ends.at(-1), undefined);
          assertEquals(await push("x", `${times}`), 1);
          assertEquals(await heard.next(), `x ${times}`);
        }
        await subscribed(subscriber, "x"); // it is already
        await push("x", "last");
        assertEquals(await heard.next(), "x last");
        assertEquals(heard.size, 0);
      });

      it("tells a refusal to whoever subscribes, and keeps the rest", async () => {
        await redis.ask("ACL", "SETUSER", "default", "resetchannels", "&good*");
        const heard = new Heard();
        const subscriber = link.subscriber(heard);
        // Bun 1.4.5 breaks the connection on an error while there are subscriptions: redis/bun_redis.ts.
        if (kind.name !== "Bun.RedisClient") await subscribed(subscriber, "good1");
        const error = await failure(subscriber.subscribe("bad"));
        assertInstanceOf(error, RedisReplyError);
        assertEquals(error.code, "NOPERM");
        await subscribed(subscriber, "good2");
        await redis.ask("ACL", "SETUSER", "default", "allchannels");
        await push("bad", "1");
        await push("good2", "2");
        assertEquals(await heard.next(), "good2 2");
      });
    });

    describe("losses", () => {
      it("CLIENT KILL TYPE pubsub: lost, then restored with all its channels", async () => {
        const heard = new Heard();
        const subscriber = link.subscriber(heard);
        const channels = Array.from({ length: 10 }, (_, n) => `ch${n}`);
        await subscribed(subscriber, ...channels);
        for (let times = 0; times < 3; times++) {
          assertEquals(await redis.ask("CLIENT", "KILL", "TYPE", "pubsub"), 1);
          assertEquals(await heard.state(), "lost");
          assertEquals(heard.error?.name, "RedisLostError");
          assertEquals(await heard.state(), "restored");
          for (const channel of channels) assertEquals(await push(channel, "1"), 1);
          for (const channel of channels) assertEquals(await heard.next(), `${channel} 1`);
        }
        assertEquals(heard.size, 0);
      });

      it("sends nothing again that had no answer", async () => {
        const id = await ask("CLIENT", "ID");
        const waiting = failure(link.command(["BLPOP", "none", "0"]));
        const behind = failure(link.command(["INCR", "n"]));
        await redis.ask("CLIENT", "KILL", "ID", id as number);
        for (const error of [await waiting, await behind]) {
          assertInstanceOf(error, RedisLostError);
          assertEquals(error.sent, true);
        }
        assertEquals(await ask("GET", "n"), null);
        assertEquals(await ask("PING"), "PONG");
      });

      it("tells of all that was lost, in its order, before there is another connection", async () => {
        await link.close();
        const clock = { ...systemClock((run) => setTimeout(run, 0)), random: () => 0 }; // it connects again at once
        link = linkOf(user.client, {}, clock);
        const id = await ask("CLIENT", "ID") as number;
        for (const leave of [() => link.drop("no reason"), () => redis.ask("CLIENT", "KILL", "ID", id)]) {
          await within("ready", link.ready());
          const told: unknown[] = [];
          const forget = link.onConnect(() => told.push("connected"));
          const waiting = Array.from({ length: 100 }, (_, n) => {
            const command = n === 0 ? ["BLPOP", "none", "0"] : ["SET", "a", "x".repeat(10_000)];
            return link.command(command).catch(() => told.push(n));
          });
          await leave();
          await within("losses", Promise.all(waiting));
          await within("ready", link.ready());
          assertEquals(told, [...waiting.keys(), "connected"]);
          forget();
        }
      });

      it("a server that is killed and comes back: nothing waits in the client, all is subscribed again", async () => {
        const heard = new Heard();
        const subscriber = link.subscriber(heard);
        await subscribed(subscriber, "a", "b");
        await ask("SET", "n", "0");
        let connects = 0;
        const forget = link.onConnect(() => connects++);
        await redis.kill();
        assertEquals(await heard.state(), "lost");
        for (let times = 0; times < 20; times++) {
          const error = await failure(link.command(["INCR", "n"]));
          assertInstanceOf(error, RedisLostError);
          if (times > 0) assertEquals(error.sent, false);
        }
        subscriber.unsubscribe("b");
        let subscribedAlready = false;
        const again = subscriber.subscribe("a").then(() => subscribedAlready = true);
        const later = subscriber.subscribe("c");
        await redis.start();
        if (heard.changes === 0) assertEquals(subscribedAlready, false);
        assertEquals(await heard.state(), "restored");
        await within("subscribe", Promise.all([again, later]));
        await within("ready", link.ready());
        assertEquals(connects, 1);
        forget();
        assertEquals(await ask("GET", "n"), null);
        assertEquals([await push("a", "1"), await push("b", "1"), await push("c", "1")], [1, 0, 1]);
        assertEquals([await heard.next(), await heard.next()], ["a 1", "c 1"]);
      });

      it("what is subscribed is refused when it comes back: lost until it is allowed", async () => {
        const heard = new Heard();
        const subscriber = link.subscriber(heard);
        await subscribed(subscriber, "a");
        await redis.ask("ACL", "SETUSER", "default", "resetchannels"); // Redis ends those who listen
        assertEquals(await heard.state(), "lost");
        const attempts = async () =>
          Number(/NOPERM:count=(\d+)/.exec(await redis.ask("INFO", "errorstats"))?.[1]);
        for (const end = performance.now() + 10_000; !(await attempts() > 1);) {
          assert(performance.now() < end);
        }
        assertEquals(heard.changes, 0);
        await redis.ask("ACL", "SETUSER", "default", "allchannels");
        assertEquals(await heard.state(), "restored");
        await push("a", "1");
        assertEquals(await heard.next(), "a 1");
      });

      it("a server that holds still: both connections are left, and made again when it goes on", async () => {
        await reopen({ patience: 400, pulse: 50 });
        const heard = new Heard();
        const subscriber = link.subscriber(heard);
        await subscribed(subscriber, "a");
        redis.signal("SIGSTOP");
        const error = await failure(link.command(["INCR", "n"]));
        assertInstanceOf(error, RedisLostError);
        assertEquals(error.sent, true);
        assertEquals(await heard.state(), "lost");
        assertEquals((await failure(link.command(["PING"]))).message, "Redis: there is no connection");
        redis.signal("SIGCONT");
        assertEquals(await heard.state(), "restored");
        await within("ready", link.ready());
        await push("a", "1");
        assertEquals(await heard.next(), "a 1");
      });

      it("DEBUG SLEEP within the patience: nothing is lost, the answers come", async () => {
        await reopen({ patience: 2_000, pulse: 50 });
        const heard = new Heard();
        const subscriber = link.subscriber(heard);
        await subscribed(subscriber, "a");
        const slept = redis.ask("DEBUG", "SLEEP", 0.5);
        const answers = Array.from({ length: 10 }, (_, n) => ask("RPUSH", "list", `${n}`));
        assertEquals(await within("RPUSH", Promise.all(answers)), answers.map((_, n) => n + 1));
        await slept;
        await push("a", "1");
        assertEquals(await heard.next(), "a 1");
        assertEquals(heard.error, undefined);
      });

      it("a server that is not there yet: ready and subscribe wait for it", async () => {
        await redis.kill();
        await link.close();
        user.close();
        open();
        const heard = new Heard();
        const waiting = subscribed(link.subscriber(heard), "a");
        const ready = link.ready();
        assertEquals((await failure(link.command(["PING"]))).message, "Redis: there is no connection");
        await redis.start();
        await within("ready", ready);
        await waiting;
        await push("a", "1");
        assertEquals(await heard.next(), "a 1");
        assertEquals(heard.error, undefined); // there was nothing to lose
      });

      it("a server that refuses to write, PING included: nothing is lost", async () => {
        await reopen({ pulse: 20 });
        const heard = new Heard();
        await subscribed(link.subscriber(heard), "a");
        await redis.ask("CONFIG", "SET", "save", "3600 1");
        rmSync(redis.folder, { recursive: true }); // so that no snapshot can be saved
        await redis.ask("BGSAVE");
        const info = async (section: string) => String(await redis.ask("INFO", section));
        const until = async (section: string, found: (info: string) => boolean) => {
          for (const end = performance.now() + 10_000; !found(await info(section));) {
            assert(performance.now() < end);
          }
        };
        await until("persistence", (text) => text.includes("rdb_last_bgsave_status:err"));
        const error = await failure(ask("PING"));
        assertEquals([error.name, error.message.split(" ")[0]], ["RedisReplyError", "MISCONF"]);
        await redis.ask("CONFIG", "RESETSTAT");
        // Each connection asks again only when it has been answered.
        const asked = (text: string) =>
          Number(/cmdstat_(?:ping|echo):calls=(\d+)/.exec(text)?.[1]) +
          Number(/cmdstat_(?:ping|echo):.*?rejected_calls=(\d+)/.exec(text)?.[1]);
        await until("commandstats", (text) => asked(text) >= 6);
        assertEquals(heard.error, undefined);
        await push("a", "1");
        assertEquals(await heard.next(), "a 1");
      });

      it("is dropped by whoever knows better", async () => {
        const heard = new Heard();
        const subscriber = link.subscriber(heard);
        await subscribed(subscriber, "a");
        const waiting = failure(link.command(["BLPOP", "none", "0"]));
        link.drop("no answer to an append");
        assertInstanceOf(await waiting, RedisLostError);
        assertEquals(await ask("PING"), "PONG");
        assertEquals([await heard.state(), await heard.state()], ["lost", "restored"]); // it is one server
        assertEquals(heard.error?.message, "Redis: no answer to an append");
        const id = await ask("CLIENT", "ID");
        subscriber.drop("a push was missed");
        assertEquals([await heard.state(), await heard.state()], ["lost", "restored"]);
        assertEquals(heard.error?.message, "Redis: a push was missed");
        assertEquals(await ask("CLIENT", "ID"), id);
      });
    });

    describe("the user's client", () => {
      it("gives its password and its database", async () => {
        await redis.ask("CONFIG", "SET", "requirepass", "secret");
        await link.close();
        user.close();
        user = kind.make(redis.url.replace("//", "//:secret@") + "/3");
        link = linkOf(user.client);
        await ask("SET", "a", "1");
        assertEquals(await within("user", user.command("GET", "a")), "1");
        assert(String(await ask("CLIENT", "INFO")).includes(" db=3 "));
        const heard = new Heard();
        await subscribed(link.subscriber(heard), "a");
        await ask("EVAL", "redis.call('SPUBLISH','a','1') redis.call('PUBLISH','a','1')", "0");
        assertEquals(await heard.next(), "a 1");
        await ask("CONFIG", "SET", "requirepass", "");
      });

      it("has options that do not hold for the link", async () => {
        await link.close();
        user.close();
        user = kind.make(redis.url, true);
        link = linkOf(user.client);
        const waiting = within("BLPOP", link.ready().then(() => link.command(["BLPOP", "later", "0"])));
        await within("ready", link.ready());
        const behind = Array.from({ length: 10 }, () => link.command(["INCR", "n"]));
        await redis.ask("RPUSH", "later", "x");
        assertEquals(await waiting, ["later", "x"]);
        assertEquals(await Promise.all(behind), behind.map((_, n) => n + 1));
        assertEquals(await redis.ask("GET", "n"), "10");
        const heard = new Heard();
        await subscribed(link.subscriber(heard), "a");
        await redis.ask("CLIENT", "KILL", "TYPE", "pubsub");
        assertEquals([await heard.state(), await heard.state()], ["lost", "restored"]);
        assertEquals(await push("a", "ü"), 1);
        assertEquals(await heard.next(), "a ü");
        await redis.restart();
        assertEquals([await heard.state(), await heard.state()], ["lost", "restored"]);
        assertEquals(await ask("INCR", "n"), 1);
      });
    });

    describe("close", () => {
      it("ends what was made, and leaves the user's client", async () => {
        await within("user", user.command("SET", "a", "1"));
        const heard = new Heard();
        const subscriber = link.subscriber(heard);
        await subscribed(subscriber, "a");
        const waiting = failure(link.command(["BLPOP", "none", "0"]));
        await within("close", link.close());
        assertInstanceOf(await waiting, RedisLostError);
        for (const late of [link.command(["PING"]), link.ready(), subscriber.subscribe("b")]) {
          assertInstanceOf(await failure(late), RedisLostError);
        }
        assertThrows(() => link.subscriber(heard), RedisLostError);
        assertEquals(await within("user", user.command("GET", "a")), "1");
        const others = async () => (await redis.ask("CLIENT", "LIST")).trim().split("\n").length - 1;
        for (const end = performance.now() + 5_000; (await others()) !== 1;) {
          assert(performance.now() < end, `${await others()} clients are connected`);
        }
        assertEquals(heard.error, undefined);
      });

      it("does not wait for a server that holds still", async () => {
        await subscribed(link.subscriber(new Heard()), "a");
        await within("ready", link.ready());
        const waiting = link.command(["PING"]).catch(() => {}); // answered or lost, as it comes
        redis.signal("SIGSTOP");
        const begun = performance.now();
        await link.close();
        assertLess(performance.now() - begun, 1_500); // ioredis by itself waits for 2 s
        redis.signal("SIGCONT");
        await within("PING", waiting);
      });

      it("ends what is not yet made", async () => {
        await within("user", user.command("PING"));
        await within("close", linkOf(user.client).close());
        await within("close", link.close());
        await within("user", user.command("PING"));
        const others = async () => (await redis.ask("CLIENT", "LIST")).trim().split("\n").length - 1;
        for (const end = performance.now() + 5_000; (await others()) !== 1;) {
          assert(performance.now() < end, `${await others()} clients are connected`);
        }
      });

      it("ends an attempt that waits for a server", async () => {
        await redis.kill();
        const waiting = failure(link.subscriber(new Heard()).subscribe("a"));
        await within("close", link.close());
        assertInstanceOf(await waiting, RedisLostError);
      });
    });
  });

  describe(`redis: a link on ${kind.name} to a cluster of one node`, () => {
    it("sends commands and hears pushes", async () => {
      const redis = await startCluster();
      const user = kind.make(redis.url);
      const link = linkOf(user.client);
      try {
        await within("ready", link.ready());
        const heard = new Heard();
        await subscribed(link.subscriber(heard), "{a}:live", "{b}:live");
        const publish = link.pubsub === "sharded" ? "SPUBLISH" : "PUBLISH";
        const script = "redis.call('SET',KEYS[1],'1') return redis.call(ARGV[1],KEYS[2],'hello')";
        for (const name of ["{a}", "{b}"]) {
          const eval_ = ["EVAL", script, "2", `${name}:meta`, `${name}:live`, publish];
          assertEquals(await within("EVAL", link.command(eval_)), 1);
          assertEquals(await heard.next(), `${name}:live hello`);
        }
      } finally {
        await link.close();
        user.close();
        await redis.stop();
      }
    });
  });
}

describe("redis: what is no client", () => {
  const nodes = [{ host: "127.0.0.1", port: 1 }];
  for (
    const [given, named] of [
      [
        createSentinel({ name: "master", sentinelRootNodes: nodes }),
        "what createSentinel() of node-redis makes",
      ],
      [createCluster({ rootNodes: [{ socket: nodes[0]! }] }), "a Class"],
      [undefined, "undefined"],
      [null, "null"],
      ["redis://localhost", 'the text "redis://localhost"'],
      [{ url: "redis://localhost" }, "a Object"],
      [class Redis {}, "the function or class Redis"],
      [new Map(), "a Map"],
    ] as const
  ) {
    it(`${named}`, () => {
      const error = assertThrows(() => linkOf(given), TypeError);
      assert(
        error.message.startsWith(`Cannot use ${named} as a Redis client: give a Redis of ioredis`),
        error.message,
      );
    });
  }
});
