/**
 * When those who watch a channel are told of what has changed. Each telling is a frame for every one of them, so the more they are the longer the pause between two: what a node
 * sends for one channel in a second does not grow with those who watch.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Milliseconds from one telling to the next, at the least: what changes in them is told together. */
const BATCH = 100;
/** So many are told that often. */
const CROWD = 200;
/** Milliseconds from one telling to the next, at the most, however many watch. */
const LONGEST = 2_000;

/** Milliseconds between two tellings to so many, or to more than `mostMembers` where more are told everything that often. */
export function pauseFor(watchers: number, mostMembers: number): number {
  const pause = Math.ceil(BATCH * watchers / Math.max(CROWD, mostMembers));
  return Math.min(LONGEST, Math.max(BATCH, pause));
}

/** The tellings to those who watch one channel. */
export class PresencePace {
  readonly #clock: Clock;
  readonly #tell: () => void;
  #last = -Infinity;
  #timer: unknown;

  /** Nothing is to be told yet. */
  constructor(clock: Clock, tell: () => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Something has changed: it is told when the pause is over, and after a quiet time with what else changes in a moment. */
  schedule(pause: number): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(BATCH, this.#last + pause - this.#clock.now());
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#tell();
    }, wait);
  }

  /** All were told something now. */
  told(): void {
    this.#last = this.#clock.now();
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }
}
