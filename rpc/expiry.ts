/**
 * When an authentication ends: told as a date, which may be set, and watched with timers that count in 32 bits.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Milliseconds after which a far end is looked at again: a machine that was suspended, or a date that was set, makes it no later than that. */
const LONGEST_TIMER = 60_000;

/** The end of the authentication of one connection. */
export class Expiry {
  readonly #clock: Clock;
  readonly #date: () => number;
  readonly #over: () => void;
  #timer: unknown;

  /** Calls `over` when it has come; `date` gives milliseconds since 1970. */
  constructor(clock: Clock, date: () => number, over: () => void) {
    this.#clock = clock;
    this.#date = date;
    this.#over = over;
  }

  /**
   * The authentication holds until this date, or for ever (`undefined`, and whatever is beyond 2^53: it could not be told). Returns for how many ms.
   */
  holdUntil(date: number | undefined): number | undefined {
    this.stop();
    if (date === undefined || date > Number.MAX_SAFE_INTEGER) return undefined;
    const remaining = Math.max(0, Math.floor(date - this.#date()));
    this.#timer = this.#clock.setTimeout(() => this.#check(date), Math.min(remaining, LONGEST_TIMER));
    return remaining;
  }

  /** Nobody waits for it any more. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #check(date: number): void {
    const remaining = date - this.#date();
    if (remaining <= 0) return this.#over();
    this.#timer = this.#clock.setTimeout(() => this.#check(date), Math.min(remaining, LONGEST_TIMER));
  }
}
