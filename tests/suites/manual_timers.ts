/**
 * Time that stands still until a test moves it.
 */

import type { Timers } from "../../src/timers.ts";

interface Timeout {
  readonly at: number;
  readonly run: () => void;
}

/** Timers of a clock that the test advances. */
export class ManualTimers implements Timers {
  #now = 0;
  readonly #timeouts = new Set<Timeout>();
  readonly #immediates: (() => void)[] = [];

  /** Timeouts and immediates that have not run. */
  get pending(): number {
    return this.#timeouts.size + this.#immediates.length;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(run: () => void, ms: number): Timeout {
    const timeout = { at: this.#now + ms, run };
    this.#timeouts.add(timeout);
    return timeout;
  }

  clearTimeout(handle: unknown): void {
    this.#timeouts.delete(handle as Timeout);
  }

  immediate(run: () => void): void {
    this.#immediates.push(run);
  }

  /** Runs the immediates asked for so far. */
  turn(): void {
    for (const run of this.#immediates.splice(0)) run();
  }

  /** Moves the clock, running what falls due on the way, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timeouts.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }

  #next(end: number): Timeout | undefined {
    let first: Timeout | undefined;
    for (const timeout of this.#timeouts) {
      if (timeout.at <= end && (first === undefined || timeout.at < first.at)) first = timeout;
    }
    return first;
  }
}
