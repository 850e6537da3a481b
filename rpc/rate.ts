/**
 * A token bucket: so many a second, twice that at once.
 *
 * @module
 */

/** Counts what one peer does against a rate, which whoever asks knows: ten thousand idle connections have two each, and none has it written down. */
export class Rate {
  #tokens: number;
  #at: number;

  /** Starts full: `perSecond` times 2. */
  constructor(perSecond: number, now: number) {
    this.#tokens = perSecond * 2;
    this.#at = now;
  }

  /** Takes `count` tokens; `false` when they were not there: they are owed, so that who goes on gets none. `perSecond` is the same each time. */
  take(count: number, perSecond: number, now: number): boolean {
    this.#fill(count, perSecond, now);
    this.#tokens -= count;
    return this.#tokens >= 0;
  }

  /** Takes a token if there is one. */
  takeOne(perSecond: number, now: number): boolean {
    this.#fill(1, perSecond, now);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #fill(count: number, perSecond: number, now: number): void {
    if (this.#tokens >= count) return;
    this.#tokens = Math.min(perSecond * 2, this.#tokens + (now - this.#at) * perSecond / 1000);
    this.#at = now;
  }
}
