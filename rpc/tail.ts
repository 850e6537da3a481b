/**
 * The latest publications of a channel, so that who was away for a moment needs no broker.
 *
 * @module
 */
import type { Entry } from "./broker.ts";

/** Publications, at most. */
const MOST = 64;
/** Bytes, at most; one is always admitted. */
const MOST_BYTES = 64 * 1024;

const NOTHING = new Uint8Array(0);

/** An entry where a message was deleted: without its data if it was a part of that. */
function without(entry: Entry, target: number): Entry {
  const { offset, change } = entry;
  const isPart = change === undefined
    ? offset === target
    : change.target === target && change.kind !== "delete";
  return isPart ? { ...entry, data: NOTHING, room: 0, isGone: true } : entry;
}

/** A contiguous piece of the stream that ends at its top. */
export class Tail {
  readonly #entries: Entry[] = [];
  #bytes = 0;

  /** Adds the next one. */
  push(entry: Entry): void {
    const entries = this.#entries;
    entries.push(entry);
    this.#bytes += entry.data.length;
    while (entries.length > MOST || (this.#bytes > MOST_BYTES && entries.length > 1)) {
      this.#bytes -= entries.shift()!.data.length;
    }
  }

  /** Where a message is deleted what it was made of goes, here and among those that were not sent yet, which it gives back. */
  erase({ change }: Entry, fresh: Entry[]): Entry[] {
    if (change?.kind !== "delete") return fresh;
    for (const [i, entry] of this.#entries.entries()) {
      const left = without(entry, change.target);
      this.#bytes += left.data.length - entry.data.length;
      this.#entries[i] = left;
    }
    return fresh.map((entry) => without(entry, change.target));
  }

  /** Forgets all. */
  clear(): void {
    this.#entries.length = 0;
    this.#bytes = 0;
  }

  /** The fingerprint at an offset, if this piece or its first entry's record of its predecessor tells. */
  fingerprintAt(offset: number): number | undefined {
    const first = this.#entries[0];
    if (first === undefined) return undefined;
    if (offset === first.offset - 1) return first.previous;
    return this.#entries[offset - first.offset]?.fingerprint;
  }

  /** The publication at an offset, if it is here. */
  at(offset: number): Entry | undefined {
    const first = this.#entries[0];
    return first && this.#entries[offset - first.offset];
  }

  /** What comes after an offset; `undefined` if that is not all here. */
  after(offset: number): readonly Entry[] | undefined {
    const first = this.#entries[0];
    if (first === undefined || offset < first.offset - 1) return undefined;
    return this.#entries.slice(offset - first.offset + 1);
  }
}
