/**
 * Whether so much waits to be sent that more answers would only make the queue longer, and what waits for that to end.
 *
 * @module
 */
import type { Outbox } from "./outbox.ts";

/** The pressure on one connection. */
export class Pressure {
  readonly #outbox: Outbox;
  readonly #limit: number;
  readonly #eased: () => void;
  /** Answers that wait, not encoded. */
  readonly #ready: (() => void)[] = [];
  #watching = false;

  /** High while more than `limit` bytes wait. Calls `eased` when it was watched and is low again. */
  constructor(outbox: Outbox, limit: number, eased: () => void) {
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
    return this.#watching;
  }

  /** Keeps an answer until the pressure has eased. */
  answerLater(answer: () => void): void {
    this.#ready.push(answer);
    this.watch();
  }

  /** Runs what was kept. */
  answerReady(): void {
    for (const answer of this.#ready.splice(0)) answer();
  }

  /** Looks again until it has eased. */
  watch(): void {
    if (this.#watching || !this.isHigh) return;
    this.#watching = true;
    this.#outbox.whenBelow(this.#limit, () => {
      this.#watching = false;
      this.answerReady();
      this.#eased();
    });
  }
}
