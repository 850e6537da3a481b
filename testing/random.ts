/**
 * Chance that can be had again: everything random in a simulation comes from one seed.
 *
 * @module
 */

/**
 * A seeded source of chance (xoshiro128**). Not for secrets.
 *
 * @example
 * ```ts no-run
 * import { Random } from "@millrace/millrace/testing";
 *
 * const random = new Random(7);
 * console.log(random.next() === new Random(7).next()); // true
 * ```
 */
export class Random {
  readonly #seed: number;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** The same seed gives the same numbers on every runtime. */
  constructor(seed: number) {
    this.#seed = seed >>> 0;
    // The high half of seeds above 2^32 counts too.
    const mix = splitmix(this.#seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b9));
    this.#a = mix();
    this.#b = mix();
    this.#c = mix();
    this.#d = mix() | 1; // never all zero
  }

  /** From 0 up to 1, 1 excluded. */
  next(): number {
    return this.uint32() / 2 ** 32;
  }

  /** 32 random bits. */
  uint32(): number {
    const b = this.#b;
    const twice = Math.imul(b, 5);
    const result = Math.imul((twice << 7) | (twice >>> 25), 9) >>> 0;
    const shifted = b << 9;
    this.#c ^= this.#a;
    this.#d ^= b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** A whole number from 0 up to `end`, `end` excluded. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** A number from `from` up to `to`. */
  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of them. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** One of the keys, each as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const keys = Object.keys(weights) as K[];
    let left = this.next() * keys.reduce((sum, key) => sum + weights[key], 0);
    for (const key of keys) {
      left -= weights[key];
      if (left < 0) return key;
    }
    return keys.at(-1)!;
  }

  /** Random bytes. */
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.uint32() & 255);
  }

  /**
   * A source of its own for what `name` names. It depends on the seed and the name, not on what was taken here: a part of a
   * simulation that is left out does not change the chance of the others, which is what lets a failure be shrunk.
   */
  fork(name: string): Random {
    let hash = this.#seed ^ 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    return new Random(splitmix(hash)());
  }
}

function splitmix(state: number): () => number {
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
}
