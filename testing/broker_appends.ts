/**
 * What holds for appends: numbers, identity, retention.
 *
 * @module
 */
import type { Appended } from "../rpc/broker.ts";
import { type BrokerRule, BrokerWorld, holds, KEEP, refuses, same, textsOf } from "./broker_kit.ts";

const offsets = (appended: readonly Appended[]) => appended.map(({ position }) => position.offset);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

/** The checks. */
export const appendRules: readonly BrokerRule[] = [
  {
    name: "numbers from 1, in one stream, and says what was reached",
    async run(world) {
      const channel = world.name();
      const appended = await world.fill(channel, 3);
      same(offsets(appended), [1, 2, 3], "offsets");
      const { epoch } = await world.read(channel);
      holds(/^[\w-]{16}$/.test(epoch), `An epoch has 16 characters of base64url: ${epoch}`);
      for (const { position, duplicate, durability } of appended) {
        same([position.epoch, duplicate], [epoch, false], "epoch, duplicate");
        holds(durability !== "", "It says what was reached");
      }
    },
  },
  {
    name: "each channel has its own numbers and its own epoch",
    async run(world) {
      const channels = upTo(20).map((i) => world.name(`channel ${i}`));
      const appended = [];
      for (const channel of channels) appended.push(await world.append(channel, channel));
      same(offsets(appended), channels.map(() => 1), "offsets");
      same(new Set(appended.map(({ position }) => position.epoch)).size, 20, "different epochs");
      for (const channel of channels) same(textsOf(await world.read(channel)), [channel], "its own entry");
    },
  },
  {
    name: "keeps data and fingerprint as they are, and each entry knows the fingerprint before it",
    async run(world) {
      const channel = world.name();
      const fingerprints = [0, 0xffff_ffff, 1, 0x8000_0000];
      for (const fingerprint of fingerprints) {
        const { position } = await world.append(channel, "", { fingerprint });
        same(position.fingerprint, fingerprint, "fingerprint of the position");
      }
      await world.append(channel, "\0 ÿ \u{1F3B5}");
      const { entries, top } = await world.read(channel);
      same(entries.slice(0, 4).map(({ fingerprint }) => fingerprint), fingerprints, "fingerprints");
      same(entries.map(({ previous }) => previous), [0, ...fingerprints], "fingerprints before");
      same(entries.map(({ data }) => data), ["", "", "", "", "\0 ÿ \u{1F3B5}"], "data");
      same(top, { offset: 5, fingerprint: entries[4]?.fingerprint }, "top");
    },
  },
  {
    name: "the times of entries never go back",
    async run(world) {
      const channel = world.name();
      await world.fill(channel, 20);
      const times = (await world.read(channel)).entries.map(({ at }) => at);
      holds(times.every((at) => Number.isSafeInteger(at) && at >= 0), `Times are milliseconds: ${times}`);
      same(times, times.toSorted((a, b) => a - b), "times");
    },
  },
  {
    name: "a retry lands once: it gets the first position, whatever it brings",
    async run(world) {
      const channel = world.name();
      const producer = { id: "p", n: 1 };
      const first = await world.append(channel, "first", { producer });
      const again = await world.append(channel, "other bytes", { producer });
      same(again, { ...first, duplicate: true }, "the retry");
      same(textsOf(await world.read(channel)), ["first"], "entries");
    },
  },
  {
    name: "the latest 64 results of a producer are known, and none is invented for older ones",
    async run(world) {
      const channel = world.name();
      const first: Appended[] = [];
      for (const n of upTo(100)) {
        first.push(await world.append(channel, `${n}`, { producer: { id: "p", n } }));
        if (n % 7 === 0) await world.append(channel, "between");
      }
      for (let n = 37; n <= 100; n++) {
        const again = await world.append(channel, "again", { producer: { id: "p", n } });
        same(again, { ...first[n - 1]!, duplicate: true }, `retry of ${n}`);
      }
      const old = () => world.append(channel, "again", { producer: { id: "p", n: 36 } });
      await refuses("FORGOTTEN", old, "A retry of 36");
      same((await world.read(channel)).top.offset, 114, "publications");
    },
  },
  {
    name: "a number that leaves a gap is refused, and the right one is still taken",
    async run(world) {
      const channel = world.name();
      await world.append(channel, "1", { producer: { id: "p", n: 1 } });
      for (const n of [3, 66, 2 ** 52]) {
        await refuses(
          "OUT_OF_ORDER",
          () => world.append(channel, "gap", { producer: { id: "p", n } }),
          `${n}`,
        );
      }
      const next = await world.append(channel, "2", { producer: { id: "p", n: 2 } });
      same([next.position.offset, next.duplicate], [2, false], "the next");
      same(textsOf(await world.read(channel)), ["1", "2"], "entries");
    },
  },
  {
    name: "a producer that the stream does not know may begin anywhere",
    async run(world) {
      const channel = world.name();
      const begun = await world.append(channel, "41", { producer: { id: "p", n: 41 } });
      same([begun.position.offset, begun.duplicate], [1, false], "the first");
      const before = () => world.append(channel, "40", { producer: { id: "p", n: 40 } });
      await refuses("FORGOTTEN", before, "A number before it");
      const next = await world.append(channel, "42", { producer: { id: "p", n: 42 } });
      same([next.position.offset, next.duplicate], [2, false], "the next");
    },
  },
  {
    name: "a producer that the stream does not know, and that has lost something on the way, is refused",
    async run(world) {
      const channel = world.name();
      const early = () => world.append(channel, "7", { producer: { id: "p", n: 7, low: 5 } });
      await refuses("OUT_OF_ORDER", early, "In a stream without any producer");
      await world.append(channel, "1", { producer: { id: "other", n: 1 } });
      await refuses("OUT_OF_ORDER", early, "In one that knows another");
      const lowest = await world.append(channel, "5", { producer: { id: "p", n: 5, low: 5 } });
      same([lowest.position.offset, lowest.duplicate], [2, false], "the lowest");
      const over = await world.append(channel, "9", { producer: { id: "p", n: 9, low: 9 } });
      same([over.position.offset, over.duplicate], [3, false], "one that has given up those before it");
    },
  },
  {
    name: "producers are known for each channel and each id, and nobody else is",
    async run(world) {
      const [channel, other] = [world.name(), world.name("other")];
      const producer = { id: "p", n: 1 };
      await world.append(channel, "a", { producer });
      const elsewhere = await world.append(other, "b", { producer });
      const somebody = await world.append(channel, "c", { producer: { id: "p2", n: 1 } });
      const odd = await world.append(channel, "d", { producer: { id: "__proto__", n: 1 } });
      const nobody = [await world.append(channel, "e"), await world.append(channel, "e")];
      const all = [elsewhere, somebody, odd, ...nobody];
      same(all.map(({ duplicate }) => duplicate), [false, false, false, false, false], "duplicates");
      same(offsets(all), [1, 2, 3, 4, 5], "offsets");
    },
  },
  {
    name: "appends of a producer that do not wait for each other land in order",
    async run(world) {
      const channel = world.name();
      const appended = await Promise.all(
        upTo(64).map((n) => world.append(channel, `${n}`, { producer: { id: "p", n } })),
      );
      same(offsets(appended), upTo(64), "offsets");
    },
  },
  {
    name: "none of those that do not wait passes one that is missing",
    async run(world) {
      const channel = world.name();
      const numbers = upTo(10).filter((n) => n !== 5);
      const send = (n: number) => world.append(channel, `${n}`, { producer: { id: "p", n, low: 1 } });
      const sent = numbers.map((n) => n < 5 ? send(n) : refuses("OUT_OF_ORDER", () => send(n), `${n}`));
      await Promise.all(sent);
      same(textsOf(await world.read(channel)), ["1", "2", "3", "4"], "entries");
      const again = await Promise.all(upTo(10).map(send));
      same(offsets(again), upTo(10), "offsets");
      same(again.map(({ duplicate }) => duplicate), upTo(10).map((n) => n < 5), "duplicates");
    },
  },
  {
    name: "of retries at the same time one lands",
    async run(world) {
      const channel = world.name();
      for (const n of upTo(20)) {
        const appended = await Promise.all(
          upTo(4).map((i) => world.append(channel, `${i}`, { producer: { id: "p", n } })),
        );
        same(offsets(appended), [n, n, n, n], "offsets");
        same(appended.filter(({ duplicate }) => !duplicate).length, 1, "that landed");
      }
    },
  },
  {
    name: "publishers at the same time share one order",
    async run(world) {
      const channel = world.name();
      const publishers = upTo(8).map(async (i) => {
        const mine = [];
        for (const n of upTo(25)) {
          mine.push(await world.append(channel, `${i}.${n}`, { producer: { id: `p${i}`, n } }));
        }
        return offsets(mine);
      });
      const all = await Promise.all(publishers);
      for (const mine of all) same(mine, mine.toSorted((a, b) => a - b), "order of one publisher");
      same(all.flat().toSorted((a, b) => a - b), upTo(200), "all numbers");
    },
  },
  {
    name: "keeps the latest entries only, and numbers on",
    async run(world) {
      const channel = world.name();
      const retention = { ...KEEP, messages: 3 };
      const appended = await world.fill(channel, 10, { retention });
      const page = await world.read(channel);
      same([page.oldest, page.top.offset, textsOf(page)], [8, 10, ["a7", "a8", "a9"]], "page");
      same(page.entries[0]?.previous, appended[6]?.position.fingerprint, "fingerprint before the oldest");
      await world.append(channel, "more room", { retention: KEEP });
      same((await world.read(channel)).oldest, 8, "oldest when more are kept again");
      await world.append(channel, "less room", { retention: { ...KEEP, messages: 1 } });
      same(textsOf(await world.read(channel)), ["less room"], "entries when fewer are kept");
    },
  },
  {
    name: "a channel without history numbers, recognises retries and pushes all the same",
    async run(world) {
      const channel = world.name();
      const heard = await world.listen(channel);
      const retention = { ...KEEP, messages: 0 };
      const producer = { id: "p", n: 1 };
      const first = await world.append(channel, "a", { retention, producer });
      await world.append(channel, "b", { retention });
      same(await world.append(channel, "a", { retention, producer }), { ...first, duplicate: true }, "retry");
      await heard.until(() => heard.entries.length >= 2, "both entries");
      same(heard.texts, ["a", "b"], "pushed");
      const page = await world.read(channel, { after: 2 });
      same([page.oldest, page.top.offset, page.entries, page.more], [3, 2, [], false], "page");
      same(page.boundary, page.top.fingerprint, "fingerprint of the top");
    },
  },
];

/** The checks that look at time and loss. */
export const keepingRules: readonly BrokerRule[] = [
  {
    name: "entries go when their time is over; numbers, top and producers stay",
    async run(world) {
      const channel = world.name();
      const retention = { messages: 100, ms: 40, metaMs: 3_600_000 };
      const producer = { id: "p", n: 1 };
      const first = await world.append(channel, "a", { retention, producer });
      await pass(world, channel, 40);
      const page = await world.read(channel, { after: 1 });
      same([page.epoch, page.oldest, page.top.offset], [first.position.epoch, 2, 1], "page");
      same(page.boundary, first.position.fingerprint, "fingerprint of the top");
      same(await world.append(channel, "a", { retention, producer }), { ...first, duplicate: true }, "retry");
      const next = await world.append(channel, "b", { retention });
      same([next.position.epoch, next.position.offset], [first.position.epoch, 2], "the next");
      const [entry] = (await world.read(channel)).entries;
      if (entry !== undefined) same(entry.previous, first.position.fingerprint, "fingerprint before");
    },
  },
  {
    name: "numbers and producers outlive the last append by metaMs, and by 10 minutes, at the least",
    needs: ["advance"],
    async run(world) {
      for (const metaMs of [0, 599_000, 3_600_000]) {
        const channel = world.name(`kept ${metaMs}`);
        const retention = { messages: 10, ms: 1_000, metaMs };
        const producer = { id: "p", n: 1 };
        const first = await world.append(channel, "a", { retention, producer });
        await world.fixture.advance!(Math.max(metaMs, 600_000) - 5_000);
        const page = await world.read(channel, { after: 1 });
        same(
          [page.epoch, page.top.offset, page.boundary],
          [first.position.epoch, 1, first.position.fingerprint],
          "top",
        );
        same(
          await world.append(channel, "a", { retention, producer }),
          { ...first, duplicate: true },
          "retry",
        );
      }
    },
  },
  {
    name: "while somebody listens, and as long after, a quiet channel keeps its numbers",
    needs: ["advance"],
    async run(world) {
      const channel = world.name();
      const retention = { messages: 10, ms: 1_000, metaMs: 600_000 };
      const first = await world.append(channel, "a", { retention });
      const heard = await world.listen(channel);
      await world.fixture.advance!(3_600_000);
      world.broker.unsubscribe(channel, heard);
      await world.fixture.advance!(590_000);
      const page = await world.read(channel, { after: 1 });
      same([page.epoch, page.boundary], [first.position.epoch, first.position.fingerprint], "top");
    },
  },
  {
    name:
      "what was lost begins a new life: other epoch, numbers from 1, no producer known, who listens hears of it",
    needs: ["evict"],
    async run(world) {
      const [channel, other] = [world.name(), world.name("other")];
      const heard = await world.listen(channel);
      const producer = { id: "p", n: 1 };
      const first = await world.append(channel, "a", { producer });
      const kept = await world.append(other, "a", { producer });
      await heard.until(() => heard.entries.length === 1, "the entry");
      await world.fixture.evict!(channel);
      const again = await world.append(channel, "again", { producer });
      same([again.position.offset, again.duplicate], [1, false], "the first in the new life");
      holds(again.position.epoch !== first.position.epoch, "The new life has the old epoch");
      const page = await world.read(channel, { after: 0 });
      same([page.epoch, textsOf(page)], [again.position.epoch, ["again"]], "the new life");
      await heard.until(() => heard.doubts > 0 || heard.entries.length === 2, "word of the new life");
      for (const [i, text] of heard.texts.entries()) {
        same(heard.epochs[i], text === "a" ? first.position.epoch : page.epoch, `epoch of ${text}`);
      }
      same(await world.append(other, "a", { producer }), { ...kept, duplicate: true }, "another channel");
    },
  },
  {
    name: "after a restart everything is there, or it is another life; who listens misses nothing unsaid",
    needs: ["restart"],
    async run(world) {
      const channel = world.name();
      const heard = await world.listen(channel);
      const producer = { id: "p", n: 1 };
      const first = await world.append(channel, "a", { producer });
      await heard.until(() => heard.entries.length === 1, "the entry");
      await world.fixture.restart!();
      const page = await world.read(channel, { after: 0 });
      if (page.epoch === first.position.epoch) {
        same(textsOf(page), ["a"], "entries in the same life");
        same(await world.append(channel, "a", { producer }), { ...first, duplicate: true }, "retry");
      } else {
        same(page.top, { offset: 0, fingerprint: 0 }, "top of the new life");
      }
      await world.append(channel, "b");
      await heard.until(() => heard.doubts > 0 || heard.texts.includes("b"), "b, or doubt");
    },
  },
];

/** Lets `ms` pass for the entries of a channel: by the broker's own time, or else by looking until they are gone. */
async function pass(world: BrokerWorld, channel: string, ms: number): Promise<void> {
  if (world.fixture.advance !== undefined) return await world.fixture.advance(ms);
  const until = performance.now() + 10_000;
  while ((await world.read(channel)).entries.length > 0) {
    holds(performance.now() < until, `Entries that are kept ${ms} ms are still there after 10 s`);
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
}
