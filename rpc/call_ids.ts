import { ProtocolError } from "./protocol_error.ts";

/** How far ids may run ahead of the lowest that is missing: large calls arrive late. */
const MOST_AHEAD = 4096;

/** Which ids of calls have come: 1, 2, 3…, each once. A large call may come after smaller ones that were made later. */
export class CallIds {
  readonly #ahead = new Set<number>();
  #arrived = 0;

  /** All ids up to this one have come. */
  get arrived(): number {
    return this.#arrived;
  }

  /** Whether this one has come. */
  has(id: number): boolean {
    return id <= this.#arrived || this.#ahead.has(id);
  }

  /**
   * An id has come.
   *
   * @throws {ProtocolError} If it came before, or is too far ahead of the others.
   */
  add(id: number): void {
    if (this.has(id)) throw new ProtocolError(`Call ${id} is used again`);
    if (id > this.#arrived + MOST_AHEAD) throw new ProtocolError(`Call ${id} is too far ahead`);
    if (id !== this.#arrived + 1) return void this.#ahead.add(id);
    do this.#arrived++; while (this.#ahead.delete(this.#arrived + 1));
  }
}
