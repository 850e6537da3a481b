// Calls that run once, on Redis whose answers are lost: no claim is taken from whoever has it, and none stays with nobody.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { millrace, procedure } from "../mod.ts";
import type { Broker, Ledger } from "../rpc/broker.ts";
import { unavailable, UndoneError } from "../redis/commands.ts";
import { claimKey } from "../redis/keys.ts";
import { RedisLedger } from "../redis/ledger.ts";
import { CLAIM, FIND, FORGET, RENEW, SETTLE, SETTLE_GONE } from "../redis/ledger_scripts.ts";
import { RedisReplyError, type Reply } from "../redis/link.ts";
import { redisBroker } from "../redis/mod.ts";
import type { Script } from "../redis/scripts.ts";
import { bytesOf, textOf } from "../testing/broker_kit.ts";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import { AppServer } from "./suites/app_server.ts";
import { DeafProxy } from "./suites/deaf_proxy.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { CLIENTS, type UserClient, within } from "./suites/redis_clients.ts";

const MINUTES = 600_000;

/** What a claim says, for people; who waits is told in time. */
async function told(claim: ReturnType<Ledger["claim"]>): Promise<string> {
  const given = await claim;
  return given.state === "done" ? `done: ${textOf(given.reply)}` : given.state;
}

/** What those who wait for a call are told. */
async function ended(waiting: Awaited<ReturnType<Ledger["claim"]>>): Promise<string | undefined> {
  assert(waiting.state === "running");
  const reply = await within("an end", waiting.done);
  return reply && textOf(reply);
}

describe("redis: the ledger behind a connection that loses answers", () => {
  let server: RedisServer;
  let proxy: DeafProxy;
  const users: UserClient[] = [];
  const brokers: Broker[] = [];

  beforeEach(async () => {
    server = await startRedis();
    proxy = await DeafProxy.open(server.port);
  });

  afterEach(async () => {
    for (const broker of brokers.splice(0)) await broker.close();
    for (const user of users.splice(0)) user.close();
    await proxy.close();
    await server.stop();
  });

  async function node(port: number, timeout?: number): Promise<Ledger> {
    return (await brokerAt(port, timeout)).ledger;
  }

  async function brokerAt(port: number, timeout = 5_000): Promise<Broker> {
    const user = CLIENTS[0]!.make(`redis://127.0.0.1:${port}`);
    users.push(user);
    const broker = await redisBroker(user.client as object, { timeout, report: () => {} });
    brokers.push(broker);
    return broker;
  }

  it("a call that is given back twice takes nothing from whoever has claimed it since", async () => {
    const [here, there] = [await node(proxy.port), await node(server.port)];
    assertEquals(await told(here.claim("k", "hash", MINUTES)), "new");
    const waiting = await there.claim("k", "hash", MINUTES);
    proxy.isDeaf = true;
    const forgotten = here.forget("k"); // it lands, and nobody says so
    assertEquals(await ended(waiting), undefined);
    assertEquals(await told(there.claim("k", "hash", MINUTES)), "new");
    proxy.heal();
    await forgotten; // it was sent again
    assertEquals(await told(there.claim("k", "hash", MINUTES)), "running");
    await there.settle("k", bytesOf("reply"));
    assertEquals(await told(here.claim("k", "hash", MINUTES)), "done: reply");
  });

  it("a reply that is sent again lands once", async () => {
    const [here, there] = [await node(proxy.port), await node(server.port)];
    await here.claim("k", "hash", MINUTES);
    const waiting = await there.claim("k", "hash", MINUTES);
    proxy.isDeaf = true;
    const settled = here.settle("k", bytesOf("reply"));
    assertEquals(await ended(waiting), "reply");
    proxy.heal();
    await settled;
    assertEquals(await told(there.claim("k", "hash", MINUTES)), "done: reply");
  });

  it("a claim that was lost does nothing to the next one's", async () => {
    const [here, there] = [await node(server.port), await node(server.port)];
    const lose = async (key: string) => {
      await here.claim(key, "hash", MINUTES);
      await server.ask("DEL", claimKey("millrace", key));
      assertEquals(await told(there.claim(key, "hash", MINUTES)), "new");
    };
    for (const key of ["renewed", "settled", "large", "forgotten"]) await lose(key);
    await here.renew("renewed", 10 * MINUTES);
    for (
      const [key, reply] of [["settled", bytesOf("not its own")], [
        "large",
        new Uint8Array(2_000_000),
      ]] as const
    ) {
      const error = await assertRejects(async () => await here.settle(key, reply));
      assertEquals((error as { code?: string }).code, "TAKEN", key);
    }
    await here.forget("forgotten");
    for (const key of ["renewed", "settled", "large", "forgotten"]) {
      assertEquals(await told(there.claim(key, "hash", MINUTES)), "running", key);
      assert(Number(await server.ask("PTTL", claimKey("millrace", key))) <= MINUTES, key);
    }
    await there.renew("renewed", 10 * MINUTES);
    assert(Number(await server.ask("PTTL", claimKey("millrace", "renewed"))) > 9 * MINUTES);
  });

  it("a claim whose answer does not come in time is given back", async () => {
    const [here, there] = [await node(proxy.port, 300), await node(server.port)];
    proxy.isDeaf = true;
    const error = await assertRejects(async () => await here.claim("k", "hash", MINUTES));
    assertEquals((error as { code?: string }).code, "UNAVAILABLE");
    const waiting = await there.claim("k", "hash", MINUTES); // it has landed
    proxy.heal();
    assertEquals(await ended(waiting), undefined);
    assertEquals(await told(there.claim("k", "hash", MINUTES)), "new");
  });

  describe("a call that ends while Redis is away for longer than a command may take", () => {
    let reports: unknown[];
    let runs: number;
    let started: PromiseWithResolvers<void>;
    let gate: PromiseWithResolvers<void>;

    beforeEach(() => {
      [reports, runs] = [[], 0];
      [started, gate] = [Promise.withResolvers(), Promise.withResolvers()];
    });

    async function serve(port: number, timeout: number) {
      const app = millrace({
        broker: await brokerAt(port, timeout),
        authenticate: () => ({ subject: "ada" }),
        onError: (error) => reports.push((error as { code?: string }).code),
        procedures: {
          pay: procedure(async () => {
            started.resolve();
            await gate.promise;
            return ++runs;
          }),
        },
      });
      const server = await AppServer.start(app);
      const pay = async () => await (await server.post("pay", undefined, { "idempotency-key": "k" })).json();
      return { app, pay, stop: () => server.stop() };
    }

    it("has run", async () => {
      const [here, there] = [await serve(proxy.port, 300), await serve(server.port, 5_000)];
      const first = here.pay();
      await started.promise;
      proxy.shut();
      gate.resolve();
      assertEquals(await first, 1);
      assertEquals(reports, ["UNAVAILABLE"]);
      const second = there.pay();
      proxy.heal();
      assertEquals([await within("a reply", second), runs], [1, 1]);
      for (const node of [here, there]) await node.stop();
    });

    it("has run though its node stops as soon as Redis is back", async () => {
      const [here, there] = [await serve(proxy.port, 2_000), await serve(server.port, 5_000)];
      const first = here.pay();
      await started.promise;
      proxy.shut();
      gate.resolve();
      assertEquals(await first, 1);
      proxy.heal();
      await here.app.shutdown({ deadline: 0 });
      await brokers[0]!.close();
      assertEquals([await within("a reply", there.pay()), runs], [1, 1]);
      for (const node of [here, there]) await node.stop();
    });
  });
});

/** A command that waits for the test. */
interface Asked {
  readonly what: string;
  resolve(reply: Reply): void;
  reject(error: unknown): void;
}

const NAMES = new Map<Script, string>([
  [CLAIM, "claim"],
  [FIND, "find"],
  [RENEW, "renew"],
  [SETTLE, "settle"],
  [SETTLE_GONE, "gone"],
  [FORGET, "forget"],
]);

describe("redis: the ledger", () => {
  let clock: ManualClock;
  let asked: Asked[];
  let ledger: RedisLedger;

  beforeEach(() => {
    clock = new ManualClock();
    asked = [];
    const ask = (what: string) =>
      new Promise<Reply>((resolve, reject) => asked.push({ what, resolve, reject }));
    ledger = new RedisLedger({
      clock,
      prefix: "p",
      node: "node",
      commands: {
        run: (job) => ask([NAMES.get(job.script), ...job.args()].join(" ")),
        send: (args) => ask(args.join(" ")),
      },
      subscriber: {
        subscribe: () => Promise.resolve(),
        unsubscribe: () => {
          throw new TypeError("Not subscribed");
        },
      },
    });
  });

  afterEach(() => {
    ledger.close();
    assertEquals(clock.pending, 0);
  });

  /** Answers the next command. */
  async function answer(what: string, reply: Reply | Error): Promise<void> {
    const next = asked.shift();
    assertEquals(next?.what, what);
    if (reply instanceof Error) next!.reject(reply);
    else next!.resolve(reply);
    await clock.settle();
  }

  const away = unavailable("away");
  /** Memory is full, and it is certain or not that no earlier sending was run. */
  const full = (isUndone: boolean) => {
    const cause = new RedisReplyError("OOM no");
    return isUndone ? new UndoneError("full", cause) : unavailable("full", cause);
  };

  it("tries to give a claim back until it has, at most as long as the claim may hold", async () => {
    const claims = ["a", "b"].map((key) => assertRejects(() => ledger.claim(key, "hash", 60_000)));
    for (const n of [1, 2]) await answer(`claim node ${n} hash 60000`, away);
    await Promise.all(claims);
    const tried: number[] = [];
    for (const begun = clock.now(); clock.pending > 0;) {
      await clock.advance(100);
      if (asked.length === 0) continue;
      tried.push(clock.now() - begun);
      await answer(`forget node ${2 - tried.length % 2} 60000`, away); // in turn
    }
    assertEquals(tried, [100, 300, 700, 1_500, 3_100, 6_300, 12_700, 22_700, 32_700, 42_700, 52_700]);
    const third = assertRejects(() => ledger.claim("c", "hash", 60_000));
    await answer("claim node 3 hash 60000", away);
    await third;
    await clock.advance(100);
    await answer("forget node 3 60000", 1);
    assertEquals([clock.pending, asked.length], [0, 0]);
  });

  it("gives back what it could not give back", async () => {
    const claimed = ledger.claim("a", "hash", 60_000);
    await answer("claim node 1 hash 60000", ["new"]);
    await claimed;
    const forgotten = assertRejects(() => ledger.forget("a"));
    await answer("forget node 1 60000", away);
    await forgotten;
    await clock.advance(100);
    await answer("forget node 1 60000", 1);
  });

  it("looks at what full memory has refused, and gives back what an earlier sending may have claimed", async () => {
    const claim = async (n: number, why: Error, looked: Reply | Error) => {
      const claimed = ledger.claim(`k${n}`, "hash", 60_000).then(({ state }) => state, ({ code }) => code);
      await answer(`claim node ${n} hash 60000`, why);
      await answer(`find node ${n} hash`, looked);
      return await claimed;
    };
    assertEquals(await claim(1, full(true), ["full"]), "full");
    assertEquals(await claim(2, full(true), away), "UNAVAILABLE");
    assertEquals(clock.pending, 0); // nothing was claimed
    assertEquals(await claim(3, full(false), ["new"]), "new"); // an earlier sending has
    assertEquals(clock.pending, 0);
    const lost: [Reply | Error, string][] = [[["full"], "full"], [["other"], "other"], [away, "UNAVAILABLE"]];
    for (const [n, [looked, state]] of lost.entries()) {
      assertEquals(await claim(n + 4, full(false), looked), state);
      await clock.advance(100);
      await answer(`forget node ${n + 4} 60000`, 0);
    }
    const settled = ledger.settle("k3", new Uint8Array([65, 65, 65]));
    await answer("settle node 3 hash 60000 QUFB", 1);
    await settled;
  });

  it("gives nothing back of what was certainly not done", async () => {
    const claimed = assertRejects(() => ledger.claim("a", "hash", 60_000));
    await answer("claim node 1 hash 60000", new UndoneError("too much"));
    await claimed;
    assertEquals(clock.pending, 0);
  });

  it("may be told of a reply again where that failed, and remembers no claim for longer than an hour after it is over", async () => {
    for (const [n, key] of ["a", "b"].entries()) {
      const claimed = ledger.claim(key, "hash", 60_000);
      await answer(`claim node ${n + 1} hash 60000`, ["new"]);
      await claimed;
    }
    const reply = new Uint8Array([65, 65, 65]);
    for (const outcome of [away, 1]) {
      const settled = ledger.settle("a", reply);
      settled.catch(() => {});
      await answer("settle node 1 hash 60000 QUFB", outcome);
    }
    await ledger.settle("a", reply);
    await clock.advance(60_000 + 3_600_000);
    const claimed = ledger.claim("c", "hash", 60_000);
    await answer("claim node 3 hash 60000", ["new"]);
    await claimed;
    for (const end of [ledger.settle("b", reply), ledger.renew("b", 60_000), ledger.forget("b")]) await end;
    assertEquals(asked, []);
  });

  it("tells those who wait whatever becomes of their subscription, or of the reply", async () => {
    const replies: unknown[] = [];
    for (const key of ["a", "b", "c"]) {
      const claim = ledger.claim(key, "hash", 60_000);
      await answer(asked[0]!.what, ["running"]);
      const waiting = await claim;
      assert(waiting.state === "running");
      void waiting.done.then((reply) => replies.push(reply && textOf(reply)));
      await answer(`HMGET ${claimKey("p", key)} h s r`, away); // when it is subscribed
    }
    await clock.advance(1_000);
    await answer(`HMGET ${claimKey("p", "a")} h s r`, ["hash", "1", "QUFB"]);
    await answer(`HMGET ${claimKey("p", "b")} h s r`, ["hash", "1", "no base64!"]);
    assertEquals(replies, ["AAA", undefined]);
    ledger.close();
    await clock.settle();
    assertEquals(replies, ["AAA", undefined, undefined]);
  });
});
