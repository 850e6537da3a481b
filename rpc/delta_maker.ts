/**
 * Makes the difference of a message to the one before. Records and lists that are published again and again change in few places and seldom in length, so most
 * of it is found by looking at the same place of both; a table of the base's bytes finds what has moved.
 *
 * @module
 */
import { sumOf, wordAt } from "./delta.ts";

/** Bytes that must be the same before they are copied. */
const LEAST_RUN = 8;
/** Bytes that are passed at most in search of where both go on at the same distance. */
const LOOK_AHEAD = 32;
/** How far that distance may have changed there: texts and numbers grow by a few bytes. */
const SHIFTS = [1, -1, 2, -2, 3, -3, 4, -4] as const;
/** How often that is tried for one message, since it takes more than the table. */
const MOST_TRIES = 12;
/** Entries of the table, at most. */
const MOST_SLOTS = 16 * 1024;
/** Every so manieth byte of the base is in it, or fewer where the base is large. */
const STEP = 8;

/** Bytes of the sum. */
const SUM = 4;

let out: Uint8Array = new Uint8Array(4 * 1024);
let at = 0;
let most = 0;
let table: Int32Array = new Int32Array(1024);

/**
 * The difference of `target` to `base`, as `applyDelta` reads it; `undefined` if it would have more than `limit` bytes. It stands in a buffer that the next one
 * is written into. Takes time in proportion to the two.
 */
export function makeDelta(base: Uint8Array, target: Uint8Array, limit: number): Uint8Array | undefined {
  if (out.length < limit) out = new Uint8Array(limit);
  at = 0;
  most = limit;
  if (!writeNumber(target.length) || at + SUM > most) return undefined;
  const head = at;
  at += SUM;
  if (!new Comparison(base, target).write()) return undefined;
  const sum = sumOf(target);
  for (let i = 0; i < SUM; i++) out[head + i] = sum >>> (8 * i);
  return out.subarray(0, at);
}

/** Two messages next to each other. */
class Comparison {
  readonly #base: Uint8Array;
  readonly #target: Uint8Array;
  /** Where the next byte of the target is expected in the base, less where it is. */
  #shift = 0;
  /** Where something that both have was found last: in the target. */
  #found = 0;
  #tries = 0;
  /** Of the table; 0 before it was made. */
  #mask = 0;

  constructor(base: Uint8Array, target: Uint8Array) {
    this.#base = base;
    this.#target = target;
  }

  /** Writes what is fresh and what is the same, in turn; `false` when that is too much. */
  write(): boolean {
    const { length } = this.#target;
    let written = 0;
    while (written < length) {
      const expected = this.#shift;
      if (!this.#find(written)) break;
      let from = this.#found;
      const shift = this.#shift;
      while (from > written && this.#isSame(from - 1, shift)) from--;
      const end = this.#endOfRun(from, shift);
      if (!this.#writeFresh(written, from) || !writeNumber(end - from)) return false;
      if (!writeShift(shift - expected)) return false;
      written = end;
    }
    return written === length || this.#writeFresh(written, length);
  }

  #isSame(i: number, shift: number): boolean {
    return i + shift >= 0 && this.#base[i + shift] === this.#target[i];
  }

  #endOfRun(from: number, shift: number): number {
    const base = this.#base;
    const target = this.#target;
    const end = Math.min(target.length, base.length - shift);
    let i = from;
    while (i + 4 <= end && wordAt(base, i + shift) === wordAt(target, i)) i += 4;
    while (i < end && base[i + shift] === target[i]) i++;
    return i;
  }

  /** Whether so many bytes are the same that they are worth a copy. */
  #isRun(i: number, shift: number): boolean {
    const base = this.#base;
    const target = this.#target;
    const place = i + shift;
    return place >= 0 && place + LEAST_RUN <= base.length && i + LEAST_RUN <= target.length &&
      wordAt(base, place) === wordAt(target, i) && wordAt(base, place + 4) === wordAt(target, i + 4);
  }

  /** Finds the next run from here on. */
  #find(from: number): boolean {
    return this.#findAhead(from, this.#shift) || this.#findNear(from) || this.#findAnywhere(from);
  }

  #findAhead(from: number, shift: number): boolean {
    for (let i = from; i <= from + LOOK_AHEAD; i++) {
      if (!this.#isRun(i, shift)) continue;
      this.#found = i;
      this.#shift = shift;
      return true;
    }
    return false;
  }

  #findNear(from: number): boolean {
    if (++this.#tries > MOST_TRIES) return false;
    const shift = this.#shift;
    return SHIFTS.some((more) => this.#findAhead(from, shift + more));
  }

  #findAnywhere(from: number): boolean {
    const target = this.#target;
    if (this.#mask === 0) this.#index();
    // Beyond this the fresh bytes alone are too many.
    const last = Math.min(target.length - 2 * LEAST_RUN, from + most - at);
    const mask = this.#mask;
    // The longer nothing is found, the less is looked at: what is not alike at all costs little.
    for (let i = from; i <= last; i += 1 + ((i - from) >> 6)) {
      const place = table[slotOf(target, i, mask)]! - 1;
      if (place < 0 || !this.#isRun(i, place - i) || !this.#isRun(i + LEAST_RUN, place - i)) continue;
      this.#found = i;
      this.#shift = place - i;
      return true;
    }
    return false;
  }

  #index(): void {
    const base = this.#base;
    const step = Math.max(STEP, Math.ceil(base.length / MOST_SLOTS));
    let slots = 256;
    while (slots < MOST_SLOTS && slots * step < 2 * base.length) slots *= 2;
    if (table.length < slots) table = new Int32Array(slots);
    else table.fill(0, 0, slots);
    this.#mask = slots - 1;
    for (let place = 0; place + 2 * LEAST_RUN <= base.length; place += step) {
      table[slotOf(base, place, this.#mask)] = place + 1;
    }
  }

  #writeFresh(from: number, to: number): boolean {
    const length = to - from;
    if (!writeNumber(length) || at + length > most) return false;
    if (length > 32) out.set(this.#target.subarray(from, to), at);
    else for (let i = 0; i < length; i++) out[at + i] = this.#target[from + i]!;
    at += length;
    return true;
  }
}

/** Of 16 bytes: keys of maps, which are everywhere, are shorter. */
function slotOf(bytes: Uint8Array, i: number, mask: number): number {
  const one = wordAt(bytes, i) ^ Math.imul(wordAt(bytes, i + 4), 0x85ebca6b);
  const other = wordAt(bytes, i + 8) ^ Math.imul(wordAt(bytes, i + 12), 0xc2b2ae35);
  return (Math.imul(one, 0x9e3779b1) ^ Math.imul(other, 0x27d4eb2f)) >>> 15 & mask;
}

/** Seven bits a byte, the lowest first. */
function writeNumber(number: number): boolean {
  if (at + 4 > most) return false;
  let rest = number;
  for (; rest >= 0x80; rest >>>= 7) out[at++] = (rest & 0x7f) | 0x80;
  out[at++] = rest;
  return true;
}

function writeShift(shift: number): boolean {
  return writeNumber((shift << 1) ^ (shift >> 31));
}
