/**
 * Filters: everything that passes arrives, and nothing else.
 *
 * @module
 */
import type { Position } from "../../rpc/broker.ts";
import type { PageEnds, PageQuery } from "../log.ts";
import { show } from "./publications.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";
import type { Subscription, Subscriptions } from "./subscriptions.ts";
import { type ChannelTruth, positionKey, type TrueEntry, type Truth } from "./truth.ts";

/** The last offset of the present stream, up to one, at which there is something that passes; 0 for none. */
export function lastWanted(
  truth: Truth,
  { path }: ChannelTruth,
  filter: readonly string[],
  to: number = path.length,
): number {
  for (let offset = Math.min(to, path.length); offset > 0; offset--) {
    if (truth.passes(path[offset - 1]!.value, filter)) return offset;
  }
  return 0;
}

type FiltersLine = "message" | "gap" | "reset" | "page";

/** What asks for a part gets all of it. */
export class Filters implements RuleCheck<FiltersLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly FiltersLine[] = ["message", "gap", "reset", "page"];
  readonly #surroundings: Surroundings;
  readonly #subscriptions: Subscriptions;

  constructor(surroundings: Surroundings, subscriptions: Subscriptions) {
    this.#surroundings = surroundings;
    this.#subscriptions = subscriptions;
  }

  /** As of a `RuleCheck`. The cursor is where the subscription was before this line. */
  see(event: Line<FiltersLine>, line: number): void {
    if (event.is === "page") return this.#page(event, line);
    const subscription = this.#subscriptions.all.get(event.sub);
    if (subscription?.filter === undefined) return;
    const found = (what: string): void => this.#found(subscription, what, line);
    if (subscription.ended) return found(`${event.is} after its end`);
    if (event.is === "reset") return;
    const { truth } = this.#surroundings;
    if (event.is === "message" && !truth.passes(event.value, subscription.filter)) {
      found(`${event.value}, which it did not ask for`);
    }
    const { cursor } = subscription;
    if (cursor === undefined) return;
    const { position } = event;
    if (position.epoch !== cursor.epoch) return found(`${show(position)} of another stream without a reset`);
    const from = event.is === "gap" ? event.from : position.offset;
    if (from <= cursor.offset) {
      return found(`${event.is} ${show(position)} after ${show(cursor)}: it went back`);
    }
    this.#between(subscription, { position, from, cursor }, found);
  }

  /** Goes back from what came to where it was, over what was not told. */
  #between(
    { channel: name, filter }: Subscription,
    { position, from, cursor }: { position: Position; from: number; cursor: Position },
    found: (what: string) => void,
  ): void {
    const { truth } = this.#surroundings;
    const channel = truth.channel(name);
    if (!channel.isTold) return;
    const { epoch } = position;
    let { offset, fingerprint } = position;
    while (offset > cursor.offset) {
      const entry: TrueEntry | undefined = channel.ever.get(positionKey({ epoch, offset, fingerprint }));
      if (entry === undefined) return; // a matter of other rules
      if (offset < from && truth.passes(entry.value, filter)) {
        found(`${entry.value} at ${offset} was passed over`);
      }
      fingerprint = entry.previous;
      offset--;
    }
    if (fingerprint === cursor.fingerprint) return;
    found(`${show(position)} does not follow on ${show(cursor)}: another past without a reset`);
  }

  #page({ client, channel: name, entries, query, told, at }: Line<"page">, line: number): void {
    if (query?.filter === undefined || told === undefined) return;
    const { truth } = this.#surroundings;
    const channel = truth.channel(name);
    const found = (what: string): void =>
      this.#surroundings.found("filter", `${client} on ${name}: ${what}`, line);
    if (entries.length > query.limit) found(`${entries.length} entries, of ${query.limit} at most`);
    for (const { value } of entries) {
      if (!truth.passes(value, query.filter)) found(`a page with ${value}, which it did not ask for`);
    }
    const looked = lookedAt(query, told);
    const isMore = looked !== undefined &&
      (query.after !== undefined ? looked.to < told.top.offset : looked.from > told.oldest);
    if (told.more !== isMore) {
      found(`a page through ${show(told.through ?? told.top)} says more: ${told.more}`);
    }
    if (!channel.isTold || !channel.has(told.top)) return;
    if (channel.losses.some((loss) => loss.told >= query.at) || looked === undefined) return;
    const wanted = channel.path.slice(looked.from - 1, looked.to)
      .filter(({ value }) => truth.passes(value, query.filter)).map(({ value }) => value);
    const got = entries.map(({ value }) => value);
    if (wanted.join() !== got.join()) found(`a page of ${got.join()}, not of ${wanted.join()}, at ${at}`);
  }

  #found({ sub, channel }: Subscription, what: string, line: number): void {
    this.#surroundings.found("filter", `${sub} on ${channel}: ${what}`, line);
  }
}

/** The offsets that a page says it has looked at; `undefined` for none. */
function lookedAt(
  { after, before }: PageQuery,
  { top, oldest, through }: PageEnds,
): { readonly from: number; readonly to: number } | undefined {
  if (through === undefined) return undefined;
  if (after !== undefined) return { from: Math.max(after + 1, oldest), to: through.offset };
  return { from: through.offset, to: Math.min((before ?? Infinity) - 1, top.offset) };
}
