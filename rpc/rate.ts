/**
 * A token bucket: so many a second, twice that at once.
 *
 * @module
 */

/** Counts what one peer does against a rate. */
export class Rate {
  readonly #perMillisecond: number;
  readonly #most: number;
  #tokens: number;
  #at: number;

  /** Starts full: `perSecond` times 2. */
  constructor(perSecond: number, now: number) {
    this.#perMillisecond = perSecond / 1000;
    this.#most = this.#tokens = perSecond * 2;
    this.#at = now;
  }

  /** Takes `count` tokens; `false` when they were not there. */
  take(count: number, now: number): boolean {
    if (this.#tokens < count) {
      this.#tokens = Math.min(this.#most, this.#tokens + (now - this.#at) * this.#perMillisecond);
      this.#at = now;
    }
    this.#tokens -= count;
    return this.#tokens >= 0;
  }
}
