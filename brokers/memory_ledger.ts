/**
 * The replies of calls that run once, in memory.
 *
 * @module
 */
import type { Claim, Ledger } from "../rpc/broker.ts";
import { Link, Recency } from "./recency.ts";

/** What the ledger may hold. */
export interface LedgerBounds {
  /** Claims, at most: above it replies are forgotten, oldest first. Calls that run are bounded where they run. */
  readonly claims: number;
  /** Bytes of replies and keys, at most; one reply is always kept. */
  readonly bytes: number;
}

/** Besides its key and its reply: what the objects weigh. */
const CLAIM_BYTES = 256;

class Held extends Link<Held> {
  readonly key: string;
  readonly hash: string;
  readonly ms: number;
  expires: number;
  reply: Uint8Array | undefined = undefined;
  /** Made when somebody waits. */
  done: PromiseWithResolvers<Uint8Array | undefined> | undefined = undefined;

  constructor(key: string, hash: string, ms: number, now: number) {
    super();
    this.key = key;
    this.hash = hash;
    this.ms = ms;
    this.expires = now + ms;
  }

  get bytes(): number {
    return CLAIM_BYTES + 2 * (this.key.length + this.hash.length) + (this.reply?.byteLength ?? 0);
  }
}

/** The ledger of the broker in memory. */
export class MemoryLedger implements Ledger {
  readonly #bounds: LedgerBounds;
  readonly #now: () => number;
  readonly #used: () => void;
  readonly #claims = new Map<string, Held>();
  readonly #running = new Recency<Held>();
  readonly #settled = new Recency<Held>();
  #bytes = 0;

  /**
   * @param now A clock that never goes back, in milliseconds.
   * @param used Told that there is something to sweep.
   */
  constructor(bounds: LedgerBounds, now: () => number, used: () => void) {
    this.#bounds = bounds;
    this.#now = now;
    this.#used = used;
  }

  /** Claims, running and settled. */
  get size(): number {
    return this.#claims.size;
  }

  /** Bytes of replies, keys and what belongs to them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** See {@linkcode Ledger.claim}. */
  claim(key: string, hash: string, ms: number): Claim {
    const now = this.#now();
    const held = this.#claims.get(key);
    if (held !== undefined && held.expires > now) return answer(held, hash);
    if (held !== undefined) this.#drop(held);
    const claim = new Held(key, hash, ms, now);
    this.#claims.set(key, claim);
    this.#running.touch(claim);
    this.#bytes += claim.bytes;
    this.#bound(undefined);
    this.#used();
    return { state: "new" };
  }

  /** See {@linkcode Ledger.settle}. */
  settle(key: string, reply: Uint8Array): void {
    const held = this.#claims.get(key);
    if (held === undefined || held.reply !== undefined) return;
    held.reply = reply;
    held.expires = this.#now() + held.ms;
    this.#bytes += reply.byteLength;
    this.#running.remove(held);
    this.#settled.touch(held);
    held.done?.resolve(reply);
    held.done = undefined;
    this.#bound(held);
  }

  /** See {@linkcode Ledger.forget}. */
  forget(key: string): void {
    const held = this.#claims.get(key);
    if (held !== undefined && held.reply === undefined) this.#drop(held);
  }

  /** Drops what has had its time. Behind a claim with a longer time one may stay longer, within the bounds. */
  sweep(): void {
    const now = this.#now();
    for (const list of [this.#running, this.#settled]) {
      for (let { oldest } = list; oldest && oldest.expires <= now; { oldest } = list) this.#drop(oldest);
    }
  }

  /** Forgets everything; who waits is told so. */
  clear(): void {
    for (const held of [...this.#claims.values()]) this.#drop(held);
  }

  #bound(kept: Held | undefined): void {
    const { claims, bytes } = this.#bounds;
    while (this.#claims.size > claims || this.#bytes > bytes) {
      const { oldest } = this.#settled;
      if (oldest === undefined || oldest === kept) return;
      this.#drop(oldest);
    }
  }

  #drop(held: Held): void {
    this.#claims.delete(held.key);
    this.#running.remove(held);
    this.#settled.remove(held);
    this.#bytes -= held.bytes;
    held.done?.resolve(undefined);
  }
}

function answer(held: Held, hash: string): Claim {
  if (held.hash !== hash) return { state: "other" };
  if (held.reply !== undefined) return { state: "done", reply: held.reply };
  held.done ??= Promise.withResolvers();
  return { state: "running", done: held.done.promise };
}
