/**
 * Whether so much waits to be sent that more answers would only make the queue longer, and what waits for that to end.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Outbox } from "./outbox.ts";

/** How often it looks again, in ms. */
const POLL = 5;

/** The pressure on one connection. */
export class Pressure {
  readonly #clock: Clock;
  readonly #outbox: Outbox;
  readonly #limit: number;
  readonly #eased: () => void;
  /** Answers that wait, not encoded. */
  readonly #ready: (() => void)[] = [];
  #timer: unknown;

  /** High while more than `limit` bytes wait. Calls `eased` when it was watched and is low again. */
  constructor(clock: Clock, outbox: Outbox, { limit, eased }: { limit: number; eased: () => void }) {
    this.#clock = clock;
    this.#outbox = outbox;
    this.#limit = limit;
    this.#eased = eased;
  }

  /** Whether it is high. */
  get isHigh(): boolean {
    return this.#outbox.isOver(this.#limit);
  }

  /** Whether somebody waits for it to ease. */
  get watching(): boolean {
    return this.#timer !== undefined;
  }

  /** Keeps an answer until the pressure has eased. */
  answerLater(answer: () => void): void {
    this.#ready.push(answer);
    this.watch();
  }

  /** Looks again until it has eased. */
  watch(): void {
    if (this.#timer === undefined && this.isHigh) this.#lookLater();
  }

  /** The connection is gone: what was kept goes on, to nowhere. */
  end(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#answerReady();
  }

  #lookLater(): void {
    this.#timer = this.#clock.setTimeout(() => {
      if (this.#outbox.waiting >= this.#limit) return this.#lookLater();
      this.#timer = undefined;
      this.#answerReady();
      this.#eased();
    }, POLL);
  }

  #answerReady(): void {
    for (const answer of this.#ready.splice(0)) answer();
  }
}
