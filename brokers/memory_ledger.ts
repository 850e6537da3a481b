/**
 * The replies of calls that run once, in memory.
 *
 * @module
 */
import type { Claim, Ledger } from "../rpc/broker.ts";
import { Link, Recency } from "./recency.ts";

/** What the ledger may hold. Of both, each owner has at most as much as it leaves free: nobody can take what others need. */
export interface LedgerBounds {
  /** Claims, at most, those whose reply is gone too: above it new ones are refused. One with long names counts as several. */
  readonly claims: number;
  /** Bytes of replies, at most: above it the oldest of whoever is above its part go, and their claims stay. */
  readonly bytes: number;
}

/** Besides its key and its reply: what the objects weigh. */
const CLAIM_BYTES = 256;
/** What one claim may weigh; a larger one counts as several. */
const USUAL_BYTES = 512;

/** Claims that are remembered, at most, though their time was over while their calls ran: their replies may come. */
const MOST_LATE = 10_000;

/** Who shares the bounds with the others. */
class Owner {
  readonly name: string;
  /** Its claims, as they count. */
  claims = 0;
  /** Bytes of its replies. */
  bytes = 0;
  /** Its replies, by age. */
  readonly replies = new Recency<Reply>();

  constructor(name: string) {
    this.name = name;
  }
}

class Reply extends Link<Reply> {
  readonly of: Held;
  readonly bytes: Uint8Array;

  constructor(of: Held, bytes: Uint8Array) {
    super();
    this.of = of;
    this.bytes = bytes;
  }
}

class Held extends Link<Held> {
  readonly key: string;
  readonly hash: string;
  readonly owner: Owner;
  readonly ms: number;
  expires = 0;
  isSettled = false;
  /** `undefined` while it runs, and when it is gone. */
  reply: Reply | undefined = undefined;
  /** Made when somebody waits. */
  done: PromiseWithResolvers<Uint8Array | undefined> | undefined = undefined;

  constructor(key: string, hash: string, { owner, ms }: { owner: Owner; ms: number }) {
    super();
    this.key = key;
    this.hash = hash;
    this.owner = owner;
    this.ms = ms;
  }
}

/** The ledger of the broker in memory. */
export class MemoryLedger implements Ledger {
  readonly #bounds: LedgerBounds;
  readonly #now: () => number;
  readonly #used: () => void;
  readonly #claims = new Map<string, Held>();
  readonly #owners = new Map<string, Owner>();
  readonly #running = new Recency<Held>();
  readonly #settled = new Recency<Held>();
  /** What ran when its time was over, and whose key nobody has had since. */
  readonly #late = new Map<string, Held>();
  /** Claims, as they count. */
  #counted = 0;
  /** Bytes of claims without their replies. */
  #claimBytes = 0;
  #replyBytes = 0;

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
    return this.#claimBytes + this.#replyBytes;
  }

  /** See {@linkcode Ledger.claim}. */
  claim(key: string, hash: string, ms: number, owner = ""): Claim {
    const now = this.#now();
    const held = this.#claims.get(key);
    if (held !== undefined && held.expires > now) return answer(held, hash);
    if (held !== undefined) this.#drop(held);
    this.#late.delete(key);
    const counts = countOf(key, hash);
    if (!this.#hasRoom(owner, counts)) {
      this.sweep();
      if (!this.#hasRoom(owner, counts)) return { state: "full" };
    }
    this.#add(new Held(key, hash, { owner: this.#owner(owner), ms }), now);
    this.#used();
    return { state: "new" };
  }

  /** See {@linkcode Ledger.renew}. */
  renew(key: string, ms: number): void {
    const held = this.#claims.get(key) ?? this.#anew(key);
    if (held === undefined || held.isSettled) return;
    held.expires = this.#now() + ms;
    this.#running.touch(held);
  }

  /** See {@linkcode Ledger.settle}. */
  settle(key: string, reply: Uint8Array): void {
    const held = this.#claims.get(key) ?? this.#anew(key);
    if (held === undefined || held.isSettled) return;
    held.isSettled = true;
    held.expires = this.#now() + held.ms;
    this.#running.remove(held);
    this.#settled.touch(held);
    held.done?.resolve(reply);
    held.done = undefined;
    this.#keep(held, reply);
  }

  /** See {@linkcode Ledger.forget}. */
  forget(key: string): void {
    const held = this.#claims.get(key);
    this.#late.delete(key);
    if (held !== undefined && !held.isSettled) this.#drop(held);
  }

  /** Drops what has had its time. Behind a claim with a longer time one may stay longer, within the bounds. */
  sweep(): void {
    const now = this.#now();
    for (const list of [this.#running, this.#settled]) {
      for (let { oldest } = list; oldest && oldest.expires <= now; { oldest } = list) {
        this.#drop(oldest);
        if (list === this.#running) this.#isLate(oldest);
      }
    }
  }

  /** Forgets everything; who waits is told so. */
  clear(): void {
    for (const held of [...this.#claims.values()]) this.#drop(held);
    this.#late.clear();
  }

  #isLate(held: Held): void {
    for (const [oldest] of this.#late) {
      if (this.#late.size < MOST_LATE) break;
      this.#late.delete(oldest);
    }
    this.#late.set(held.key, held);
  }

  /** Its call runs, or has run, and nobody else has its key: it is claimed again, whether or not there is room. */
  #anew(key: string): Held | undefined {
    const late = this.#late.get(key);
    if (late === undefined) return undefined;
    this.#late.delete(key);
    const held = new Held(key, late.hash, { owner: this.#owner(late.owner.name), ms: late.ms });
    this.#add(held, this.#now());
    this.#used();
    return held;
  }

  #hasRoom(owner: string, counts: number): boolean {
    const own = this.#owners.get(owner)?.claims ?? 0;
    return own + counts <= this.#bounds.claims - this.#counted;
  }

  #owner(name: string): Owner {
    let owner = this.#owners.get(name);
    if (owner === undefined) this.#owners.set(name, owner = new Owner(name));
    return owner;
  }

  #add(held: Held, now: number): void {
    held.expires = now + held.ms;
    this.#claims.set(held.key, held);
    this.#running.touch(held);
    this.#count(held, 1);
  }

  #count({ key, hash, owner }: Held, sign: 1 | -1): void {
    const counts = sign * countOf(key, hash);
    owner.claims += counts;
    this.#counted += counts;
    this.#claimBytes += sign * bytesOf(key, hash);
  }

  /** Keeps a reply, and lets older ones of its owner go for it; one that has no room even so is gone at once. */
  #keep(held: Held, bytes: Uint8Array): void {
    const { owner } = held;
    const size = bytes.byteLength;
    const others = this.#replyBytes - owner.bytes;
    if (2 * size > this.#bounds.bytes - others) return;
    while (owner.bytes + size > this.#bounds.bytes - this.#replyBytes - size) {
      this.#loseReply(owner.replies.oldest!.of);
    }
    held.reply = new Reply(held, bytes);
    owner.replies.touch(held.reply);
    owner.bytes += size;
    this.#replyBytes += size;
  }

  #loseReply(held: Held): void {
    const { owner, reply } = held;
    if (reply === undefined) return;
    held.reply = undefined;
    owner.replies.remove(reply);
    owner.bytes -= reply.bytes.byteLength;
    this.#replyBytes -= reply.bytes.byteLength;
  }

  #drop(held: Held): void {
    this.#claims.delete(held.key);
    this.#running.remove(held);
    this.#settled.remove(held);
    this.#loseReply(held);
    this.#count(held, -1);
    if (held.owner.claims === 0) this.#owners.delete(held.owner.name);
    held.done?.resolve(undefined);
  }
}

function bytesOf(key: string, hash: string): number {
  return CLAIM_BYTES + 2 * (key.length + hash.length);
}

function countOf(key: string, hash: string): number {
  return Math.ceil(bytesOf(key, hash) / USUAL_BYTES);
}

function answer(held: Held, hash: string): Claim {
  if (held.hash !== hash) return { state: "other" };
  if (held.reply !== undefined) return { state: "done", reply: held.reply.bytes };
  if (held.isSettled) return { state: "gone" };
  held.done ??= Promise.withResolvers();
  return { state: "running", done: held.done.promise };
}
