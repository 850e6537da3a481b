import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../rpc/clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that stands still until a test moves it: timers run in order, and turns end when the test says so. */
export class ManualClock implements Clock {
  #now = 1_000;
  #order = 0;
  readonly #timers = new Set<Timer>();
  readonly #immediate: (() => void)[] = [];

  now(): number {
    return this.#now;
  }

  setTimeout(run: () => void, ms: number): unknown {
    const timer = { at: this.#now + ms, order: this.#order++, run };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as Timer);
  }

  immediate(run: () => void): void {
    this.#immediate.push(run);
  }

  random(): number {
    return 0.5;
  }

  /** Timers that wait: 0 when nothing outlives its owner. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Ends turns until nothing is left to do in them, promises included. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 2;) {
      await setImmediate(); // every promise that can go on has by then
      const turn = this.#immediate.splice(0);
      quiet = turn.length === 0 ? quiet + 1 : 0;
      for (const run of turn) run();
    }
  }

  /** Ends so many turns: for what never comes to rest by itself. */
  async settleFor(turns: number): Promise<void> {
    for (let i = 0; i < turns; i++) {
      await setImmediate();
      for (const run of this.#immediate.splice(0)) run();
    }
  }

  /** Time passes and nothing runs, as when the machine sleeps: timers that came due fire late. */
  sleep(ms: number): void {
    this.#now += ms;
  }

  /** Moves time on, running the timers that come due, each in a turn of its own. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    while (true) {
      const due = [...this.#timers].filter(({ at }) =>
        at <= until
      ).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
      await this.settle();
    }
    this.#now = until;
    await this.settle();
  }
}
