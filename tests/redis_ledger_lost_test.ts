// Claims that Redis has lost while their calls ran, and steps that arrive when everything about their claim is over.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { millrace, procedure } from "../mod.ts";
import { systemClock } from "../rpc/clock.ts";
import type { Broker, Claim, Ledger } from "../rpc/broker.ts";
import { type Job, unavailable } from "../redis/commands.ts";
import { claimKey } from "../redis/keys.ts";
import { RedisLedger } from "../redis/ledger.ts";
import type { RedisBrokerOptions } from "../redis/mod.ts";
import { CLAIM, FORGET, RENEW, SETTLE } from "../redis/ledger_scripts.ts";
import type { Reply } from "../redis/link.ts";
import type { Script } from "../redis/scripts.ts";
import { bytesOf, textOf } from "../testing/broker_kit.ts";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import { AppServer } from "./suites/app_server.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { CLIENTS, within } from "./suites/redis_clients.ts";
import { RedisFixture } from "./suites/redis_fixture.ts";

const MINUTES = 600_000;

function told(claim: Claim): string {
  return claim.state === "done" ? `done: ${textOf(claim.reply)}` : claim.state;
}

async function codeOf(run: () => unknown): Promise<string | undefined> {
  const error = await assertRejects(async () => await run());
  return (error as { code?: string }).code;
}

describe("redis: a claim that Redis has lost", () => {
  let server: RedisServer;
  const nodes: RedisFixture[] = [];

  beforeEach(async () => {
    server = await startRedis();
  });

  afterEach(async () => {
    for (const made of nodes.splice(0)) await made.close();
    await server.stop();
  });

  async function node(options: RedisBrokerOptions = {}): Promise<Broker> {
    const made = await RedisFixture.open(server, CLIENTS[0]!, options);
    nodes.push(made);
    return made.broker;
  }

  async function writtenAnew(): Promise<void> {
    for (
      const begun = performance.now();
      Number(await server.ask("EXISTS", claimKey("millrace", "k"))) === 0;
    ) {
      assert(performance.now() - begun < 10_000, "it was not written anew");
    }
  }

  it("is written anew with its reply, and by its renewal", async () => {
    const [here, there] = [(await node()).ledger, (await node()).ledger];
    for (const key of ["settled", "large", "renewed", "forgotten"]) await here.claim(key, "hash", MINUTES);
    await server.ask("FLUSHALL");
    await here.settle("settled", bytesOf("reply"));
    await here.settle("large", new Uint8Array(2_000_000));
    await here.renew("renewed", MINUTES);
    await here.forget("forgotten");
    const states: Record<string, string> = {};
    for (const key of ["settled", "large", "renewed", "forgotten"]) {
      states[key] = told(await there.claim(key, "hash", MINUTES));
      const left = Number(await server.ask("PTTL", claimKey("millrace", key)));
      assert(left > MINUTES - 60_000 && left <= MINUTES, `${key} is kept for ${left} ms`);
    }
    assertEquals(states, { settled: "done: reply", large: "gone", renewed: "running", forgotten: "new" });
    await here.settle("renewed", bytesOf("at last"));
    assertEquals(told(await there.claim("renewed", "hash", MINUTES)), "done: at last");
    assertEquals(told(await there.claim("settled", "another", MINUTES)), "other");
  });

  it("is its own again when whoever had it meanwhile has given it back, and not before", async () => {
    const [here, there] = [(await node()).ledger, (await node()).ledger];
    await here.claim("k", "hash", MINUTES);
    await server.ask("FLUSHALL");
    assertEquals(told(await there.claim("k", "hash", MINUTES)), "new");
    await here.renew("k", MINUTES);
    await there.forget("k");
    await here.settle("k", bytesOf("reply"));
    assertEquals(told(await there.claim("k", "hash", MINUTES)), "done: reply");
  });

  it("is written anew as soon as Redis is back, though its call has ended meanwhile", async () => {
    const here = (await node({ timeout: 200 })).ledger;
    await here.claim("k", "hash", MINUTES);
    await server.kill();
    assertEquals(await codeOf(() => here.settle("k", bytesOf("reply"))), "UNAVAILABLE");
    await server.start(); // nothing is left, and nobody tries to settle again
    await writtenAnew();
    assertEquals(told(await (await node()).ledger.claim("k", "hash", MINUTES)), "running");
  });

  it("is written anew as soon as Redis is back: who waits for the call goes on waiting", async () => {
    const [here, there] = [(await node()).ledger, (await node()).ledger];
    await here.claim("k", "hash", MINUTES);
    const waiting = await there.claim("k", "hash", MINUTES);
    assert(waiting.state === "running");
    await server.restart(); // nothing is left
    let ended = false;
    void waiting.done.then(() => ended = true);
    await writtenAnew();
    assertEquals(told(await there.claim("k", "hash", MINUTES)), "running");
    assertEquals(ended, false);
    await here.settle("k", bytesOf("reply"));
    assertEquals(textOf((await within("a reply", waiting.done))!), "reply");
  });

  for (const how of ["nobody", "another node"]) {
    it(`is of a call that ${how} has run meanwhile`, async () => {
      const reports: unknown[] = [];
      let runs = 0;
      const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const started = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const serve = async () =>
        await AppServer.start(millrace({
          broker: await node(),
          authenticate: () => ({ subject: "ada" }),
          onError: (error) => reports.push((error as { code?: string }).code),
          procedures: {
            pay: procedure(async () => {
              const run = runs++;
              started[run]!.resolve();
              await gates[run]!.promise;
              return run;
            }),
          },
        }));
      const [here, there] = [await serve(), await serve()];
      const pay = async (node: typeof here) =>
        await (await node.post("pay", undefined, { "idempotency-key": "k" })).json();
      const first = pay(here);
      await started[0]!.promise;
      await server.ask("FLUSHALL");
      const second = how === "nobody" ? undefined : pay(there);
      if (second !== undefined) await started[1]!.promise;
      gates[0]!.resolve();
      assertEquals(await first, 0);
      gates[1]!.resolve();
      assertEquals(await (second ?? pay(there)), how === "nobody" ? 0 : 1);
      assertEquals([runs, reports], how === "nobody" ? [1, []] : [2, ["TAKEN"]]);
      for (const node of [here, there]) await node.stop();
    });
  }

  describe("and steps that come late", () => {
    /** Runs scripts at once, or holds one back as a network may. */
    class Post {
      held: (() => Promise<Reply>) | undefined;
      holds: Script | undefined;
      readonly forgotten = Promise.withResolvers<void>();

      async run({ script, keys, args }: Job): Promise<Reply> {
        const send = async () => await server.ask("EVAL", script.source, keys.length, ...keys, ...args());
        if (script === this.holds) {
          this.held = send;
          throw unavailable("away");
        }
        const reply = await send();
        if (script === FORGET) this.forgotten.resolve();
        return reply;
      }

      async send(args: readonly string[]): Promise<Reply> {
        return await server.ask(...args);
      }
    }

    let post: Post;
    let here: RedisLedger;
    let there: Ledger;

    beforeEach(async () => {
      post = new Post();
      there = (await node()).ledger;
      const subscriber = { subscribe: () => Promise.resolve(), unsubscribe: () => {} };
      const clock = systemClock();
      here = new RedisLedger({ clock, prefix: "millrace", node: "here", commands: post, subscriber });
    });

    afterEach(() => here.close());

    it("a claim that arrives when it was given back is nobody's", async () => {
      post.holds = CLAIM;
      assertEquals(await codeOf(() => here.claim("k", "hash", MINUTES)), "UNAVAILABLE");
      await within("that it is given back", post.forgotten.promise);
      assertEquals(await post.held!(), ["back"]);
      assertEquals(told(await there.claim("k", "hash", MINUTES)), "new");
    });

    for (const [what, script] of [["renewal", RENEW], ["reply", SETTLE], ["claim", CLAIM]] as const) {
      it(`a ${what} that arrives when its claim was given back claims nothing`, async () => {
        if (script === CLAIM) { // which was sent twice
          await here.claim("k", "hash", MINUTES);
          const again = {
            script,
            keys: [claimKey("millrace", "k"), `${claimKey("millrace", "k")}:back:here%201`],
          };
          post.holds = CLAIM;
          await assertRejects(() => post.run({ ...again, args: () => ["here 1", "hash", String(MINUTES)] }));
        } else {
          await here.claim("k", "hash", MINUTES);
          post.holds = script;
          await assertRejects(async () =>
            await (script === RENEW ? here.renew("k", MINUTES) : here.settle("k", bytesOf("reply")))
          );
        }
        await here.forget("k");
        await post.held!();
        assertEquals(told(await there.claim("k", "hash", MINUTES)), "new");
      });
    }
  });
});

describe("redis: a broker that closes", () => {
  it("tries once more to give back what nobody knows of", async () => {
    const clock = new ManualClock();
    const ran: (Script | undefined)[] = [];
    let isAway = true;
    const ledger = new RedisLedger({
      clock,
      prefix: "p",
      node: "node",
      commands: {
        run: ({ script }) => {
          ran.push(script);
          return isAway ? Promise.reject(unavailable("away")) : Promise.resolve(1);
        },
        send: () => Promise.reject(unavailable("away")),
      },
      subscriber: { subscribe: () => Promise.resolve(), unsubscribe: () => {} },
    });
    await assertRejects(() => ledger.claim("a", "hash", MINUTES));
    await assertRejects(() => ledger.claim("b", "hash", MINUTES));
    isAway = false;
    await ledger.flush(1_000);
    assertEquals([ran, clock.pending], [[CLAIM, CLAIM, FORGET, FORGET], 0]);
    ledger.close();
  });
});
