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
