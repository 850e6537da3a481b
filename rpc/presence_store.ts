/**
 * Where the members of channels live: the part of a broker that presence needs. It orders what happens to the members of one channel by a version, keeps who is
 * there, and pushes what changes to every node that listens.
 *
 * A member is kept for a node, which renews its lease of the channel. Members of a node whose lease is over are taken out by whoever uses the channel next, so
 * that a node that crashed leaves nobody behind.
 *
 * @module
 */
import type { MaybePromise } from "./maybe_promise.ts";

/** Where in the presence of a channel: `version` counts what has happened to its members in this life of it. */
export interface PresencePlace {
  /** Names one life: any loss begins another. */
  readonly epoch: string;
  /** The latest change. */
  readonly version: number;
}

/** What a member tells of itself. */
export interface MemberData {
  /** Who it is, as `authenticate` said. */
  readonly user: string | undefined;
  /** The encoded data. Read-only from here on. */
  readonly data: Uint8Array;
}

/** A member that is there. */
export interface KeptMember extends MemberData {
  /** Its name: different for each connection of a user, the same when that comes back. */
  readonly id: string;
}

/** What a node wants of one of its members. */
export interface MemberNews {
  /** Its name. */
  readonly id: string;
  /** Counts what its client has told: what is older than what is kept changes nothing. 0 is always new. */
  readonly n: number;
  /**
   * What it is now; `undefined`: it leaves, if it is still a member of this node, or of another one and `n` is above what is kept: then its client has said so by
   * this one. Where 0 is kept that is not known.
   */
  readonly member: MemberData | undefined;
}

/** What has happened to one member. */
export interface MemberChange {
  /** Its name. */
  readonly id: string;
  /** What it is now; `undefined`: it is gone. */
  readonly member: MemberData | undefined;
}

/** Changes that follow each other. */
export interface PresencePush {
  /** The life they belong to. */
  readonly epoch: string;
  /** The version of the first; each further one has the next. */
  readonly first: number;
  /** What has happened. */
  readonly changes: readonly MemberChange[];
}

/** A node that has members. */
export interface MemberNode {
  /** Its name: without spaces, never that of another. */
  readonly id: string;
  /** Milliseconds that its members are believed without a word of it. */
  readonly lease: number;
}

/** Some of the members, and where that was. */
export interface PresencePage extends PresencePlace {
  /** All members. */
  readonly count: number;
  /** In the order of their names. */
  readonly members: readonly KeptMember[];
  /** Whether others follow. */
  readonly more: boolean;
}

/** What a look at a channel gives. */
export interface PresenceLook extends PresencePlace {
  /** Whether the lease of the node had held, so that its members are kept. */
  readonly isKnown: boolean;
}

/** What became of news. */
export interface PresenceAnswer extends PresenceLook {
  /** The names of those that were not let in: the channel is full. */
  readonly refused: readonly string[];
}

/** A node that listens. None of its methods throws. */
export interface PresenceListener {
  /** Something has happened, in the order of the channel. Some may be missing, some may come twice: who listens compares versions. */
  changed(push: PresencePush): void;
  /** Pushes may have been missed: look. */
  uncertain(): void;
}

/** The members of channels. Every method but `unsubscribe` may reject with a `BrokerError`, `UNAVAILABLE`: whether it was done is not known. */
export interface PresenceStore {
  /**
   * Applies news of a node, in one atomic step, and renews its lease. What changes nothing has no version: who comes again by another node, with what it has told before, is
   * no news to anybody.
   *
   * @param most Members of the channel: above it nobody is let in.
   */
  change(
    channel: string,
    node: MemberNode,
    { news, most }: { readonly news: readonly MemberNews[]; readonly most: number },
  ): MaybePromise<PresenceAnswer>;
  /**
   * Takes out members whose node has not renewed its lease, renews that of `node`, if it holds, and says where the channel is. Where it is behind `known`, in the same life, it has
   * lost what was last, and begins another one.
   */
  look(
    channel: string,
    node: MemberNode | undefined,
    known: PresencePlace | undefined,
  ): MaybePromise<PresenceLook>;
  /** Members after a name, in the order of names. */
  read(
    channel: string,
    { after, limit }: { readonly after: string; readonly limit: number },
  ): MaybePromise<PresencePage>;
  /** Listens. When this is answered, every later change is pushed. Once is enough for each listener and channel. */
  subscribe(channel: string, listener: PresenceListener): MaybePromise<void>;
  /** Listens no more. */
  unsubscribe(channel: string, listener: PresenceListener): void;
}
