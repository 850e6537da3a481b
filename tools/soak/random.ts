// Randomness that a seed repeats.

/** A xorshift generator of 32 bits: good enough to choose what a worker does next. */
export class Random {
  #state: number;

  /** The same seed gives the same numbers. */
  constructor(seed: number) {
    this.#state = (seed | 0) || 1;
    for (let i = 0; i < 8; i++) this.below(1); // neighbouring seeds begin alike
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return Math.floor((x >>> 0) / 2 ** 32 * limit);
  }

  /** One of them. */
  pick<T>(all: readonly T[]): T {
    return all[this.below(all.length)]!;
  }
}
