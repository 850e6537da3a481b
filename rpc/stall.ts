/**
 * Notices a peer that acknowledges nothing while bulk waits for it.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Window } from "./window.ts";

/** The watch over the acknowledgements of one connection, while there is something to wait for. */
export class Stall {
  readonly #clock: Clock;
  readonly #window: Window;
  readonly #patience: number;
  readonly #stalled: () => void;
  #timer: unknown;

  /** Calls `stalled` when nothing arrived in `patience` ms though the window was full. */
  constructor(
    clock: Clock,
    window: Window,
    { patience, stalled }: { patience: number; stalled: () => void },
  ) {
    this.#clock = clock;
    this.#window = window;
    this.#patience = patience;
    this.#stalled = stalled;
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
      if (this.#window.arrived === arrived) this.#stalled();
      else this.watch();
    }, this.#patience);
  }
}
