/**
 * Who has left by its own word, for as long as a connection before may still bring what it had told.
 *
 * @module
 */

/** Of so many is known that they left; above it the one that left longest ago is forgotten. */
const MOST = 10_000;

/** Those who left lately, by channel and name. */
export class LatelyLeft {
  readonly #now: () => number;
  readonly #ms: number;
  /** The one that left longest ago first. */
  readonly #left = new Map<string, { readonly n: number; readonly until: number }>();

  /** Nobody has left. */
  constructor(now: () => number, ms: number) {
    this.#now = now;
    this.#ms = ms;
  }

  /** How many are known. */
  get size(): number {
    return this.#left.size;
  }

  /** It has left, and said so with this number. */
  add(key: string, n: number): void {
    const latest = Math.max(n, this.#left.get(key)?.n ?? 0);
    this.#left.delete(key);
    this.#left.set(key, { n: latest, until: this.#now() + this.#ms });
    for (const [oldest, { until }] of this.#left) {
      if (until > this.#now() && this.#left.size <= MOST) return;
      this.#left.delete(oldest);
    }
  }

  /** The number with which it has left; 0 where that is not known. */
  of(key: string): number {
    const left = this.#left.get(key);
    return left !== undefined && left.until > this.#now() ? left.n : 0;
  }
}
