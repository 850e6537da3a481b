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

/** The deadlines of one connection and direction. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #expiring = new Set<Expiring>();
  #timer: unknown;
  #armedFor = Infinity;

  /** Measures with `clock`. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Watches a deadline until {@linkcode Deadlines.remove}. */
  add(expiring: Expiring): void {
    if (expiring.deadline === Infinity) return;
    this.#expiring.add(expiring);
    if (expiring.deadline < this.#armedFor) this.#arm(expiring.deadline);
  }

  /** Forgets a deadline. */
  remove(expiring: Expiring): void {
    if (this.#expiring.delete(expiring) && this.#expiring.size === 0) this.end();
  }

  /** Forgets all. */
  end(): void {
    this.#expiring.clear();
    this.#clock.clearTimeout(this.#timer);
    this.#armedFor = Infinity;
  }

  #arm(at: number): void {
    this.#clock.clearTimeout(this.#timer);
    this.#armedFor = at;
    this.#timer = this.#clock.setTimeout(this.#fire, Math.max(0, at - this.#clock.now()));
  }

  readonly #fire = (): void => {
    this.#armedFor = Infinity;
    const now = this.#clock.now();
    for (const expiring of [...this.#expiring]) {
      if (expiring.deadline > now) continue;
      this.#expiring.delete(expiring);
      expiring.expire();
    }
    let next = Infinity;
    for (const { deadline } of this.#expiring) if (deadline < next) next = deadline;
    if (next < this.#armedFor) this.#arm(next);
  };
}
