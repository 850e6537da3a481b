/**
 * One life of a channel in memory: its numbers, its history, and who has published to it.
 *
 * @module
 */
import type { Append, Appended, Entry, Page, Position, Producer, Query } from "../rpc/broker.ts";
import { EntryRing } from "./entry_ring.ts";
import { MessageBook } from "./message_book.ts";
import { type Landed, Producers } from "./producers.ts";
import { CHANGE_BYTES, ENTRY_BYTES, textBytes } from "./weights.ts";

/** Milliseconds that epoch, top and records outlive the last use at the least. */
export const LEAST_META = 600_000;

/** What a stream may hold. */
export interface StreamBounds {
  /** What entries may weigh; one is always kept. */
  readonly bytes: number;
  /** Records of producers, at most. */
  readonly producers: number;
}

/** A stream. */
export class MemoryStream {
  /** Names it. */
  readonly epoch: string;
  readonly #bounds: StreamBounds;
  readonly #entries = new EntryRing();
  /** Once a message was changed. */
  #book: MessageBook | undefined = undefined;
  #producers: Producers | undefined = undefined;
  #offset = 0;
  #fingerprint = 0;
  #at = 0;
  #entryBytes = 0;
  #messages = 0;
  #ms = 0;
  #metaMs = LEAST_META;

  /** Makes an empty one. */
  constructor(epoch: string, bounds: StreamBounds) {
    this.epoch = epoch;
    this.#bounds = bounds;
  }

  /** Whether something was ever published: otherwise nobody would miss it. */
  get isBlank(): boolean {
    return this.#offset === 0;
  }

  /** What the entries weigh. */
  get entryBytes(): number {
    return this.#entryBytes + (this.#book?.bytes ?? 0);
  }

  /** What the records of producers weigh. */
  get recordBytes(): number {
    return this.#producers?.bytes ?? 0;
  }

  /** Entries that are kept. */
  get length(): number {
    return this.#entries.length;
  }

  /** Producers that are known. */
  get producers(): number {
    return this.#producers?.size ?? 0;
  }

  /** Milliseconds that it outlives its last use. */
  get metaMs(): number {
    return this.#metaMs;
  }

  /** Where this publication landed, when it was appended before. `now` is of a clock that never goes back. */
  find(producer: Producer, now: number): Appended | undefined {
    this.#producers ??= new Producers(this.#bounds.producers); // whom it does not know it may refuse as well
    const landed = this.#producers.find(producer, now);
    return landed && { position: this.#position(landed), duplicate: true, durability: "memory" };
  }

  /**
   * Whether this may be appended, if it changes a message.
   *
   * @param date Milliseconds since 1970.
   * @throws {BrokerError} `MISSING`, `GONE`, `TOO_LARGE`, `WRONG_TYPE`, `STALE`.
   */
  check(append: Append, date: number): void {
    if (append.change === undefined) return;
    this.trim(date);
    this.#book ??= new MessageBook({
      find: (offset) => this.#entries.at(offset - this.#oldest),
      replace: (entry) => {
        const index = entry.offset - this.#oldest;
        this.#entryBytes += bytesOf(entry) - bytesOf(this.#entries.at(index)!);
        this.#entries.set(index, entry);
      },
    });
    this.#book.check(append.change, append, this.epoch);
  }

  /**
   * Appends. A change was {@linkcode MemoryStream.check}ed before.
   *
   * @param date Milliseconds since 1970.
   * @param now The same moment by the clock that never goes back.
   */
  append(append: Append, date: number, now: number): Entry {
    const { fingerprint, producer, retention } = append;
    if (retention.ms !== this.#ms) this.trim(date); // what has had its time does not come back
    this.#at = Math.max(this.#at, date); // so that the times of a stream are in order when the clock is set back
    const previous = this.#fingerprint;
    const entry = entryOf(append, { offset: ++this.#offset, previous, at: this.#at });
    this.#fingerprint = fingerprint;
    this.#messages = retention.messages;
    this.#ms = retention.ms;
    this.#metaMs = Math.max(retention.metaMs, retention.ms, LEAST_META);
    if (producer !== undefined) {
      this.#producers ??= new Producers(this.#bounds.producers);
      this.#producers.add(producer, { offset: entry.offset, fingerprint }, now);
    }
    if (retention.messages > 0) {
      this.#entries.push(entry);
      this.#entryBytes += bytesOf(entry);
      if (entry.change !== undefined) this.#book!.add(entry, append.change?.reactions?.state);
    }
    this.trim(date);
    return entry;
  }

  /** Where it ends. */
  get top(): Position {
    return this.#position({ offset: this.#offset, fingerprint: this.#fingerprint });
  }

  /** Reads a part. */
  read(query: Query, date: number): Page {
    this.trim(date);
    const down = query.before !== undefined;
    const from = query.after ?? query.before;
    const start = down ? Math.min(query.before, this.#offset + 1) - this.#oldest - 1 : this.#start(query);
    const entries: Entry[] = [];
    let index = start;
    let bytes = 0;
    const known = new Set<number>();
    for (; entries.length < query.messages; index += down ? -1 : 1) {
      const kept = this.#entries.at(index);
      if (kept === undefined) break;
      const entry = this.#book === undefined ? kept : this.#asWanted(kept, query, known);
      bytes += entry.data.byteLength + (entry.reactions?.summary.byteLength ?? 0);
      if (bytes > query.bytes && entries.length > 0) break;
      entries.push(entry);
    }
    return {
      epoch: this.epoch,
      top: { offset: this.#offset, fingerprint: this.#fingerprint },
      oldest: this.#oldest,
      boundary: from === undefined ? undefined : this.#boundary(from),
      entries,
      more: this.#entries.at(index) !== undefined,
    };
  }

  /** Lets entries go that are too many, too large together, or too old. */
  trim(date: number): void {
    const entries = this.#entries;
    while (entries.length > this.#messages || entries.length > 1 && this.entryBytes > this.#bounds.bytes) {
      this.#shift();
    }
    while (entries.length > 0 && entries.at(0)!.at + this.#ms <= date) this.#shift();
  }

  /** Forgets producers that have not published for `metaMs`. */
  expire(now: number): void {
    this.#producers?.expire(now - this.#metaMs);
  }

  /** Lets the oldest entries go until the others weigh no more than this. The numbers go on, and the top is known as before. */
  lightenEntries(bytes: number): void {
    while (this.entryBytes > bytes) this.#shift();
  }

  /** Forgets the producers that published longest ago, and from when on they may have, until the others weigh no more than this. */
  lightenRecords(bytes: number): void {
    this.#producers?.lighten(bytes);
  }

  #shift(): void {
    const entry = this.#entries.shift()!;
    this.#entryBytes -= bytesOf(entry);
    this.#book?.forget(entry);
  }

  /** @param known Messages that the page has the whole of. */
  #asWanted(entry: Entry, { isNow, withState = false, since }: Query, known: Set<number>): Entry {
    const { change } = entry;
    if (change === undefined) {
      known.add(entry.offset);
      return isNow ? this.#book!.now(entry, withState) : entry;
    }
    const { kind, target } = change;
    const isKnown = kind === "react" || since === undefined || target >= since || known.has(target) ||
      this.#book!.priorTo(entry) >= since; // a page before this one has it
    if (isKnown) return entry;
    known.add(target);
    return kind === "append" && !entry.isGone ? this.#book!.whole(entry) : entry;
  }

  get #oldest(): number {
    return this.#offset - this.#entries.length + 1;
  }

  /** The place of the first entry upwards. */
  #start({ after, at }: Query): number {
    if (after !== undefined) return Math.max(after + 1 - this.#oldest, 0);
    if (at === undefined) return 0;
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries.at(middle)!.at < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The entry that was trimmed last is known by its successor, and the top by itself. */
  #boundary(offset: number): number | undefined {
    if (offset === this.#offset) return this.#fingerprint;
    const index = offset - this.#oldest;
    return index === -1 ? this.#entries.at(0)?.previous : this.#entries.at(index)?.fingerprint;
  }

  #position({ offset, fingerprint }: Landed): Position {
    return { epoch: this.epoch, offset, fingerprint };
  }
}

function bytesOf({ data, room, change, by }: Entry): number {
  const bytes = ENTRY_BYTES + room + data.byteLength;
  return by === undefined ? bytes : bytes + textBytes(by) + (change === undefined ? 0 : CHANGE_BYTES);
}

/** Members that say nothing are left out: most channels have no changes. */
function entryOf(
  { data, room, fingerprint, by, change }: Append,
  place: Pick<Entry, "offset" | "previous" | "at">,
): Entry {
  const entry = { ...place, fingerprint, data, room };
  if (by === undefined) return entry;
  return change === undefined
    ? { ...entry, by }
    : { ...entry, by, change: { kind: change.kind, target: change.target } };
}
