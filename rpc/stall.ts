/**
 * Notices a peer that acknowledges nothing while bulk waits for it.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Window } from "./window.ts";

/** Who waits for acknowledgements. */
export interface StallOwner {
  /** Milliseconds that bulk waits for any acknowledgement at all. */
  readonly patience: number;
  /** Bulk waits, and nothing was acknowledged for so long. */
  stalled(): void;
}

/** The watch over the acknowledgements of one connection, while there is something to wait for. */
export class Stall {
  readonly #clock: Clock;
  readonly #window: Window;
  readonly #owner: StallOwner;
  #timer: unknown;

  /** Tells `owner` when nothing arrived in its `patience` though the window was full. */
  constructor(clock: Clock, window: Window, owner: StallOwner) {
    this.#clock = clock;
    this.#window = window;
    this.#owner = owner;
  }

  /** Whether it watches. */
  get watching(): boolean {
    return this.#timer !== undefined;
  }

  /** Watches until the window opens, or {@linkcode Stall.forget}. */
  watch(): void {
    this.#timer ??= this.#await(this.#window.arrived);
  }

  /** Stops watching. */
  forget(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #await(arrived: number): unknown {
    return this.#clock.setTimeout(() => {
      this.#timer = undefined;
      if (this.#window.open) return;
      if (this.#window.arrived === arrived) this.#owner.stalled();
      else this.watch();
    }, this.#owner.patience);
  }
}
