/**
 * Events as something to wait for: what came is kept until asked for, and asking waits.
 */

/** A queue whose reader waits. */
export class Mailbox<T> {
  readonly #items: T[] = [];
  readonly #readers: ((item: T) => void)[] = [];

  /** Items that came and that nobody has asked for. */
  get size(): number {
    return this.#items.length;
  }

  /** Adds an item. */
  push(item: T): void {
    const reader = this.#readers.shift();
    if (reader === undefined) this.#items.push(item);
    else reader(item);
  }

  /** The next item, now or when it comes. */
  next(): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift()!);
    return new Promise((resolve) => this.#readers.push(resolve));
  }
}
