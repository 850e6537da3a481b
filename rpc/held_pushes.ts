/**
 * What a broker pushes while it is asked what it has.
 *
 * @module
 */
import type { Entry } from "./broker.ts";

/** Publications that are held; what comes beyond is read again. */
const MOST = 1_024;
const MOST_BYTES = 1024 * 1024;

/** One push. */
export interface Push {
  readonly epoch: string;
  readonly entry: Entry;
}

/** The pushes of one channel, in the order in which they came. */
export class HeldPushes {
  #held: Push[] = [];
  #bytes = 0;

  /** Whether there is none. */
  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /** Holds one. `false`: it was too many, and all are gone. */
  keep(epoch: string, entry: Entry): boolean {
    this.#bytes += entry.data.length;
    if (this.#held.length < MOST && this.#bytes <= MOST_BYTES) {
      this.#held.push({ epoch, entry });
      return true;
    }
    this.take();
    return false;
  }

  /** Gives those up to an offset away, one after the other, until one is not accepted, which stays. */
  give(offset: number, accept: (push: Push) => boolean): void {
    let given = 0;
    for (const push of this.#held) {
      if (push.entry.offset > offset || !accept(push)) break;
      this.#bytes -= push.entry.data.length;
      given++;
    }
    this.#held.splice(0, given);
  }

  /** All of them, which are held no more. */
  take(): readonly Push[] {
    const held = this.#held;
    this.#held = [];
    this.#bytes = 0;
    return held;
  }
}
