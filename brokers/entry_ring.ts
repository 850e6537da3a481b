/**
 * A history in memory: entries go in at one end and out at the other, and any of them is found by its place.
 *
 * @module
 */
import type { Entry } from "../rpc/broker.ts";

/** Places at first. */
const FEWEST = 4;

/** A ring of entries that doubles when it is full. */
export class EntryRing {
  #places: (Entry | undefined)[] = [];
  #head = 0;
  #length = 0;

  /** Entries in it. */
  get length(): number {
    return this.#length;
  }

  /** The entry at this place, 0 being the oldest; `undefined` when there is none. */
  at(index: number): Entry | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    return this.#places[(this.#head + index) & (this.#places.length - 1)];
  }

  /** Puts another entry at a place that is taken. */
  set(index: number, entry: Entry): void {
    this.#places[(this.#head + index) & (this.#places.length - 1)] = entry;
  }

  /** Adds the newest. */
  push(entry: Entry): void {
    if (this.#length === this.#places.length) this.#resize(Math.max(FEWEST, this.#length * 2));
    this.#places[(this.#head + this.#length++) & (this.#places.length - 1)] = entry;
  }

  /** Takes the oldest out. */
  shift(): Entry | undefined {
    if (this.#length === 0) return undefined;
    const entry = this.#places[this.#head];
    this.#places[this.#head] = undefined; // what it held is free from now on
    this.#head = (this.#head + 1) & (this.#places.length - 1);
    if (--this.#length === 0) this.#places = [];
    else if (this.#length * 8 <= this.#places.length) this.#resize(this.#places.length / 2);
    return entry;
  }

  /** `places` is a power of two. */
  #resize(places: number): void {
    const next = new Array<Entry | undefined>(places).fill(undefined);
    for (let i = 0; i < this.#length; i++) next[i] = this.at(i);
    this.#places = next;
    this.#head = 0;
  }
}
