/**
 * Asks a broker that may be away, until it answers.
 *
 * @module
 */
import { BrokerError } from "./broker.ts";
import type { Clock } from "./clock.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { isPromise } from "./iterating.ts";

/** What asks. */
export interface AskingParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Told of the first failure of an outage, and of what a broker must not do. Never throws. */
  readonly report: (error: unknown) => void;
}

/** Milliseconds that an answer may take: a promise that never settles must not hold a channel up for ever. */
const PATIENCE = 10_000;
/** Milliseconds before the second attempt, at most; doubled for each further one. */
const FIRST_WAIT = 100;
/** Milliseconds between attempts, at most. */
const LONGEST_WAIT = 5_000;

/** One question at a time: a new one replaces the one before, whose answer comes to nobody. */
export class Asking {
  readonly #parts: AskingParts;
  #generation = 0;
  #failures = 0;
  #timer: unknown;

  /** Asks nothing yet. */
  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  /** Asks until there is an answer, which may be at once. */
  ask<T>(question: () => MaybePromise<T>, took: (answer: T) => void): void {
    this.stop();
    const generation = this.#generation;
    let answer: MaybePromise<T>;
    try {
      answer = question();
    } catch (error) {
      return this.#failed(error, () => this.ask(question, took));
    }
    if (!isPromise(answer)) {
      this.#failures = 0;
      return took(answer);
    }
    const again = () => this.ask(question, took);
    this.#timer = this.#parts.clock.setTimeout(
      () => this.#failed(new BrokerError("UNAVAILABLE", "The broker does not answer"), again),
      PATIENCE,
    );
    answer.then(
      (value) => this.#answered(generation, () => took(value)),
      (error) => this.#answered(generation, () => this.#failed(error, again)),
    );
  }

  /** Nobody wants the answer any more. */
  stop(): void {
    this.#generation++;
    this.#parts.clock.clearTimeout(this.#timer);
  }

  #answered(generation: number, act: () => void): void {
    if (generation !== this.#generation) return;
    this.#parts.clock.clearTimeout(this.#timer);
    try {
      act();
    } catch (error) {
      this.#parts.report(error);
    }
  }

  #failed(error: unknown, again: () => void): void {
    const { clock, report } = this.#parts;
    this.stop();
    if (this.#failures === 0) report(error);
    const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(this.#failures++, 16));
    this.#timer = clock.setTimeout(again, clock.random() * most);
  }
}
