/**
 * The subscriptions of a channel that would hold it up for the others, since the program does not read what they hold: they are put aside, and go on
 * from their place when they have been read.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import type { Clock } from "../rpc/clock.ts";
import type { LocalSubscription } from "./subscription.ts";

/** A new SUBSCRIBE is made when no more than this waits for the program, since the server may send 1,000 publications and 1 MiB on it. */
export const MOST_HELD: { readonly count: number; readonly bytes: number } = {
  count: 500,
  bytes: 512 * 1024,
};

/** Milliseconds that the others wait for one that holds more. */
const PATIENCE = 1_000;

/** What laggards need of their channel. */
export interface LaggardsOwner {
  /** Up to where publications have come, while it is live. */
  at(): Position | undefined;
  /** Some were put aside. */
  putAside(): void;
}

/** Those that were put aside, and when. The others are in the set that this one was made with. */
export class Laggards {
  readonly #clock: Clock;
  readonly #others: Set<LocalSubscription>;
  readonly #owner: LaggardsOwner;
  readonly #aside = new Set<LocalSubscription>();
  #timer: unknown;

  /** Nobody lags. */
  constructor(clock: Clock, others: Set<LocalSubscription>, owner: LaggardsOwner) {
    this.#clock = clock;
    this.#others = others;
    this.#owner = owner;
  }

  /** How many were put aside. */
  get size(): number {
    return this.#aside.size;
  }

  /** All that were put aside. */
  [Symbol.iterator](): Iterator<LocalSubscription> {
    return this.#aside.values();
  }

  /** Something came, or the program is done with something: whether somebody waits for one that holds too much. */
  look(): void {
    if (this.#timer !== undefined || this.#others.size < 2 || !this.#areWaitedFor()) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      if (!this.#areWaitedFor()) return;
      this.put();
      this.#owner.putAside();
    }, PATIENCE);
  }

  /** Nobody waits. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Puts those aside that hold too much, where another does not. */
  put(): void {
    if (!some(this.#others, waits)) return;
    const full = [...this.#others].filter(holdsTooMuch);
    for (const local of full) {
      this.#others.delete(local);
      this.#aside.add(local);
      local.verified = false;
      local.lag(true);
    }
  }

  /** Forgets one. */
  delete(local: LocalSubscription): boolean {
    return this.#aside.delete(local);
  }

  /** Gives those that have been read, or all, and forgets them. */
  take(all = false): LocalSubscription[] {
    const taken = [...this.#aside].filter(({ held }) => all || held === 0);
    for (const local of taken) {
      this.#aside.delete(local);
      local.lag(false);
    }
    return taken;
  }

  #areWaitedFor(): boolean {
    const at = this.#owner.at();
    if (at === undefined) return false;
    return some(this.#others, holdsTooMuch) &&
      some(this.#others, (local) => waits(local) && (local.doneIn(at.epoch) ?? -1) >= at.offset);
  }
}

/** Whether more could be given to it. */
function waits(local: LocalSubscription): boolean {
  return !local.takesNothing && !holdsTooMuch(local);
}

function holdsTooMuch({ held, heldBytes }: LocalSubscription): boolean {
  return held > MOST_HELD.count || heldBytes > MOST_HELD.bytes;
}

function some(locals: Iterable<LocalSubscription>, is: (local: LocalSubscription) => boolean): boolean {
  for (const local of locals) if (is(local)) return true;
  return false;
}
