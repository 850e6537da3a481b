import { ProtocolError } from "./protocol_error.ts";

/** How many ids below the highest may be missing: those of calls that are large and still on their way. */
const MOST_MISSING = 4096;

const NONE: readonly number[] = [];

/** Which ids of calls have come: 1, 2, 3…, each once. A large call may come after smaller ones that were made later. */
export class CallIds {
  /** Made for the first that is missing. In order, since ids are only added above all others. */
  #missing: Set<number> | undefined;
  #highest = 0;

  /** All ids up to this one have come. */
  get arrived(): number {
    for (const id of this.#missing ?? NONE) return id - 1;
    return this.#highest;
  }

  /** Whether this one has come. */
  has(id: number): boolean {
    return id <= this.#highest && this.#missing?.has(id) !== true;
  }

  /**
   * An id has come.
   *
   * @throws {ProtocolError} If it came before, or too many below it have not come.
   */
  add(id: number): void {
    if (id <= this.#highest) {
      if (this.#missing?.delete(id) !== true) throw new ProtocolError(`Call ${id} is used again`);
      return;
    }
    if (id === this.#highest + 1) return void (this.#highest = id);
    const missing = this.#missing ??= new Set();
    if (missing.size + id - this.#highest - 1 > MOST_MISSING) {
      throw new ProtocolError(`Call ${id} is too far ahead`);
    }
    while (++this.#highest < id) missing.add(this.#highest);
  }
}
