/**
 * When a channel asks again, after a refusal or where nothing comes.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";

/** Waits after a refusal, in milliseconds, double from the first to the last, of which a random part is waited. */
const FIRST_WAIT = 500;
/** The longest of them. */
export const LAST_WAIT = 20_000;

/** One thing that is to be done later. */
export class Retry {
  /** In a row. */
  failures = 0;
  readonly #clock: Clock;
  #timer: unknown;

  /** Nothing is to be done. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does this after so many milliseconds, and nothing that was to be done before. */
  after(ms: number, run: () => void): void {
    this.stop();
    this.#timer = this.#clock.setTimeout(run, ms);
  }

  /** Does it when what `look` gives has been the same for so long, and nothing when it gives nothing. */
  whenStill<T>(ms: number, look: () => T | undefined, run: () => void): void {
    this.stop();
    const since = look();
    if (since === undefined) return;
    this.after(ms, () => look() === since ? run() : this.whenStill(ms, look, run));
  }

  /** Does it after a random part of a time that doubles. */
  backOff(run: () => void): void {
    const bound = Math.min(LAST_WAIT, FIRST_WAIT * 2 ** Math.min(this.failures++, 16));
    this.after(this.#clock.random() * bound, run);
  }

  /** Does nothing any more. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
