/**
 * Pages of histories: no hole, and what they say of their ends is so.
 *
 * @module
 */
import type { PageEnds, PageQuery } from "../log.ts";
import { show } from "./publications.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";
import type { ChannelTruth } from "./truth.ts";
import { positionKey } from "./truth.ts";

type PagesLine = "page";

/** A page of the history has no hole, and says rightly whether there is more. */
export class Pages implements RuleCheck<PagesLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly PagesLine[] = ["page"];
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<PagesLine>, line: number): void {
    const { client, channel: name, entries, query, told } = event;
    if (query?.filter !== undefined) return; // `filters.ts`
    const channel = this.#surroundings.truth.channel(name);
    const found = (what: string): void =>
      this.#surroundings.found("history page", `${client} on ${name}: ${what}`, line);
    for (const [at, { position }] of entries.entries()) {
      const before = entries[at - 1]?.position;
      if (before === undefined) continue;
      const isNext = position.epoch === before.epoch && position.offset === before.offset + 1;
      const previous = channel.isTold
        ? channel.ever.get(positionKey(position))?.previous
        : before.fingerprint;
      if (!isNext || previous !== before.fingerprint) {
        found(`${show(position)} comes after ${show(before)}`);
      }
    }
    if (query === undefined || told === undefined) return;
    if (entries.length > query.limit) found(`${entries.length} entries, of ${query.limit} at most`);
    this.#checkEnds(event, query, told, found);
    if (channel.isTold) this.#checkTruth(channel, query, told, event.at, found);
  }

  /** What it says of itself: it was read in one moment. */
  #checkEnds(
    { entries }: Line<PagesLine>,
    { after, before, limit }: PageQuery,
    { top, oldest, more }: PageEnds,
    found: (what: string) => void,
  ): void {
    const [first, last] = [entries[0]?.position.offset, entries.at(-1)?.position.offset];
    const isUpwards = after !== undefined;
    const begins = isUpwards ? Math.max(after + 1, oldest) : Math.min((before ?? Infinity) - 1, top.offset);
    const is = isUpwards ? first : last;
    const hasSome = begins >= oldest && begins <= top.offset && limit > 0;
    if (is !== (hasSome ? begins : undefined)) {
      found(`begins at ${is ?? "nothing"}, not at ${begins} (${oldest} to ${top.offset})`);
    }
    const isMore = hasSome && (isUpwards ? last! < top.offset : first! > oldest);
    if (more !== isMore) found(`${first} to ${last} of ${oldest} to ${top.offset} says more: ${more}`);
  }

  /** What it says of the stream, where nothing was lost meanwhile. */
  #checkTruth(
    channel: ChannelTruth,
    query: PageQuery,
    { top, oldest }: PageEnds,
    at: number,
    found: (what: string) => void,
  ): void {
    if (channel.losses.some(({ told }) => told >= query.at)) return;
    if (channel.epoch === undefined) return;
    if (!channel.has(top)) return found(`the top ${show(top)} is no part of the stream`);
    const next = channel.path[top.offset];
    if (next !== undefined && next.at < query.at) {
      found(`the top ${show(top)} is older than the question`);
    }
    // What was kept all the time is not gone.
    if (oldest > 1 && channel.keepsAfter({ ...top, offset: oldest - 2 }, at)) {
      found(`begins at ${oldest}, and ${oldest - 1} is kept`);
    }
    if (
      Math.min(channel.trimmed, top.offset + 1) > oldest &&
      !channel.losses.some(({ is }) => is === "rollback")
    ) {
      found(`begins at ${oldest}, which had been trimmed`);
    }
  }
}
