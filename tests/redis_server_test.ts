// Which server is behind a link, and what a broker does when it is another one: over a link that a test answers, with a clock that stands still.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { RedisBroker } from "../redis/broker.ts";
import {
  type RedisLink,
  RedisLostError,
  RedisReplyError,
  type Reply,
  type SubscriberEvents,
} from "../redis/link.ts";
import { Heard } from "../testing/broker_kit.ts";
import { ManualClock } from "./suites/manual_clock.ts";

/** A link to a server that says what the test wants it to say. */
class Link {
  /** How it is called and what it is. */
  run = "first";
  role = "master";
  /** What it says of its memory. */
  memory = "maxmemory:0";
  /** What failed of all that is tried at the start, and why. */
  failed: readonly string[] = [];
  /** What comes in place of the next answers, in order. */
  readonly troubles: Error[] = [];
  trouble: RedisLostError | undefined;
  isThere = true;
  readonly did: string[] = [];
  /** Subscriptions that it was asked for. */
  readonly asked: PromiseWithResolvers<void>[] = [];
  events!: SubscriberEvents;
  readonly pubsub = "sharded";
  #listener: (() => void) | undefined;
  #ready = Promise.withResolvers<void>();

  async command([command]: readonly string[]): Promise<Reply> {
    await Promise.resolve();
    const trouble = this.troubles.shift();
    if (trouble) throw trouble;
    if (command === "EVALSHA") return this.failed;
    if (command !== "INFO") return "db=0";
    return `redis_version:7.2.0\r\n${this.memory}\r\nrole:${this.role}\r\nmaster_replid:r\r\nrun_id:${this.run}`;
  }

  ready(): Promise<void> {
    return this.isThere ? Promise.resolve() : this.#ready.promise;
  }

  onConnect(listener: () => void): () => void {
    this.#listener = listener;
    return () => this.#listener = undefined;
  }

  connect(): void {
    this.isThere = true;
    this.#listener?.();
    this.#ready.resolve();
  }

  subscriber(events: SubscriberEvents): unknown {
    this.events = events;
    return {
      subscribe: (channel: string) => {
        if (channel.includes("nobody")) return Promise.resolve(); // what is tried at the start
        const asked = Promise.withResolvers<void>();
        this.asked.push(asked);
        return asked.promise;
      },
      unsubscribe: () => {},
      drop: () => this.did.push("left for pushes"),
      close: () => Promise.resolve(),
    };
  }

  drop(): void {
    this.did.push("left");
  }

  close(): Promise<void> {
    this.#ready.reject(new RedisLostError("closed", false));
    this.#ready.promise.catch(() => {});
    this.did.push("closed");
    return Promise.resolve();
  }

  take(): string[] {
    return this.did.splice(0);
  }
}

function made() {
  const [link, clock] = [new Link(), new ManualClock()];
  const reports: unknown[] = [];
  const open = () =>
    RedisBroker.open({
      link: link as unknown as RedisLink,
      clock,
      prefix: "p",
      timeout: 1_000,
      random: (bytes: Uint8Array) => bytes.fill(1),
      report: (error: unknown) => reports.push(error),
    } as never);
  return { link, clock, reports, open };
}

describe("redis: a broker that opens", () => {
  it("waits for a server that is lost again, loads, or is a replica", async () => {
    const { link, clock, open } = made();
    link.isThere = false;
    link.role = "slave";
    link.troubles.push(new RedisLostError("lost", true), new RedisReplyError("LOADING soon"));
    const opening = open();
    await clock.advance(100);
    link.connect();
    await clock.advance(200);
    assert(link.take().every((what) => what === "left"));
    link.role = "master";
    await clock.advance(100);
    await (await opening).close();
    assertEquals(clock.pending, 0);
  });

  it("says in time why it could not, and leaves nothing behind", async () => {
    for (
      const [prepare, why] of [
        [(link: Link) => link.isThere = false, "Redis cannot be reached in 1000 ms"],
        [
          (link: Link) =>
            Object.assign(link, { isThere: false, trouble: new RedisLostError("Redis: WRONGPASS", true) }),
          "Redis cannot be reached in 1000 ms: WRONGPASS",
        ],
        [(link: Link) => link.role = "slave", "in 1000 ms: READONLY This Redis is a replica"],
      ] as const
    ) {
      const { link, clock, open } = made();
      prepare(link);
      const opening = assertRejects(open, Error, why);
      await clock.settle();
      await clock.advance(1_000);
      await opening;
      await clock.settle();
      assertEquals([link.take().at(-1), clock.pending], ["closed", 0]);
    }
  });

  it("refuses a server that evicts, and none that does not say so", async () => {
    for (
      const [memory, isRefused] of [
        ["maxmemory:100\r\nmaxmemory_policy:allkeys-lru", true],
        ["maxmemory:100\r\nmaxmemory_policy:noeviction", false],
        ["maxmemory:0\r\nmaxmemory_policy:allkeys-lru", false],
        ["maxmemory_policy:allkeys-lru", false],
        ["maxmemory:100", false],
        ["used_memory:100", false],
      ] as const
    ) {
      const { link, open } = made();
      link.memory = memory;
      if (isRefused) await assertRejects(open, Error, 'maxmemory-policy is "allkeys-lru"');
      else await (await open()).close();
    }
  });

  it("tells of rights that are missing, as each version of Redis says it, and of nothing else that failed", async () => {
    const { link, open } = made();
    link.failed = ["XADD", "ERR OOM", "SPUBLISH", "ERR wrong", "GET", "WRONGTYPE"];
    await (await open()).close();
    for (
      const [command, why, right] of [
        ["GET", "ERR The user executing the script can't run this command or subcommand", "+get"],
        ["GET", "ERR The user executing the script can't access at least one of the keys mentioned", "~p:*"],
        ["PUBLISH", "ERR The user executing the script can't publish to the channel mentioned", "&p:*"],
        [
          "GET",
          "NOPERM ACL failure in script: User channel has no permissions to run the 'get' command",
          "+get",
        ],
        ["GET", "NOPERM ACL failure in script: No permissions to access a key", "~p:*"],
        ["PUBLISH", "NOPERM ACL failure in script: No permissions to access a channel", "&p:*"],
        ["SPUBLISH", "ERR Unknown Redis command called from script", "+spublish"],
      ] as const
    ) {
      link.failed = [command, why];
      await assertRejects(open, Error, `lacks ${right} (${why})`);
    }
  });

  it("says at once what will not pass", async () => {
    const { link, clock, open } = made();
    link.troubles.push(new RedisReplyError("NOPERM User app has no permissions to run the 'info' command"));
    await assertRejects(open, Error, "may not do what channels need: it lacks +info (NOPERM");
    assertEquals([link.take(), clock.pending], [["closed"], 0]);
  });
});

describe("redis: a broker that looks who the server is", () => {
  it("leaves one that has become a replica", async () => {
    const { link, clock, open } = made();
    const broker = await open();
    await clock.advance(10_000);
    assertEquals(link.take(), []);
    link.role = "slave";
    await clock.advance(10_000);
    assertEquals(link.take(), ["left"]);
    await broker.close();
    assertEquals(clock.pending, 0);
  });

  it("hears pushes of the one that took over, unless they were lost anyway", async () => {
    const { link, clock, open } = made();
    const broker = await open();
    link.run = "second";
    await clock.advance(10_000);
    assertEquals(link.take(), ["left for pushes"]);
    link.events.lost(new RedisLostError("left", true));
    link.events.restored();
    await clock.advance(10_000);
    link.run = "third";
    link.events.lost(new RedisLostError("restarted", true));
    link.connect();
    await clock.settle();
    assertEquals(link.take(), []);
    link.run = "fourth";
    await clock.advance(10_000);
    assertEquals(link.take(), ["left for pushes"]);
    await broker.close();
  });

  it("waits once for a channel that is asked for again and again while Redis is away", async () => {
    const { link, clock, open } = made();
    const broker = await open();
    const heard = new Heard();
    for (let times = 0; times < 10; times++) {
      const asked = assertRejects(
        async () => await broker.subscribe("a", heard),
        Error,
        "confirmed no subscription",
      );
      await clock.advance(1_000);
      await asked;
    }
    assertEquals(link.asked.length, 1);
    const asked = broker.subscribe("a", heard);
    link.asked[0]!.resolve();
    await asked;
    await broker.close();
    assertEquals([link.asked.length, clock.pending], [1, 0]);
  });

  it("has a channel that is confirmed while nobody waits, and asks anew for one that was refused", async () => {
    const { link, clock, open } = made();
    const broker = await open();
    const heard = new Heard();
    const late = async () => {
      const asked = assertRejects(async () => await broker.subscribe("a", heard), Error, "in 1000 ms");
      await clock.advance(1_000);
      await asked;
    };
    await late();
    link.asked[0]!.reject(new RedisReplyError("NOPERM no"));
    await clock.settle();
    const refused = assertRejects(async () => await broker.subscribe("a", heard), Error, "cannot be reached");
    link.asked[1]!.reject(new RedisReplyError("NOPERM no"));
    await refused;
    await late();
    link.asked[2]!.resolve();
    await clock.settle();
    await broker.subscribe("a", heard);
    assertEquals(link.asked.length, 3);
    await broker.close();
  });
});
