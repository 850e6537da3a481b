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

  /** Takes `count` tokens; `false` when they were not there: they are owed, so that who goes on gets none. */
  take(count: number, now: number): boolean {
    this.#fill(count, now);
    this.#tokens -= count;
    return this.#tokens >= 0;
  }

  /** Takes a token if there is one. */
  takeOne(now: number): boolean {
    this.#fill(1, now);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #fill(count: number, now: number): void {
    if (this.#tokens >= count) return;
    this.#tokens = Math.min(this.#most, this.#tokens + (now - this.#at) * this.#perMillisecond);
    this.#at = now;
  }
}
