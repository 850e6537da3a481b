/**
 * When the other side is told what was processed here: rarely, since nobody waits for it but the memory that holds what may have to be
 * sent again.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** So many bytes that were not acknowledged are acknowledged in this turn. */
const MOST_BYTES = 64 * 1024;
/** After so many milliseconds the next frame that leaves takes the acknowledgement along. */
const LONGEST = 1_000;

/** What one side owes the other in acknowledgements. A server has ten thousand connections, and where no frame leaves by itself its heartbeat tells. */
export class Acknowledger {
  #seen = 0;
  #told = 0;
  #toldAt = -Infinity;
  #bytes = 0;
  #due = false;
  #late = false;

  /** Whether an acknowledgement has to leave. */
  get isDue(): boolean {
    return this.#due;
  }

  /** Whether a frame that leaves has to take an acknowledgement along; one with credit takes it along whenever there is any. */
  rides(received: number, withCredit: boolean): boolean {
    return (withCredit || this.#late) && received > this.#told;
  }

  /** It is due, whatever came. */
  soon(): void {
    this.#due = true;
  }

  /**
   * A frame came, after which `received` was processed.
   *
   * @returns Whether a frame has to leave for it in this turn.
   */
  came(bytes: number, received: number, now: number): boolean {
    if (received === this.#seen) return false;
    this.#seen = received;
    this.#bytes += bytes;
    if (this.#bytes >= MOST_BYTES) return this.#due = true;
    if (now - this.#toldAt >= LONGEST) this.#late = true;
    return false;
  }

  /** The other side is told. */
  told(received: number, now: number): void {
    this.#told = received;
    this.#toldAt = now;
    this.#bytes = 0;
    this.#due = this.#late = false;
  }

  /** Nobody is there to be told. */
  stop(): void {}

  /** Whether something was processed of which the other side was not told. */
  protected get isOwed(): boolean {
    return this.#seen > this.#told;
  }
}

/** The same on a client, which has one connection: it tells when it is time and no frame has left by itself. */
export class PromptAcknowledger extends Acknowledger {
  readonly #clock: Clock;
  readonly #unasked: () => void;
  #timer: unknown;

  /** Calls `unasked` when it is time. */
  constructor(clock: Clock, unasked: () => void) {
    super();
    this.#clock = clock;
    this.#unasked = unasked;
  }

  override came(bytes: number, received: number, now: number): boolean {
    if (super.came(bytes, received, now)) return true;
    if (this.isOwed) this.#timer ??= this.#clock.setTimeout(() => this.#late(), LONGEST);
    return false;
  }

  override stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #late(): void {
    this.#timer = undefined;
    if (!this.isOwed) return;
    this.soon();
    this.#unasked();
  }
}
