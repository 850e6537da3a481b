/**
 * What is kept for those who are behind and do not want everything: the newest of each key, bounded, in their order.
 *
 * @module
 */
import type { Entry } from "./broker.ts";
import type { Policy } from "./policy.ts";

/** Bytes, at most; one publication is always kept. */
const MOST_BYTES = 1024 * 1024;

/** A publication that is kept. */
export interface Kept {
  /** The publication. */
  readonly entry: Entry;
  /** The offset of the one before it that was wanted, whether that is kept or not. */
  readonly before: number;
}

/** A publication that is given, and whether some that were wanted are left out before it. */
export interface Given {
  /** The publication. */
  readonly entry: Entry;
  /** Whether some are left out. */
  readonly isGap: boolean;
}

/** The newest of each key. */
export class Newest {
  readonly #policy: Policy;
  readonly #kept = new Map<string | number, Kept>();
  #bytes = 0;
  #last = 0;
  /** It knows of everything that was wanted after this offset. */
  since = 0;

  /** Keeps nothing. */
  constructor(policy: Policy) {
    this.#policy = policy;
  }

  /** How many are kept. */
  get size(): number {
    return this.#kept.size;
  }

  /** Keeps what comes after an offset. */
  start(offset: number): void {
    this.#kept.clear();
    this.#bytes = 0;
    this.since = this.#last = offset;
  }

  /** The next that is wanted. `before` is the offset of the one before it; that which was added last where nobody says. */
  add(entry: Entry, before: number = this.#last): void {
    const kept = this.#kept;
    const key = this.#policy.keyOf(entry.data) ?? entry.offset;
    this.#forget(key);
    kept.set(key, { entry, before });
    this.#bytes += entry.data.length;
    this.#last = entry.offset;
    while (kept.size > this.#policy.most || (this.#bytes > MOST_BYTES && kept.size > 1)) {
      this.#forget(kept.keys().next().value!);
    }
  }

  /** What is kept, in order. */
  all(): Iterable<Kept> {
    return this.#kept.values();
  }

  /** What is kept after an offset, in order. */
  after(offset: number): Given[] {
    const given: Given[] = [];
    let last = offset;
    for (const { entry, before } of this.#kept.values()) {
      if (entry.offset <= offset) continue;
      given.push({ entry, isGap: before > last });
      last = entry.offset;
    }
    return given;
  }

  #forget(key: string | number): void {
    const known = this.#kept.get(key);
    if (known === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= known.entry.data.length;
  }
}
