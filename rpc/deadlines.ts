/**
 * Deadlines of many calls with one timer: a timer for each call would cost more than the call.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Something that may run out of time. */
export interface Expiring {
  /** When, on the clock of the connection; `Infinity` for never. */
  readonly deadline: number;
  /** Called once, when it has. */
  expire(): void;
}

const NONE: Iterable<Expiring> = [];

/** The deadlines of one connection and direction. */
export class Deadlines {
  readonly #clock: Clock;
  /** Made for the first. */
  #expiring: Set<Expiring> | undefined;
  #timer: unknown;
  #armedFor = Infinity;

  /** Measures with `clock`. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Watches a deadline until {@linkcode Deadlines.remove}. */
  add(expiring: Expiring): void {
    if (expiring.deadline === Infinity) return;
    (this.#expiring ??= new Set()).add(expiring);
    if (expiring.deadline < this.#armedFor) this.#arm(expiring.deadline);
  }

  /** Forgets a deadline. */
  remove(expiring: Expiring): void {
    if (this.#expiring?.delete(expiring) === true && this.#expiring.size === 0) this.end();
  }

  /** Forgets all. */
  end(): void {
    this.#expiring?.clear();
    this.#clock.clearTimeout(this.#timer);
    this.#armedFor = Infinity;
  }

  #arm(at: number): void {
    this.#clock.clearTimeout(this.#timer);
    this.#armedFor = at;
    this.#timer = this.#clock.setTimeout(() => this.#fire(), Math.max(0, at - this.#clock.now()));
  }

  #fire(): void {
    this.#armedFor = Infinity;
    const now = this.#clock.now();
    const all = this.#expiring ?? NONE;
    for (const expiring of [...all]) {
      if (expiring.deadline > now) continue;
      this.#expiring?.delete(expiring);
      expiring.expire();
    }
    let next = Infinity;
    for (const { deadline } of all) if (deadline < next) next = deadline;
    if (next < this.#armedFor) this.#arm(next);
  }
}
