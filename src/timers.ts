/**
 * Time as a parameter, so that tests can hold the clock.
 */

import { immediate } from "./runtime.ts";

/** What the policy needs of time. */
export interface Timers {
  /** Milliseconds that only grow; the origin means nothing. */
  now(): number;
  /** Runs `run` once after `ms` milliseconds; the result is for {@linkcode clearTimeout}. */
  setTimeout(run: () => void, ms: number): unknown;
  /** Cancels a timeout; one that has run already is no matter. */
  clearTimeout(handle: unknown): void;
  /** Runs `run` in the next turn of the event loop. */
  immediate(run: () => void): void;
}

/** The runtime's own time. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (handle) => clearTimeout(handle as number),
  immediate,
};
