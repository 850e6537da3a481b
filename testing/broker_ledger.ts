/**
 * What holds for the replies of calls that run once.
 *
 * @module
 */
import type { Claim } from "../rpc/broker.ts";
import { type BrokerRule, bytesOf, holds, same, textOf } from "./broker_kit.ts";

const MINUTES = 600_000;

/** What is shown of a claim. */
const told = (claim: Claim) => claim.state === "done" ? `done: ${textOf(claim.reply)}` : claim.state;

async function outcome(claim: Claim): Promise<string | undefined> {
  holds(claim.state === "running", `It runs: ${claim.state}`);
  const reply = await claim.done;
  return reply && textOf(reply);
}

/** The checks. */
export const ledgerRules: readonly BrokerRule[] = [
  {
    name: "ledger: a key is claimed once, and whoever comes later gets the reply",
    async run(world) {
      const { ledger } = world.broker;
      const key = world.name("key");
      same(told(await ledger.claim(key, "hash", MINUTES)), "new", "the first");
      const waiting = [await ledger.claim(key, "hash", MINUTES), await ledger.claim(key, "hash", MINUTES)];
      same(waiting.map(told), ["running", "running"], "while it runs");
      await ledger.settle(key, bytesOf("reply"));
      same(await Promise.all(waiting.map(outcome)), ["reply", "reply"], "who waited");
      for (let i = 0; i < 3; i++) {
        same(told(await ledger.claim(key, "hash", MINUTES)), "done: reply", "later");
      }
    },
  },
  {
    name: "ledger: the same key with another body is told so, before and after the reply",
    async run(world) {
      const { ledger } = world.broker;
      const key = world.name("key");
      await ledger.claim(key, "hash", MINUTES);
      same(told(await ledger.claim(key, "other", MINUTES)), "other", "while it runs");
      await ledger.settle(key, bytesOf("reply"));
      same(told(await ledger.claim(key, "other", MINUTES)), "other", "later");
      same(told(await ledger.claim(key, "hash", MINUTES)), "done: reply", "with its own body");
    },
  },
  {
    name: "ledger: a key that was given back is free, and who waited is told",
    async run(world) {
      const { ledger } = world.broker;
      const key = world.name("key");
      await ledger.claim(key, "hash", MINUTES);
      const waiting = await ledger.claim(key, "hash", MINUTES);
      await ledger.forget(key);
      same(await outcome(waiting), undefined, "who waited");
      same(told(await ledger.claim(key, "other", MINUTES)), "new", "the next");
    },
  },
  {
    name: "ledger: a reply stays as it is",
    async run(world) {
      const { ledger } = world.broker;
      const key = world.name("key");
      await ledger.claim(key, "hash", MINUTES);
      await ledger.settle(key, bytesOf("reply"));
      await ledger.settle(key, bytesOf("another"));
      await ledger.forget(key);
      same(told(await ledger.claim(key, "hash", MINUTES)), "done: reply", "the reply");
    },
  },
  {
    name: "ledger: what nobody has claimed is neither settled nor given back",
    async run(world) {
      const { ledger } = world.broker;
      const key = world.name("key");
      await ledger.settle(key, bytesOf("reply"));
      await ledger.forget(key);
      same(told(await ledger.claim(key, "hash", MINUTES)), "new", "the first");
    },
  },
  {
    name: "ledger: keys have nothing to do with each other",
    async run(world) {
      const { ledger } = world.broker;
      const keys = ["a", "b", "__proto__", ""].map((key) => world.name(key));
      for (const key of keys) same(told(await ledger.claim(key, key, MINUTES)), "new", key);
      for (const key of keys) await ledger.settle(key, bytesOf(key));
      for (const key of keys) same(told(await ledger.claim(key, key, MINUTES)), `done: ${key}`, key);
    },
  },
  {
    name: "ledger: of claims at the same time one is new",
    async run(world) {
      const { ledger } = world.broker;
      for (let round = 0; round < 20; round++) {
        const key = world.name(`key ${round}`);
        const claim = async () => await ledger.claim(key, "hash", MINUTES);
        const claims = await Promise.all(Array.from({ length: 10 }, claim));
        same(claims.filter(({ state }) => state === "new").length, 1, "new ones");
        const waiting = Promise.all(claims.filter(({ state }) => state !== "new").map(outcome));
        await ledger.settle(key, bytesOf("reply"));
        same(await waiting, Array.from({ length: 9 }, () => "reply"), "the others");
      }
    },
  },
  {
    name: "ledger: replies of any size",
    async run(world) {
      const { ledger } = world.broker;
      for (const size of [0, 1, 1_048_576]) {
        const key = world.name(`key ${size}`);
        await ledger.claim(key, "hash", MINUTES);
        await ledger.settle(key, new Uint8Array(size).fill(65));
        const claim = await ledger.claim(key, "hash", MINUTES);
        holds(claim.state === "done", `It is done: ${claim.state}`);
        same(textOf(claim.reply), "A".repeat(size), "reply");
      }
    },
  },
  {
    name: "ledger: who fills it up takes nothing from others, and no call that has run is new again",
    async run(world) {
      const { ledger } = world.broker;
      const [key, owner, other] = [world.name("key"), world.name("owner"), world.name("other")];
      await ledger.claim(key, "hash", MINUTES, owner);
      await ledger.settle(key, bytesOf("reply"));
      const settled: string[] = [];
      for (let i = 0; i < 160; i++) {
        const large = world.name(`large ${i}`);
        const claim = await ledger.claim(large, "hash", MINUTES, other);
        if (claim.state === "full") continue;
        same(claim.state, "new", "a key that nobody has had");
        await ledger.settle(large, new Uint8Array(1_048_576));
        settled.push(large);
      }
      same(told(await ledger.claim(key, "hash", MINUTES, owner)), "done: reply", "what another has");
      for (const large of settled) {
        const { state } = await ledger.claim(large, "hash", MINUTES, other);
        holds(state === "done" || state === "gone", `One that has run is never ${state}`);
        same(told(await ledger.claim(large, "other", MINUTES, other)), "other", "with another body");
      }
      const next = world.name("next");
      same(told(await ledger.claim(next, "hash", MINUTES, owner)), "new", "another's next");
    },
  },
  {
    name: "ledger: a claim that is renewed holds, one that is settled or unknown does not care",
    needs: ["advance"],
    async run(world) {
      const { ledger } = world.broker;
      const [long, done, unknown] = ["long", "done", "unknown"].map((name) => world.name(name));
      for (const key of [long!, done!]) await ledger.claim(key, "hash", MINUTES);
      await ledger.settle(done!, bytesOf("reply"));
      await ledger.renew(unknown!, MINUTES);
      same(told(await ledger.claim(unknown!, "hash", 1_000)), "new", "one that was renewed alone");
      for (let i = 0; i < 3; i++) {
        await world.fixture.advance!(MINUTES - 1_000);
        await ledger.renew(long!, MINUTES);
        await ledger.renew(done!, MINUTES);
      }
      same(told(await ledger.claim(done!, "hash", MINUTES)), "new", "a reply has its time");
      await world.fixture.advance!(MINUTES - 1_000);
      const waiting = await ledger.claim(long!, "hash", MINUTES);
      await ledger.settle(long!, bytesOf("late"));
      same(await outcome(waiting), "late", "who waited");
      same(told(await ledger.claim(long!, "hash", MINUTES)), "done: late", "later");
    },
  },
  {
    name: "ledger: a claim holds for its time, a reply for its time from then on",
    needs: ["advance"],
    async run(world) {
      const { ledger } = world.broker;
      const [lost, kept] = [world.name("lost"), world.name("kept")];
      for (const key of [lost, kept]) await ledger.claim(key, "hash", MINUTES);
      await world.fixture.advance!(MINUTES - 1_000);
      same(told(await ledger.claim(lost, "other", MINUTES)), "other", "shortly before");
      const waiting = await ledger.claim(lost, "hash", MINUTES);
      await ledger.settle(kept, bytesOf("reply"));
      await world.fixture.advance!(1_000);
      same(told(await ledger.claim(lost, "other", MINUTES)), "new", "a claim whose time is over");
      same(await outcome(waiting), undefined, "who waited for it");
      await world.fixture.advance!(MINUTES - 2_000);
      same(told(await ledger.claim(kept, "hash", MINUTES)), "done: reply", "the reply, shortly before");
      await world.fixture.advance!(1_000);
      same(told(await ledger.claim(kept, "hash", MINUTES)), "new", "a reply whose time is over");
    },
  },
  {
    name: "ledger: a reply that comes when its claim is over is kept where nobody has the key",
    needs: ["advance"],
    async run(world) {
      const { ledger } = world.broker;
      const [late, renewed, back] = ["late", "renewed", "back"].map((name) => world.name(name));
      for (const key of [late!, renewed!, back!]) await ledger.claim(key, "hash", MINUTES);
      await world.fixture.advance!(2 * MINUTES);
      await ledger.settle(late!, bytesOf("reply"));
      same(told(await ledger.claim(late!, "hash", MINUTES)), "done: reply", "it has run");
      await ledger.renew(renewed!, MINUTES);
      same(told(await ledger.claim(renewed!, "hash", MINUTES)), "running", "it runs");
      await ledger.forget(back!);
      await ledger.settle(back!, bytesOf("reply"));
      same(told(await ledger.claim(back!, "hash", MINUTES)), "new", "it was given back");
    },
  },
  {
    name: "ledger: a call that runs while everything is lost, or not, is not run again when it has ended",
    needs: ["restart"],
    async run(world) {
      const { ledger } = world.broker;
      const [done, renewed, back] = ["done", "renewed", "back"].map((name) => world.name(name));
      for (const key of [done!, renewed!, back!]) await ledger.claim(key, "hash", MINUTES);
      await world.fixture.restart!();
      await ledger.settle(done!, bytesOf("reply"));
      same(told(await ledger.claim(done!, "hash", MINUTES)), "done: reply", "it has run");
      await ledger.renew(renewed!, MINUTES);
      same(told(await ledger.claim(renewed!, "hash", MINUTES)), "running", "it runs");
      await ledger.forget(back!);
      same(told(await ledger.claim(back!, "hash", MINUTES)), "new", "it was given back");
    },
  },
  {
    name: "ledger: nodes share it",
    needs: ["node"],
    async run(world) {
      const other = (await world.fixture.node!()).ledger;
      const key = world.name("key");
      same(told(await world.broker.ledger.claim(key, "hash", MINUTES)), "new", "here");
      const waiting = await other.claim(key, "hash", MINUTES);
      same(told(waiting), "running", "there");
      await world.broker.ledger.settle(key, bytesOf("reply"));
      same(await outcome(waiting), "reply", "who waited there");
      same(told(await other.claim(key, "hash", MINUTES)), "done: reply", "there, later");
    },
  },
];
