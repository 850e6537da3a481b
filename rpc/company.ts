/**
 * Whether a frame comes alone or with others: the answer of one that comes alone leaves at once, those of others share a frame.
 *
 * @module
 */

/** Milliseconds between frames that did not come together: less than the way to a peer on the same machine and back. */
const ALONE = 0.015;

/**
 * The frames of all connections, by when they came. A frame is alone when the last one was too and some time lies between them, since what
 * is read in one turn comes closer. That asks for no end of a turn, which on Deno costs more than a call (14 µs). Not of each
 * connection: between two of its frames lie those of the others, so that each would seem alone, be answered alone, and never have company again.
 */
export class Company {
  /** Frames that came together, the last one included. */
  #together = 0;
  #readAt = 0;

  /** Another frame came in a turn that was known to have company. */
  joined(): void {
    this.#together++;
  }

  /** A frame came at `now`; says whether it is alone. */
  came(now: number): boolean {
    if (now - this.#readAt <= ALONE) {
      this.#together++;
      return false;
    }
    const wasAlone = this.#together === 1;
    this.#together = 1;
    return wasAlone;
  }

  /** All that the frame led to was done at `now`: time that a handler takes is not time between frames. */
  done(now: number): void {
    this.#readAt = now;
  }
}
