/**
 * The timers of a server in one: ten thousand idle connections have a heartbeat each, and a timer of the runtime takes 700 bytes on Deno and
 * is armed by a call into it.
 *
 * @module
 */
import type { Alarm, AlarmClock, Clock } from "./clock.ts";

/** The same clock, but that all its timers share one of the runtime's. */
export function sharedTimers(clock: Clock): AlarmClock {
  const timers = new Timers(clock);
  return {
    ...clock, // what a clock may have beside
    now: () => clock.now(),
    setTimeout: (run, ms) => timers.set(run, ms),
    clearTimeout: (timer) => timers.clear(timer as Alarm | undefined),
    setAlarm: (alarm) => timers.add(alarm),
    immediate: (run) => clock.immediate(run),
    random: () => clock.random(),
  };
}

/** A binary heap, the next one first. */
class Timers {
  readonly #clock: Clock;
  readonly #heap: Alarm[] = [];
  #armed: unknown;
  #armedFor = Infinity;
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  set(ring: () => void, ms: number): Alarm {
    const timer = { at: this.#clock.now() + Math.max(0, ms), order: 0, place: -1, ring };
    return this.add(timer);
  }

  add(timer: Alarm): Alarm {
    timer.order = ++this.#last;
    this.#raise(timer, this.#heap.length);
    if (timer.at < this.#armedFor) this.#arm();
    return timer;
  }

  /** One that is due next leaves the runtime's timer armed: it is set again when it has fired for nothing. */
  clear(timer: Alarm | undefined): void {
    if (timer === undefined || timer.place < 0) return;
    this.#remove(timer);
    if (this.#heap.length === 0) this.#disarm();
  }

  #arm(): void {
    this.#disarm();
    const [next] = this.#heap;
    if (next === undefined) return;
    this.#armedFor = next.at;
    this.#armed = this.#clock.setTimeout(this.#fire, Math.max(0, next.at - this.#clock.now()));
  }

  #disarm(): void {
    this.#clock.clearTimeout(this.#armed);
    this.#armedFor = Infinity;
    this.#armed = undefined;
  }

  readonly #fire = (): void => {
    this.#armed = undefined;
    this.#armedFor = -Infinity; // what is set meanwhile is armed below
    const [now, last] = [this.#clock.now(), this.#last];
    try {
      for (let [next] = this.#heap; isDue(next, now, last); [next] = this.#heap) {
        this.#remove(next);
        next.ring();
      }
    } finally {
      this.#arm();
    }
  };

  #remove(timer: Alarm): void {
    const heap = this.#heap;
    const { place } = timer;
    const other = heap.pop()!;
    timer.place = -1;
    if (other === timer) return;
    if (place > 0 && isBefore(other, heap[(place - 1) >> 1]!)) this.#raise(other, place);
    else this.#sink(other, place);
  }

  /** Puts a timer at a place or above. */
  #raise(timer: Alarm, place: number): void {
    const heap = this.#heap;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!isBefore(timer, heap[above]!)) break;
      this.#put(heap[above]!, place);
      place = above;
    }
    this.#put(timer, place);
  }

  /** Puts a timer at a place or below. */
  #sink(timer: Alarm, place: number): void {
    const heap = this.#heap;
    for (let below = 2 * place + 1; below < heap.length; below = 2 * place + 1) {
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
      if (!isBefore(heap[below]!, timer)) break;
      this.#put(heap[below]!, place);
      place = below;
    }
    this.#put(timer, place);
  }

  #put(timer: Alarm, place: number): void {
    this.#heap[place] = timer;
    timer.place = place;
  }
}

function isBefore(one: Alarm, other: Alarm): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** Whether it runs now: those that were set by another one that has run now wait for the next time. */
function isDue(timer: Alarm | undefined, now: number, last: number): timer is Alarm {
  return timer !== undefined && timer.at <= now && timer.order <= last;
}
