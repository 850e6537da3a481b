/**
 * Places that the program waits for in a life of the stream that its channel is not in. It may be the next one, of which the server tells by itself; or
 * one that was over before anybody subscribed, of which nobody tells: after a while the server is asked.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import type { Clock } from "../rpc/clock.ts";
import type { Target } from "./places.ts";

/** Milliseconds for which a channel is live before it asks: a stream that was begun anew is told of in a fraction of that. */
const WAIT = 2_000;

/** What it needs of its channel. */
export interface ElsewhereOwner {
  /** The life that it is live in; `undefined` where it is not live. */
  epoch(): string | undefined;
  /** There are places to be put to the server. */
  ask(): void;
}

/** The places of one channel, one of each life. */
export class Elsewhere {
  readonly #clock: Clock;
  readonly #owner: ElsewhereOwner;
  /** Those that may come by themselves. */
  readonly #waiting = new Map<string, Position>();
  /** Those that are to be put to the server. */
  readonly #due = new Map<string, Position>();
  /** Lives that the server was asked for since the channel was live. */
  readonly #answered = new Set<string>();
  #timer: unknown;

  /** Nobody waits. */
  constructor(clock: Clock, owner: ElsewhereOwner) {
    this.#clock = clock;
    this.#owner = owner;
  }

  /** Somebody waits for a place. */
  add(position: Position): void {
    if (!this.#due.has(position.epoch)) this.#waiting.set(position.epoch, position);
    this.#arm();
  }

  /** The place that is put to the server next: nobody is there. */
  next(): Target | undefined {
    const [position] = this.#due.values();
    return position && { locals: [], position, rewind: undefined };
  }

  /** The server has answered a SUBSCRIBE. */
  answered({ position }: Target): void {
    if (position !== undefined && this.#due.delete(position.epoch)) this.#answered.add(position.epoch);
  }

  /**
   * The channel is live.
   *
   * @returns Lives that are over: the server was asked for them, and it is another one.
   */
  live(epoch: string): string[] {
    const over = [...this.#answered].filter((asked) => asked !== epoch);
    this.#answered.clear();
    this.#arm();
    return over;
  }

  /** The channel is not live any more. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    if (this.#waiting.size === 0 || this.#owner.epoch() === undefined) return;
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined;
      const epoch = this.#owner.epoch();
      for (const [other, place] of this.#waiting) if (other !== epoch) this.#due.set(other, place);
      this.#waiting.clear(); // who waits in this life is told
      if (this.#due.size > 0) this.#owner.ask();
    }, WAIT);
  }
}
