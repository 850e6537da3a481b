/**
 * What holds for reading.
 *
 * @module
 */
import type { Page } from "../rpc/broker.ts";
import { type BrokerRule, holds, KEEP, same, textsOf } from "./broker_kit.ts";

const offsets = ({ entries }: Page) => entries.map(({ offset }) => offset);

/** The checks. */
export const readRules: readonly BrokerRule[] = [
  {
    name: "to read a channel that nobody has published to begins its life",
    async run(world) {
      const channel = world.name();
      const page = await world.read(channel, { after: 0 });
      same(
        [page.top, page.oldest, page.boundary, page.entries, page.more],
        [{ offset: 0, fingerprint: 0 }, 1, 0, [], false],
        "page",
      );
      holds(/^[\w-]{16}$/.test(page.epoch), `An epoch has 16 characters of base64url: ${page.epoch}`);
      same((await world.read(channel)).epoch, page.epoch, "epoch of the second read");
      same((await world.append(channel, "a")).position.epoch, page.epoch, "epoch of the first append");
    },
  },
  {
    name: "upwards after an offset, page by page",
    async run(world) {
      const channel = world.name();
      await world.fill(channel, 7);
      const seen = [];
      for (let after = 0, more = true; more;) {
        const page = await world.read(channel, { after, messages: 3 });
        seen.push(offsets(page));
        more = page.more;
        after = page.entries.at(-1)!.offset;
      }
      same(seen, [[1, 2, 3], [4, 5, 6], [7]], "pages");
      const exact = await world.read(channel, { after: 4, messages: 3 });
      same([offsets(exact), exact.more], [[5, 6, 7], false], "a page that ends at the top");
      const last = await world.read(channel, { after: 7 });
      same([last.entries, last.more], [[], false], "after the top");
      const beyond = await world.read(channel, { after: 8 });
      same([beyond.entries, beyond.more, beyond.boundary], [[], false, undefined], "beyond the top");
      const far = await world.read(channel, { after: 2 ** 53 - 1 });
      same([far.entries, far.more, far.boundary], [[], false, undefined], "far beyond the top");
      same(offsets(await world.read(channel)), [1, 2, 3, 4, 5, 6, 7], "without any offset");
    },
  },
  {
    name: "downwards before an offset, page by page",
    async run(world) {
      const channel = world.name();
      await world.fill(channel, 7, { retention: { ...KEEP, messages: 5 } });
      const seen = [];
      for (let before = 8, more = true; more;) {
        const page = await world.read(channel, { before, messages: 2 });
        seen.push(offsets(page));
        more = page.more;
        before = page.entries.at(-1)!.offset;
      }
      same(seen, [[7, 6], [5, 4], [3]], "pages");
      for (const before of [0, 1, 2, 3]) {
        const page = await world.read(channel, { before });
        same([page.entries, page.more], [[], false], `before ${before}`);
      }
      same(
        offsets(await world.read(channel, { before: 2 ** 53 - 1, messages: 1 })),
        [7],
        "before anything above",
      );
    },
  },
  {
    name: "from a time on",
    async run(world) {
      const channel = world.name();
      for (let i = 0; i < 12; i++) {
        await world.append(channel, `${i}`);
        if (i % 3 === 2) await world.fixture.advance?.(10);
      }
      const { entries, top } = await world.read(channel);
      const times = entries.flatMap(({ at }) => [at - 1, at, at + 1]);
      for (const at of [0, ...times, entries.at(-1)!.at + 1_000_000]) {
        const wanted = entries.filter((entry) => entry.at >= at).map(({ offset }) => offset);
        const page = await world.read(channel, { at, messages: 2 });
        same([offsets(page), page.more], [wanted.slice(0, 2), wanted.length > 2], `at ${at}`);
        same([page.top, page.boundary], [top, undefined], "top and boundary");
      }
    },
  },
  {
    name: "a page has a bound in bytes, and always admits one entry",
    async run(world) {
      const channel = world.name();
      for (const size of [10, 10, 1_000, 10]) await world.append(channel, "x".repeat(size));
      const pages: [Parameters<typeof world.read>[1], number[], boolean][] = [
        [{ after: 0, bytes: 20 }, [1, 2], true],
        [{ after: 0, bytes: 19 }, [1], true],
        [{ after: 0, bytes: 0 }, [1], true],
        [{ after: 2, bytes: 20 }, [3], true],
        [{ after: 2, bytes: 1_010 }, [3, 4], false],
        [{ before: 5, bytes: 20 }, [4], true],
        [{ before: 4, bytes: 20 }, [3], true],
        [{ before: 3, bytes: 20 }, [2, 1], false],
        [{ at: 0, bytes: 20 }, [1, 2], true],
      ];
      for (const [query, wanted, more] of pages) {
        const page = await world.read(channel, query);
        same([offsets(page), page.more], [wanted, more], JSON.stringify(query));
      }
    },
  },
  {
    name: "a page of no messages tells the rest",
    async run(world) {
      const channel = world.name();
      const appended = await world.fill(channel, 2);
      const { fingerprint } = appended[0]!.position;
      const up = await world.read(channel, { after: 1, messages: 0 });
      same([up.entries, up.more, up.oldest, up.boundary], [[], true, 1, fingerprint], "upwards");
      const down = await world.read(channel, { before: 1, messages: 0 });
      same([down.entries, down.more, down.top.offset], [[], false, 2], "downwards");
    },
  },
  {
    name: "the fingerprint at an offset is told as far as it is known, and never another",
    async run(world) {
      const channel = world.name();
      const boundaries = async (to: number) => {
        const all = [];
        for (let at = 0; at <= to; at++) {
          const { boundary } = await world.read(channel, { after: at });
          same((await world.read(channel, { before: at })).boundary, boundary, `before ${at}, as after it`);
          all.push(boundary);
        }
        return all;
      };
      const appended = await world.fill(channel, 4);
      const fingerprints = [0, ...appended.map(({ position }) => position.fingerprint)];
      same(await boundaries(5), [...fingerprints, undefined], "with all entries");
      const retention = { ...KEEP, messages: 2 };
      fingerprints.push((await world.append(channel, "a", { retention })).position.fingerprint);
      const gone = [undefined, undefined, undefined];
      same(await boundaries(6), [...gone, ...fingerprints.slice(3), undefined], "with two entries");
      const none = { ...KEEP, messages: 0 };
      fingerprints.push((await world.append(channel, "b", { retention: none })).position.fingerprint);
      same(
        await boundaries(7),
        [...gone, undefined, undefined, undefined, fingerprints[6], undefined],
        "with none",
      );
    },
  },
  {
    name: "after an offset whose successors are gone: what there is, from the oldest",
    async run(world) {
      const channel = world.name();
      await world.fill(channel, 10, { retention: { ...KEEP, messages: 3 } });
      const page = await world.read(channel, { after: 2 });
      same([page.oldest, page.boundary, textsOf(page)], [8, undefined, ["a7", "a8", "a9"]], "page");
    },
  },
  {
    name: "a page is one view, whatever is appended meanwhile",
    async run(world) {
      const channel = world.name();
      const retention = { ...KEEP, messages: 10 };
      let publishing = true;
      const publisher = world.fill(channel, 300, { retention }).finally(() => publishing = false);
      let last = 0;
      for (let pages = 0; publishing || pages < 20; pages++) {
        const page = await world.read(channel, { after: last });
        const numbers = offsets(page);
        same(numbers, numbers.map((_, i) => Math.max(last + 1, page.oldest) + i), "contiguous");
        const chain = page.entries.slice(1).map(({ previous }) => previous);
        same(chain, page.entries.slice(0, -1).map(({ fingerprint }) => fingerprint), "fingerprints before");
        const end = page.entries.at(-1);
        if (end !== undefined) {
          same(
            [end.offset, end.fingerprint],
            [page.top.offset, page.top.fingerprint],
            "the top ends the page",
          );
        }
        holds(page.top.offset - page.oldest < 10, "No more entries than are kept");
        last = Math.max(last, page.top.offset - pages % 4);
      }
      await publisher;
    },
  },
];
