/**
 * Who was used longest ago. A list of links and not the order of a `Map`: the first key of a map whose first keys were deleted is found by
 * walking over their holes, which makes each eviction cost as much as there are entries.
 *
 * @module
 */

/** What stands in a {@linkcode Recency}: in one at a time, and only that one takes it out. */
export abstract class Link<T> {
  /** Used just before. */
  older: T | undefined = undefined;
  /** Used just after. */
  newer: T | undefined = undefined;
  /** The list in which it stands. */
  list: unknown = undefined;
}

/** Items from the one used longest ago to the one used last. */
export class Recency<T extends Link<T>> {
  #oldest: T | undefined = undefined;
  #newest: T | undefined = undefined;
  #size = 0;

  /** Items in it. */
  get size(): number {
    return this.#size;
  }

  /** The one used longest ago. */
  get oldest(): T | undefined {
    return this.#oldest;
  }

  /** Puts the item in, or makes it the newest. */
  touch(item: T): void {
    if (item === this.#newest) return;
    this.remove(item);
    item.list = this;
    item.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
    this.#size++;
  }

  /** Takes the item out; one that is not in this list is no matter. */
  remove(item: T): void {
    if (item.list !== this) return;
    const { older, newer } = item;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    item.older = item.newer = undefined;
    item.list = undefined;
    this.#size--;
  }

  /** From the one used longest ago. The list must not change meanwhile. */
  *[Symbol.iterator](): Iterator<T> {
    for (let item = this.#oldest; item !== undefined; item = item.newer) yield item;
  }
}
