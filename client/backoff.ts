import type { Clock } from "../rpc/clock.ts";

/** How long a client waits between attempts to connect. */
export interface BackoffOptions {
  /** The first wait is a random time up to this many milliseconds; each later one up to twice as long. @default 500 */
  readonly base?: number;
  /** No wait is longer, in milliseconds. @default 20000 */
  readonly cap?: number;
}

/** A connection that lived this long was a good one: the next failure starts over. */
const STABLE = 30_000;

/**
 * Full jitter: a random time between 0 and a bound that doubles, so that ten thousand clients of a server that restarts do not
 * come back together.
 */
export class Backoff {
  readonly #clock: Clock;
  readonly #base: number;
  readonly #cap: number;
  #failures = 0;
  #openedAt = Infinity;

  /** @throws {RangeError} If a time is not positive. */
  constructor(clock: Clock, { base = 500, cap = 20_000 }: BackoffOptions = {}) {
    if (!(base > 0) || !(cap > 0)) {
      throw new RangeError(`Cannot wait between ${base} and ${cap} ms: not positive`);
    }
    this.#clock = clock;
    this.#base = base;
    this.#cap = cap;
  }

  /** A connection was welcomed. */
  opened(): void {
    this.#openedAt = this.#clock.now();
  }

  /** A connection ended, or could not be made: milliseconds until the next attempt. `advice` is the server's bound. */
  next(advice: number | undefined): number {
    if (this.#clock.now() - this.#openedAt >= STABLE) this.#failures = 0;
    this.#openedAt = Infinity;
    const bound = Math.min(this.#cap, this.#base * 2 ** Math.min(this.#failures++, 30));
    return this.#clock.random() * (advice ?? bound);
  }
}
