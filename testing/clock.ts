/**
 * Virtual time: it stands still until the simulation runs it, and what is due runs at once, in an order that the seed decides.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import { Random } from "./random.ts";

interface Timer {
  readonly at: number;
  /** Orders timers of the same moment: by chance. */
  readonly tie: number;
  /** Emptied when it is cleared or has run. */
  run: (() => void) | undefined;
}

interface Globals {
  readonly setImmediate?: (run: () => void) => unknown;
  readonly setTimeout: (run: () => void, ms: number) => unknown;
}

/** Runs `run` when every promise that can go on has done so. Where there is no `setImmediate` (browsers) a timer does it. */
const afterPromises: (run: () => void) => void = pickHop(globalThis as unknown as Globals);

function pickHop({ setImmediate, setTimeout }: Globals): (run: () => void) => void {
  if (setImmediate !== undefined) return (run) => void setImmediate(run);
  return (run) => void setTimeout(run, 0);
}

/**
 * Turns that are asked for at once. Between two of them every runtime settles promises as it does between any two tasks, and a round of the event loop,
 * most of what a turn costs (1.9 to 2.5 µs alone, 0.4 to 0.6 µs each of 16), is paid once.
 */
const TOGETHER = 16;

/** So many turns without any time passing are a circle. */
const MOST_TURNS = 100_000;

/**
 * Times are multiples of 1/1024 ms: sums and differences of them are exact, so that who waits until a moment does not wake a rounding error before it,
 * over and over.
 */
function onGrid(ms: number): number {
  return Math.ceil(ms * 1024) / 1024;
}

/**
 * A clock for simulations. Each timer runs in a turn of its own: promises settle, then what waits for the end of the turn runs, before the next
 * timer does. Timers that are due at the same moment run in random order.
 */
export class VirtualClock implements Clock {
  /** Told of what a timer threw: an error there would have ended a real process. */
  onError: (error: unknown) => void = (error) => {
    throw error;
  };
  readonly #random: Random;
  readonly #timers: Timer[] = [];
  #immediate: (() => void)[] = [];
  #now = 0;
  #turns = 0;
  #running = false;

  /** A clock at 0 ms. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** Milliseconds since the start. */
  now(): number {
    return this.#now;
  }

  /** Turns that have run. */
  get turns(): number {
    return this.#turns;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.reduce((sum, { run }) => sum + (run === undefined ? 0 : 1), 0);
  }

  /** As of a `Clock`. */
  setTimeout(run: () => void, ms: number): unknown {
    const timer = { at: onGrid(this.#now + Math.max(0, ms)), tie: this.#random.uint32(), run };
    this.#push(timer);
    return timer;
  }

  /** As of a `Clock`. */
  clearTimeout(handle: unknown): void {
    if (handle !== undefined && handle !== null) (handle as Timer).run = undefined;
  }

  /** As of a `Clock`. */
  immediate(run: () => void): void {
    this.#immediate.push(run);
  }

  /** As of a `Clock`. */
  random(): number {
    return this.#random.next();
  }

  /** Lets `ms` milliseconds pass. */
  run(ms: number): Promise<void> {
    return this.runUntil(() => false, ms);
  }

  /**
   * Lets time pass until `done` says so, asked between turns, or until `ms` milliseconds have passed.
   *
   * @returns Once it is over and all promises have settled.
   * @throws {Error} If it runs already: two runs would run time twice; or if time does not pass, however many turns run.
   */
  runUntil(done: () => boolean, ms: number = Infinity): Promise<void> {
    if (this.#running) throw new Error("Cannot run the clock: it runs already");
    this.#running = true;
    const end = this.#now + ms;
    let [stuckAt, stuckSince] = [this.#now, this.#turns];
    return new Promise((resolve, reject) => {
      let [asked, isOver] = [0, false];
      const finish = (settle: () => void): void => {
        isOver = true;
        // In a round of its own: Bun tells of rejections that nobody handled after the round in which they came.
        afterPromises(() => {
          this.#running = false;
          settle();
        });
      };
      const ask = (): void => {
        for (; asked < TOGETHER; asked++) afterPromises(turn);
      };
      const turn = (): void => {
        asked--;
        if (isOver) return;
        if (this.#now > stuckAt) [stuckAt, stuckSince] = [this.#now, this.#turns];
        if (this.#turns - stuckSince > MOST_TURNS) {
          return finish(() =>
            reject(new Error(`Cannot go on: ${MOST_TURNS} turns have run at ${this.#now} ms`))
          );
        }
        if (done() || !this.#turn(end)) {
          if (end !== Infinity && !done()) this.#now = Math.max(this.#now, end);
          return finish(resolve);
        }
        if (asked === 0) ask();
      };
      ask();
    });
  }

  /** The end of this turn, or the next timer. Says whether there was one. */
  #turn(end: number): boolean {
    this.#turns++;
    if (this.#immediate.length > 0) {
      const due = this.#immediate;
      this.#immediate = [];
      for (const run of due) this.#guard(run);
      return true;
    }
    while (this.#timers.length > 0 && this.#timers[0]!.at <= end) {
      const timer = this.#pop();
      const { run } = timer;
      if (run === undefined) continue;
      timer.run = undefined;
      this.#now = Math.max(this.#now, timer.at);
      this.#guard(run);
      return true;
    }
    return false;
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.onError(error);
    }
  }

  // A binary heap.

  #push(timer: Timer): void {
    const heap = this.#timers;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(timer, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = timer;
  }

  #pop(): Timer {
    const heap = this.#timers;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    while (true) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.tie < b.tie);
}
