/**
 * Reactions to one message: who said what how often, what a reaction makes of that, and the summary that everybody is given.
 *
 * @module
 */
import { subjectOf } from "./authors.ts";
import { CallError } from "./errors.ts";
import type { Counting, ReactionSummary } from "./interactions.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { decodeMessage, encodeMessage } from "./message_data.ts";

/** One reaction. */
export interface Reaction {
  /** Its name, which the channel declares. */
  readonly kind: string;
  /** What is said; empty where nothing is. */
  readonly value: string;
  /** Whether it is taken back. */
  readonly undo: boolean;
  /** Who reacts. */
  readonly author: string;
  /** So that one that is sent again counts once. */
  readonly producer?: { readonly id: string; readonly n: number } | undefined;
}

/** What a message may have; the defaults are those of a node. */
export type ReactionBounds = Pick<Limits, "reactionValues" | "reactionUsers">;

/** Users that a value lists; of more the number is told, and `clipped`. */
const MOST_LISTED = 50;
/** Clients whose last number is known. */
const MOST_PRODUCERS = 1_000;

type Counts = Map<string, number>;
/** As it is stored: maps as lists, since names of others are no safe keys. */
type Stored = [kinds: [string, [string, [string, number][]][]][], producers: [string, number][]];

/** The reactions to one message. */
export class ReactionState {
  readonly #kinds = new Map<string, Map<string, Counts>>();
  readonly #producers: Counts;
  readonly #bounds: ReactionBounds;

  /** Of what was stored, or none. */
  constructor(stored?: Uint8Array, bounds: ReactionBounds = DEFAULT_LIMITS) {
    this.#bounds = bounds;
    const [kinds, producers] = stored === undefined ? [[], []] : decodeMessage(stored) as Stored;
    for (const [kind, values] of kinds) {
      this.#kinds.set(kind, new Map(values.map(([value, counts]) => [value, new Map(counts)])));
    }
    this.#producers = new Map(producers);
  }

  /**
   * Counts a reaction. Gives whether there is anything else than before: not where it was sent again, or takes back nothing, or was said already and counts once.
   *
   * @throws {CallError} `TOO_LARGE`: there are too many values, or users.
   */
  add(reaction: Reaction, counting: Counting): boolean {
    const { producer } = reaction;
    if (producer !== undefined && producer.n <= (this.#producers.get(producer.id) ?? 0)) return false;
    const isOther = reaction.undo ? this.#undo(reaction, counting) : this.#do(reaction, counting);
    if (producer === undefined) return isOther;
    this.#producers.delete(producer.id);
    this.#producers.set(producer.id, producer.n);
    if (this.#producers.size > MOST_PRODUCERS) this.#producers.delete(this.#producers.keys().next().value!);
    return isOther;
  }

  /** What is stored. */
  stored(): Uint8Array {
    const kinds = [...this.#kinds].map(([kind, values]) => [
      kind,
      [...values].map(([value, counts]) => [value, [...counts]]),
    ]);
    return encodeMessage([kinds, [...this.#producers]]);
  }

  /** What everybody is given. */
  summary(kinds: Readonly<Record<string, Counting>>): ReactionSummary {
    const summary: Record<string, ReactionSummary[string]> = {};
    for (const [kind, counting] of Object.entries(kinds)) {
      const values = [...this.#kinds.get(kind) ?? []];
      if (values.length === 0) continue;
      if (counting === "total") summary[kind] = { total: total(values[0]![1]) };
      else summary[kind] = { values: values.map(([value, counts]) => summaryOf(value, counts, counting)) };
    }
    return summary;
  }

  #do({ kind, value, author }: Reaction, counting: Counting): boolean {
    const values = this.#kinds.get(kind) ?? new Map<string, Counts>();
    let counts = values.get(value);
    const before = counting === "unique" && !counts?.has(author) ? saidBefore(values, author) : undefined;
    const isLast = before !== undefined && before[1].size === 1; // its value goes, and makes room
    const { reactionValues, reactionUsers } = this.#bounds;
    if (counts === undefined && values.size - (isLast ? 1 : 0) >= reactionValues) {
      throw new CallError(
        "TOO_LARGE",
        `A message has ${reactionValues} values of one kind of reaction at most`,
      );
    }
    if (before === undefined && !counts?.has(author) && this.#size >= reactionUsers) {
      if (counting !== "total") throw new CallError("TOO_LARGE", "Too many have reacted to the message");
      author = ""; // it counts, and nobody can take it back
    }
    if (before !== undefined) forget(values, ...before, author);
    values.set(value, counts ??= new Map());
    this.#kinds.set(kind, values);
    const isCounted = counting === "total" || counting === "multiple";
    const count = counts.get(author) ?? 0;
    counts.set(author, isCounted ? count + 1 : 1);
    return isCounted || count === 0;
  }

  #undo({ kind, value, author }: Reaction, counting: Counting): boolean {
    const values = this.#kinds.get(kind);
    if (values === undefined) return false;
    let isOther = false;
    for (const [said, counts] of [...values]) {
      if (said !== value && counting !== "unique") continue;
      const count = counts.get(author) ?? 0;
      isOther ||= count > 0;
      if (counting === "total" && count > 1) counts.set(author, count - 1);
      else forget(values, said, counts, author);
    }
    if (values.size === 0) this.#kinds.delete(kind);
    return isOther;
  }

  get #size(): number {
    let size = 0;
    for (const values of this.#kinds.values()) for (const counts of values.values()) size += counts.size;
    return size;
  }
}

function saidBefore(values: Map<string, Counts>, author: string): [string, Counts] | undefined {
  for (const one of values) if (one[1].has(author)) return one;
  return undefined;
}

function forget(values: Map<string, Counts>, value: string, counts: Counts, author: string): void {
  counts.delete(author);
  if (counts.size === 0) values.delete(value);
}

function total(counts: Counts): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

function summaryOf(value: string, counts: Counts, counting: Counting) {
  const listed: { user: string; count?: number }[] = [];
  for (const [author, count] of counts) {
    const user = subjectOf(author);
    if (user === undefined) continue; // nobody is told of clients
    if (listed.length === MOST_LISTED) break;
    listed.push(counting === "multiple" ? { user, count } : { user });
  }
  const all = { value, total: total(counts), users: listed };
  return listed.length < counts.size ? { ...all, clipped: true as const } : all;
}
