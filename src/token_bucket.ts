/**
 * Rate limits by key, such as the client's address, in bounded memory.
 */

/** What a {@linkcode TokenBuckets} allows. */
export interface TokenBucketOptions {
  /** Tokens that come back in a second. */
  readonly rate: number;
  /** Tokens of a full bucket: how much may happen at once. At least 1. */
  readonly burst: number;
  /**
   * Buckets kept, about 200 bytes each. Beyond it the one that was used least recently is forgotten, which makes
   * it full again: under a flood from more addresses than this the limit gets softer, memory does not grow.
   *
   * @default 65_536
   */
  readonly capacity?: number;
  /** Milliseconds that only grow. Default: `performance.now`. */
  readonly now?: () => number;
}

interface Bucket {
  tokens: number;
  /** When `tokens` was right. */
  at: number;
}

/**
 * A token bucket for each key. Full buckets are no state and are removed, a few with each call; there is no timer.
 *
 * @example
 * ```ts
 * import { TokenBuckets } from "@millrace/millrace/socket";
 *
 * const connections = new TokenBuckets({ rate: 5, burst: 20 });
 * if (!connections.take("192.0.2.1")) throw new Error("too many connections");
 * ```
 */
export class TokenBuckets {
  readonly #rate: number;
  readonly #burst: number;
  readonly #capacity: number;
  readonly #now: () => number;
  /** In the order of last use: the first has rested longest. */
  readonly #buckets = new Map<string, Bucket>();

  /**
   * Starts with every bucket full.
   *
   * @throws {RangeError} When `rate` is not positive, or `burst` or `capacity` is below 1.
   */
  constructor({ rate, burst, capacity = 65_536, now = () => performance.now() }: TokenBucketOptions) {
    if (!(rate > 0)) throw new RangeError(`Cannot refill at rate ${rate}: not a positive number`);
    if (!(burst >= 1)) throw new RangeError(`Cannot allow a burst of ${burst}: less than 1`);
    if (!(capacity >= 1)) throw new RangeError(`Cannot keep ${capacity} buckets: less than 1`);
    this.#rate = rate / 1_000;
    this.#burst = burst;
    this.#capacity = capacity;
    this.#now = now;
  }

  /** Buckets that are kept: those not full. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes `cost` tokens (default 1) from the bucket of `key`; false, and takes nothing, when there are fewer. */
  take(key: string, cost = 1): boolean {
    const now = this.#now();
    const tokens = this.#tokens(key, now);
    const granted = tokens >= cost;
    this.#keep(key, { tokens: granted ? tokens - cost : tokens, at: now });
    return granted;
  }

  /** Whether `take` would return true now. Changes nothing. */
  has(key: string, cost = 1): boolean {
    return this.#tokens(key, this.#now()) >= cost;
  }

  /** Seconds until `take` of `cost` can succeed, rounded up: what `retry-after` wants. `Infinity` above the burst. */
  retryAfter(key: string, cost = 1): number {
    if (cost > this.#burst) return Infinity;
    const missing = cost - this.#tokens(key, this.#now());
    return Math.max(0, Math.ceil(missing / this.#rate / 1_000));
  }

  #tokens(key: string, now: number): number {
    const bucket = this.#buckets.get(key);
    return bucket === undefined ? this.#burst : this.#refilled(bucket, now);
  }

  #refilled({ tokens, at }: Bucket, now: number): number {
    return Math.min(this.#burst, tokens + (now - at) * this.#rate);
  }

  #keep(key: string, bucket: Bucket): void {
    this.#buckets.delete(key);
    this.#removeRested(bucket.at);
    if (bucket.tokens < this.#burst) this.#buckets.set(key, bucket);
  }

  /** Two at most, more than one call adds: the map shrinks while it is used, at a constant cost a call. */
  #removeRested(now: number): void {
    let looked = 0;
    for (const [key, bucket] of this.#buckets) {
      const full = this.#refilled(bucket, now) >= this.#burst;
      if (!full && this.#buckets.size < this.#capacity) return;
      this.#buckets.delete(key);
      if (++looked === 2) return;
    }
  }
}
