/**
 * Where channels live: the one interface behind which memory, Redis and NATS stand. It numbers and orders publications, keeps their
 * history, and pushes them to every node that listens.
 *
 * Every method may answer at once or with a promise: the broker in memory answers at once, since a promise costs 0.9 µs on Bun.
 *
 * @module
 */
import type { Directory } from "./directory.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import type { PresenceStore } from "./presence_store.ts";

/** A place in a channel's history. */
export interface Position {
  /** Names one life of the stream: 96 random bits, 16 characters of base64url. Any loss of entries or of the counter begins another. */
  readonly epoch: string;
  /** How many publications there were: the next one has this plus 1. 0 in a fresh stream. */
  readonly offset: number;
  /**
   * The 32 random bits that the publisher's node gave the publication at `offset`; 0 at offset 0. Equal at equal offsets means the same
   * publication, hence the same past: a replica that was promoted without the latest entries grows past their offsets with others.
   */
  readonly fingerprint: number;
}

/** One publication as it is kept. */
export interface Entry {
  /** Its number in the stream, from 1. */
  readonly offset: number;
  /** Its fingerprint. */
  readonly fingerprint: number;
  /** The fingerprint of the entry before; 0 for the first. */
  readonly previous: number;
  /** When it was appended, in milliseconds since 1970, by the broker's clock. */
  readonly at: number;
  /** The encoded message. Read-only for everybody from the append on; the broker keeps this view, not a copy. */
  readonly data: Uint8Array;
  /**
   * Bytes directly in front of `data` in its buffer that belong to the node that distributes it: it writes the header of the frame there, so that
   * a publication is copied once. 0 where there are none.
   */
  readonly room: number;
  /** What it does to a message before it; left out for messages. `data` is the new message, or the piece. */
  readonly change?: Change | undefined;
  /** Who published it, as {@linkcode Append.by} said; left out where that said nothing. */
  readonly by?: string | undefined;
  /** Whether it, or the message that it changed, was deleted: `data` is empty. */
  readonly isGone?: true | undefined;
  /** The last change of the message; only in a page of messages as they are now ({@linkcode Query.isNow}). */
  readonly version?: Version | undefined;
  /** What there is of reactions to the message; only in such a page. */
  readonly reactions?: Reactions | undefined;
}

/** Reactions to a message. What they mean is for who appends them. */
export interface Reactions {
  /** The offset of the entry that said so. */
  readonly offset: number;
  /** Its `data`. */
  readonly summary: Uint8Array;
  /** What is kept beside, where the query wants it. */
  readonly state?: Uint8Array | undefined;
}

/**
 * What an entry does to a message: `edit` replaces it, `append` adds a piece to its end, `delete` takes it away with all that was made of it,
 * `react` says what there is of reactions to it now, which is no part of it.
 */
export interface Change {
  /** What it does. */
  readonly kind: ChangeKind;
  /** The offset of the message. */
  readonly target: number;
}

/** See {@linkcode Change}. */
export type ChangeKind = "edit" | "append" | "delete" | "react";

/** The last change of a message. */
export interface Version {
  /** Its offset. */
  readonly offset: number;
  /** When it was appended. */
  readonly at: number;
  /** By whom. */
  readonly by: string;
}

/** How long a channel remembers. */
export interface Retention {
  /** Entries that are kept, at most. 0 keeps none, and numbers them all the same. */
  readonly messages: number;
  /** Milliseconds that an entry is kept. */
  readonly ms: number;
  /**
   * Milliseconds that epoch, top and the records of producers outlive the last append and the last listener, at the least. Brokers raise it
   * to `ms`, and to 10 minutes.
   */
  readonly metaMs: number;
}

/** What is appended. */
export interface Append {
  /** The encoded message; belongs to the broker from now on, and so does its buffer but for `room`. */
  readonly data: Uint8Array;
  /** See {@linkcode Entry.room}. */
  readonly room: number;
  /** 32 random bits. */
  readonly fingerprint: number;
  /** Who publishes, so that a retry lands once; `undefined` for publications that are never retried. */
  readonly producer?: Producer | undefined;
  /** How long the channel remembers. */
  readonly retention: Retention;
  /** The pattern that the channel belongs to, such as `board/:id`, where it is to be found by wildcards: see {@linkcode Directory}. */
  readonly pattern?: string | undefined;
  /** Whose it is, of a channel whose messages may change: kept with it, and never empty. What was appended without is never changed. */
  readonly by?: string | undefined;
  /** Set where it changes a message. */
  readonly change?: Changing | undefined;
}

/** What an append changes. */
export interface Changing extends Change {
  /** The life of the stream that the offset is of; left out where any will do. */
  readonly epoch?: string | undefined;
  /** Bytes that the message may have then. */
  readonly most: number;
  /** Of `react`: what is kept of the reactions, if those that there are are of the entry at `expects` (0 for none). */
  readonly reactions?: { readonly expects: number; readonly state: Uint8Array } | undefined;
}

/** The identity of a publication before it has an offset. */
export interface Producer {
  /** Different for each subject and client. */
  readonly id: string;
  /** 1, 2, 3… for each producer and channel. The latest 64 results of each are kept, so that many may be unanswered. */
  readonly n: number;
  /**
   * The lowest number that the producer has had no answer for. Everything below it is over: it landed, or was refused and never
   * comes again. So a number that is not the successor of the last one is taken when it equals `low`, and otherwise something before it has
   * been lost on the way. (A stream that does not know the producer cannot tell by itself: were it to take any first number, a publication
   * that failed would be overtaken by the next, and its retry be taken for a duplicate.) Where it is left out a stream that does not know the
   * producer takes any number, and one that does takes the next alone.
   */
  readonly low?: number | undefined;
  /**
   * Set when this may have been appended before, so many milliseconds ago at the most. A stream that does not know the producer, and has forgotten one that has
   * published since, cannot tell: it answers `FORGOTTEN`.
   */
  readonly age?: number | undefined;
}

/** Where a publication landed. */
export interface Appended {
  /** Its position; that of the first append when this was a retry. */
  readonly position: Position;
  /** Whether it had been appended before. */
  readonly duplicate: boolean;
  /** What has been reached: `memory`, or what the broker was configured to wait for. No more is claimed. */
  readonly durability: string;
}

/** Which entries are read. One of `after`, `before` and `at`; without any, all from the oldest. */
export interface Query {
  /** Entries above this offset, upwards; from the oldest when those above it are gone (see {@linkcode Page.boundary}). */
  readonly after?: number;
  /** Entries below this offset, downwards. */
  readonly before?: number;
  /** Entries appended at this time or later, upwards; milliseconds since 1970. */
  readonly at?: number;
  /** Entries at most. 0 asks for the rest of the page alone. */
  readonly messages: number;
  /** Bytes of `data` at most; one entry is always admitted. */
  readonly bytes: number;
  /** Whether messages are wanted as they are now, each with all changes that the stream has of it. Otherwise entries come as they were appended. */
  readonly isNow?: boolean | undefined;
  /** Whether what is kept of reactions is wanted with `isNow`. */
  readonly withState?: boolean | undefined;
  /**
   * Who reads has seen nothing before this offset, and all from it up to the page: the first piece since then that was appended to a message before it comes as an
   * `edit`, with the whole that it made, as far as the message is kept; those after it, also in later pages, as they are. Above all offsets: nothing before the page.
   */
  readonly since?: number | undefined;
}

/** One atomic view of a stream. */
export interface Page {
  /** The life of the stream; a read of a channel that nobody has published to begins one. */
  readonly epoch: string;
  /** The last publication, whether or not its entry is still kept. */
  readonly top: { readonly offset: number; readonly fingerprint: number };
  /** The first offset that is still kept; `top.offset + 1` when there is none. */
  readonly oldest: number;
  /**
   * The fingerprint at the offset `after` or `before`: of its entry, of the entry that was trimmed last (its successor knows it), or of the top.
   * `undefined` when none of them is at that offset, and for queries without either.
   */
  readonly boundary: number | undefined;
  /** Contiguous, in the order of the query. */
  readonly entries: readonly Entry[];
  /** Whether the query would give more. */
  readonly more: boolean;
}

/** A node that listens to a channel. None of its methods throws. */
export interface BrokerListener {
  /**
   * A publication, in the order of the stream. Some may be missing, and some may come twice: who listens looks at offset and `previous`. It may
   * come before its `append` is answered. Whoever listens may call the broker meanwhile.
   */
  entry(epoch: string, entry: Entry): void;
  /** Something ephemeral. `data` is read-only; `from` is whoever does not want to hear it again. */
  signal(data: Uint8Array, from: string | undefined): void;
  /** Pushes may have been missed, or the stream may be another one: read again. Also told when nothing is heard any more: how long a read takes then says for how long. */
  uncertain(): void;
}

/** The answer to a call that is to run once: see {@linkcode Ledger.claim}. */
export type Claim =
  /** Nobody had this key: run it, then settle or forget. */
  | { readonly state: "new" }
  /** It runs; `done` gives the reply, or `undefined` when it was forgotten. */
  | { readonly state: "running"; readonly done: Promise<Uint8Array | undefined> }
  /** It has run. */
  | { readonly state: "done"; readonly reply: Uint8Array }
  /** It has run, and its reply was too large to be kept, or had to make room. It must not run again. */
  | { readonly state: "gone" }
  /** Nobody has this key, and there is no room to remember it: it is not claimed, and must not run. Of a key that somebody has this is never said. */
  | { readonly state: "full" }
  /** The key was used with another body. */
  | { readonly state: "other" };

/**
 * Keeps the replies of calls that run once. `renew`, `settle` and `forget` are about the claim that was `new` here last: one of somebody else, who has the key
 * since, stays as it is, however late they come. A claim that was lost meanwhile, or whose time is over, while its call ran, is written anew by `renew` and
 * `settle` where nobody has the key: the call runs, or has run, and must not run again.
 */
export interface Ledger {
  /**
   * Claims a key for `ms`: a claim that is neither settled, nor forgotten, nor renewed by then is free again. That a key was settled is known for `ms` from
   * then on. Memory that runs short costs replies (`gone`) and new claims (`full`), never the knowledge that a call has run.
   * Who is told of a failure (`UNAVAILABLE`) does not run the call, so a claim that may have been made all the same is given back as soon as that can be.
   *
   * @param owner Whose key it is: one who claims much, or has large replies, takes nothing that others need. All without one are one.
   */
  claim(key: string, hash: string, ms: number, owner?: string): MaybePromise<Claim>;
  /** The call of a claimed key still runs: the claim holds for `ms` from now. One that was not claimed here, or has a reply, is no matter. */
  renew(key: string, ms: number): MaybePromise<void>;
  /**
   * Keeps the reply of a claimed key; one that was not claimed here, or has a reply, is no matter. `reply` is not changed any more. Where it fails as
   * `UNAVAILABLE` it is told again, for as long as the claim may hold.
   *
   * @throws {BrokerError} `TAKEN` where the claim was lost and somebody else has the key: the call may run twice. `UNAVAILABLE`.
   */
  settle(key: string, reply: Uint8Array): MaybePromise<void>;
  /**
   * Gives a claimed key back: the call did not run, or its reply is not to be kept. One that has a reply keeps it. It is told once: where it fails the ledger
   * goes on by itself, or the key is free when the claim is over.
   */
  forget(key: string): MaybePromise<void>;
}

/**
 * Why a broker did not do what it was asked. `OUT_OF_ORDER`: a producer's number leaves a gap, nothing was appended. `FORGOTTEN`: a producer's number is older
 * than the results that are kept; whether it was appended is not known, and it was not appended now. `MISSING`: the message that was to be changed is not there, `GONE`: it was
 * deleted, `TOO_LARGE`: it would be, `WRONG_TYPE`: a piece is added to what is no text and no bytes, or to the other of them, `STALE`: there are other reactions than
 * were expected; in all five nothing was appended. `TAKEN`: the claim of a call was lost, and somebody else has its key. `UNAVAILABLE`: whether it was done is not known.
 */
export type BrokerErrorCode =
  | "OUT_OF_ORDER"
  | "FORGOTTEN"
  | "MISSING"
  | "GONE"
  | "TOO_LARGE"
  | "WRONG_TYPE"
  | "STALE"
  | "TAKEN"
  | "UNAVAILABLE";

/** What a broker answers when it cannot do what it is asked. */
export class BrokerError extends Error {
  /** Why. */
  readonly code: BrokerErrorCode;

  /** Makes one. */
  constructor(code: BrokerErrorCode, message: string) {
    super(message);
    this.name = "BrokerError";
    this.code = code;
  }
}

/** Where channels live. */
export interface Broker {
  /**
   * Appends in one atomic step: looks for the producer's record, numbers, stores, records, pushes. With a producer: at or below its last number
   * the answer is the position of the first append; above it, the number must be the next, or {@linkcode Producer.low}. A change is checked after that, so that one
   * that has landed is known whatever has become of its message since. What a deleted message was made of is stored no more.
   *
   * @throws {BrokerError} `OUT_OF_ORDER`, `FORGOTTEN`, `UNAVAILABLE`; of a change also `MISSING`, `GONE`, `TOO_LARGE`, `WRONG_TYPE`.
   */
  append(channel: string, append: Append): MaybePromise<Appended>;
  /** Listens. When this is answered, everything appended later is pushed. Once is enough for each listener and channel. */
  subscribe(channel: string, listener: BrokerListener): MaybePromise<void>;
  /** Listens no more: nothing is pushed from now on. */
  unsubscribe(channel: string, listener: BrokerListener): void;
  /** Reads a part of the history. */
  read(channel: string, query: Query): MaybePromise<Page>;
  /** Pushes something ephemeral to all who listen. It is stored nowhere and has no offset. */
  signal(channel: string, data: Uint8Array, from: string | undefined): MaybePromise<void>;
  /** The replies of calls that run once. */
  readonly ledger: Ledger;
  /** The members of channels; an app whose channels have presence needs it. */
  readonly presence?: PresenceStore;
  /** Which channels there are. A broker without one has no wildcards. */
  readonly directory?: Directory | undefined;
  /** Frees what it holds. */
  close(): MaybePromise<void>;
}
