/**
 * Wildcards: what was published to a channel that they match, and that the client may know of, reaches them from when they are live.
 *
 * That it comes in order, and once, is what holds of any subscription: each channel of a wildcard is one.
 *
 * @module
 */
import type { Position } from "../../rpc/broker.ts";
import { lastWanted } from "./filters.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";
import { ShutOut, type ShutOutLine } from "./shut_out.ts";
import type { Subscription, Subscriptions } from "./subscriptions.ts";

/** A wildcard. */
interface Wildcard {
  readonly wild: string;
  readonly client: string;
  /** What the names of its channels begin with. */
  readonly beginning: string;
  readonly filter: readonly string[] | undefined;
  /** Where each channel was when it was live; `undefined` before. */
  tops: Map<string, Position> | undefined;
  /** Its present subscriptions, by channel. */
  readonly subs: Map<string, Subscription>;
  /** Channels that it has had any of. */
  readonly had: Set<string>;
}

type WildcardLine =
  | "wildcard"
  | "wildcard live"
  | "wildcard closed"
  | "subscribe"
  | "message"
  | "gap"
  | "append"
  | ShutOutLine
  | "matched"
  | "crash"
  | "stream lost"
  | "rollback"
  | "calm"
  | "finish";

/** Nothing that a wildcard is to have is missing, and nothing that its client may not know of is told. */
export class Wildcards implements RuleCheck<WildcardLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly WildcardLine[] = [
    "wildcard",
    "wildcard live",
    "wildcard closed",
    "subscribe",
    "message",
    "gap",
    "append",
    ...ShutOut.reads,
    "matched",
    "crash",
    "stream lost",
    "rollback",
    "calm",
    "finish",
  ];
  readonly #surroundings: Surroundings;
  readonly #subscriptions: Subscriptions;
  readonly #wildcards = new Map<string, Wildcard>();
  /** Which wildcard a subscription belongs to, until it has got something. */
  readonly #fresh = new Map<string, Wildcard>();
  /** Channels that were published to, and when last. */
  readonly #channels = new Map<string, Position>();
  readonly #shutOut = new ShutOut();
  readonly #lost = new Set<string>();
  #isCalm = false;

  constructor(surroundings: Surroundings, subscriptions: Subscriptions) {
    this.#surroundings = surroundings;
    this.#subscriptions = subscriptions;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<WildcardLine>, line: number): void {
    switch (event.is) {
      case "wildcard":
        return this.#begin(event);
      case "wildcard live": {
        const wildcard = this.#wildcards.get(event.wild);
        if (wildcard !== undefined) wildcard.tops = new Map(this.#channels);
        return;
      }
      case "wildcard closed":
        return void this.#wildcards.delete(event.wild);
      case "subscribe":
        return this.#subscribes(event);
      case "message":
        return this.#got(event.sub, event.position.epoch, event.position.offset, line);
      case "gap":
        return this.#got(event.sub, event.position.epoch, event.from, line);
      case "append":
        return void this.#channels.set(event.channel, event.position);
      case "stream lost":
      case "rollback":
        return void this.#lost.add(event.channel);
      case "crash":
        for (const wildcard of this.#wildcards.values()) {
          if (wildcard.client === event.client) this.#wildcards.delete(wildcard.wild);
        }
        return;
      case "calm":
        return void (this.#isCalm = true);
      case "finish":
        return this.#finish(line);
      case "matched":
        return this.#mayKnow(event, line);
      default:
        return this.#shutOut.see(event);
    }
  }

  #begin({ wild, client, match, filter }: Line<"wildcard">): void {
    const beginning = match.slice(0, match.indexOf("*"));
    this.#wildcards.set(wild, {
      wild,
      client,
      beginning,
      filter,
      tops: undefined,
      subs: new Map(),
      had: new Set(),
    });
  }

  #subscribes({ sub, channel, wild }: Line<"subscribe">): void {
    const wildcard = wild === undefined ? undefined : this.#wildcards.get(wild);
    if (wildcard === undefined) return;
    // One that was ended by a rule, and begins again, begins where it is told.
    if (!wildcard.had.has(channel)) this.#fresh.set(sub, wildcard);
    wildcard.had.add(channel);
  }

  /** The first of a channel: what is before it was there before the wildcard was live. */
  #got(sub: string, epoch: string, offset: number, line: number): void {
    const wildcard = this.#fresh.get(sub);
    if (wildcard === undefined) return;
    this.#fresh.delete(sub);
    const subscription = this.#subscriptions.all.get(sub);
    if (wildcard.tops === undefined || subscription === undefined || subscription.cursor !== undefined) {
      return;
    }
    const { channel } = subscription;
    if (this.#lost.has(channel) || this.#shutOut.was(wildcard.client, channel)) return;
    const top = wildcard.tops.get(channel);
    const known = top?.epoch === epoch ? top.offset : 0;
    if (this.#lastWanted(wildcard, channel, offset - 1) <= known) return;
    this.#found(`${wildcard.wild}: ${channel} begins with ${offset}, and ${known} were there`, line);
  }

  #finish(line: number): void {
    if (!this.#isCalm) return;
    for (const wildcard of this.#wildcards.values()) {
      const { wild, client, beginning, tops, had } = wildcard;
      if (tops === undefined) {
        this.#found(`${wild} was never live`, line);
        continue;
      }
      for (const [channel, { epoch, offset }] of this.#channels) {
        const isMeant = channel.startsWith(beginning) && !this.#shutOut.was(client, channel);
        if (!isMeant || had.has(channel) || this.#lost.has(channel)) continue;
        const top = tops.get(channel);
        const known = top?.epoch === epoch ? top.offset : 0;
        if (this.#lastWanted(wildcard, channel, offset) <= known) continue;
        this.#found(`${wild} never got anything of ${channel}, whose top is ${offset}`, line);
      }
    }
  }

  /** The last that it wants of what is in a channel up to an offset; 0 for none. */
  #lastWanted({ filter }: Wildcard, channel: string, to: number): number {
    if (filter === undefined) return to;
    const { truth } = this.#surroundings;
    return lastWanted(truth, truth.channel(channel), filter, to);
  }

  #mayKnow({ client, channel, at }: Line<"matched">, line: number): void {
    const since = this.#shutOut.since(client, channel, at);
    if (since <= this.#surroundings.silence) return;
    this.#found(`${client} ${channel}: told of ${since.toFixed(0)} ms after it was shut out`, line);
  }

  #found(what: string, line: number): void {
    this.#surroundings.found("wildcard", what, line);
  }
}
