/**
 * What could not be done and must not be left at that: it is tried again until it is done, or its time is over.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { waitingFor } from "./waiting_for.ts";

/** What retries need. */
export interface RetryParts {
  /** Time. */
  readonly clock: Pick<Clock, "now" | "setTimeout" | "clearTimeout">;
  /** How many may wait; of too many the oldest is given up. */
  readonly most: number;
  /** Told of one that was never done. */
  readonly givenUp?: (name: string) => void;
}

interface Task {
  readonly until: number;
  readonly run: () => MaybePromise<unknown>;
}

/** Milliseconds until the first try; twice as many after each that failed, and no more than {@linkcode LONGEST}. */
const FIRST = 100;
/** An outage that ends is seen by then. */
const LONGEST = 10_000;

/** Things to be done, tried one at a time: where one fails the others would too, and when one succeeds they follow at once. */
export class Retries {
  readonly #parts: RetryParts;
  readonly #tasks = new Map<string, Task>();
  #timer: unknown;
  #pause = FIRST;
  #isTrying = false;
  #ended = false;

  /** Nothing to do yet. */
  constructor(parts: RetryParts) {
    this.#parts = parts;
  }

  /** How many wait. */
  get size(): number {
    return this.#tasks.size;
  }

  /** Does something later, for `ms` at most; in place of what has that name. */
  add(name: string, ms: number, run: () => MaybePromise<unknown>): void {
    const { clock, most } = this.#parts;
    if (this.#ended) return this.#parts.givenUp?.(name);
    this.#tasks.delete(name);
    for (const [oldest] of this.#tasks) {
      if (this.#tasks.size < most) break;
      this.#giveUp(oldest);
    }
    this.#tasks.set(name, { until: clock.now() + ms, run });
    this.#arm();
  }

  /** It need not be done any more. */
  delete(name: string): void {
    this.#tasks.delete(name);
    if (this.#tasks.size === 0) this.#disarm();
  }

  /** Tries all once more, at the same time and for `ms` at most, and gives up what is left. */
  async flush(ms: number): Promise<void> {
    if (this.#tasks.size > 0) {
      const { over, ended } = waitingFor(this.#parts.clock, ms);
      const tries = [...this.#tasks].map(async ([name, task]) => {
        if (await succeeds(task.run) && this.#tasks.get(name) === task) this.delete(name);
      });
      void Promise.all(tries).then(ended);
      await over;
    }
    this.end();
  }

  /** Gives all up. */
  end(): void {
    this.#ended = true;
    for (const name of [...this.#tasks.keys()]) this.#giveUp(name);
    this.#disarm();
  }

  #giveUp(name: string): void {
    this.#tasks.delete(name);
    this.#parts.givenUp?.(name);
  }

  #arm(): void {
    if (this.#isTrying || this.#timer !== undefined || this.#tasks.size === 0) return;
    this.#timer = this.#parts.clock.setTimeout(() => void this.#try(), this.#pause);
  }

  #disarm(): void {
    this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pause = FIRST;
  }

  /** Until one fails, which is the last in the line then: it may be the only one that cannot be done. Never rejects. */
  async #try(): Promise<void> {
    this.#timer = undefined;
    this.#isTrying = true;
    const now = this.#parts.clock.now();
    for (const [name, { until }] of this.#tasks) {
      if (until <= now) this.#giveUp(name);
    }
    for (const [name, task] of this.#tasks) {
      const isDone = await succeeds(task.run);
      this.#pause = isDone ? FIRST : Math.min(2 * this.#pause, LONGEST);
      const isWanted = this.#tasks.get(name) === task;
      if (isWanted) this.#tasks.delete(name);
      if (isWanted && !isDone) this.#tasks.set(name, task);
      if (!isDone) break;
    }
    if (this.#tasks.size === 0) this.#pause = FIRST;
    this.#isTrying = false;
    this.#arm();
  }
}

async function succeeds(run: () => MaybePromise<unknown>): Promise<boolean> {
  try {
    await run();
    return true;
  } catch {
    return false;
  }
}
