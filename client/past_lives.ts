/**
 * Which lives of a stream are over for a subscription: nobody has to wait for a place in one of them.
 *
 * @module
 */

/** So many are remembered, the latest ones. */
const MOST = 16;

/** Lives of one stream, by their epochs. */
export class PastLives {
  readonly #epochs = new Set<string>();

  /** Whether it is remembered as over. */
  has(epoch: string): boolean {
    return this.#epochs.has(epoch);
  }

  /** The stream has another epoch now. */
  add(epoch: string): void {
    this.#epochs.add(epoch);
    if (this.#epochs.size <= MOST) return;
    const [oldest] = this.#epochs;
    this.#epochs.delete(oldest!);
  }
}
