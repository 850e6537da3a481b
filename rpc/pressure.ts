/**
 * Whether so much waits to be sent that more answers would only make the queue longer, and what waits for that to end.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Outbox } from "./outbox.ts";

/** How often it looks again, in ms. */
const POLL = 5;

/** Who is under pressure. */
export interface UnderPressure {
  /** It was watched, and is low again. */
  eased(): void;
}

/** The pressure on one connection. */
export class Pressure {
  readonly #clock: Clock;
  readonly #outbox: Outbox;
  readonly #limit: number;
  readonly #owner: UnderPressure;
  /** Answers that wait, not encoded. */
  #ready: (() => void)[] = [];
  #timer: unknown;
  #watching = false;

  /** High while more than `limit` bytes wait. Tells `owner` when it was watched and is low again. */
  constructor(clock: Clock, outbox: Outbox, { limit, owner }: { limit: number; owner: UnderPressure }) {
    this.#clock = clock;
    this.#outbox = outbox;
    this.#limit = limit;
    this.#owner = owner;
  }

  /** Whether it is high. */
  get isHigh(): boolean {
    return this.#outbox.isOver(this.#limit);
  }

  /** Whether answers wait. Without a connection nobody knows for how long, so they are encoded: what a session holds is bounded by its bytes. */
  get holdsAnswers(): boolean {
    return !this.#outbox.isDetached && this.isHigh;
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

  /** Looks again until it has eased. */
  watch(): void {
    if (this.#watching || !this.isHigh) return;
    this.#watching = true;
    this.#lookLater();
  }

  /** The connection is lost: see {@linkcode Pressure.holdsAnswers}. */
  detach(): void {
    this.#answerReady();
  }

  /** Another connection carries on: what waits may be able to go. */
  attach(): void {
    if (this.#watching) this.#lookLater();
  }

  /** The connection is gone: what was kept goes on, to nowhere. */
  end(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#watching = false;
    this.#answerReady();
  }

  #lookLater(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#outbox.isDetached) return; // nothing leaves until there is a connection
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      if (this.isHigh) return this.#lookLater();
      this.#watching = false;
      this.#answerReady();
      this.#owner.eased();
    }, POLL);
  }

  #answerReady(): void {
    for (const answer of this.#ready.splice(0)) answer();
  }
}
