/**
 * Who waits until something has become true.
 *
 * @module
 */

/** Each is looked at when something has changed, until it is settled. */
export class Watchers {
  readonly #all = new Set<() => void>();

  /** Adds one, unless it is settled. Gives whether it waits. */
  add(settle: () => boolean): boolean {
    if (settle()) return false;
    const watcher = () => {
      if (settle()) this.#all.delete(watcher);
    };
    this.#all.add(watcher);
    return true;
  }

  /** Something has changed. */
  tell(): void {
    for (const run of this.#all) run();
  }
}
