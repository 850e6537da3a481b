/**
 * What one subscription is made of: what it needs of its connection, what its client asks for, and where it takes what is live from.
 *
 * @module
 */
import type { AskingParts } from "./asking.ts";
import type { Position } from "./broker.ts";
import type { Rewind } from "./channel_messages.ts";
import type { Filter } from "./filter.ts";
import type { Outbox } from "./outbox.ts";
import type { Subscriber } from "./subscriber.ts";
import type { Place, TopicMember } from "./topic_member.ts";

/** What a subscription needs of its connection. */
export interface Line {
  /** Who it is among the senders of signals. */
  readonly id: string;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** With more bytes in the socket publications wait. */
  readonly mostInSocket: number;
  /** How the broker is asked. */
  readonly asking: AskingParts;
  /** Milliseconds since 1970. */
  readonly date: () => number;
  /** What is published cannot be known now: it ends, for as long as that lasts. */
  stale(subscriber: Subscriber): void;
  /** The broker works for it, whether or not it is still wanted when that ends. */
  works<T>(work: Promise<T>): Promise<T>;
  /** The subscription has another alias than before. */
  renamed(subscriber: Subscriber, before: number): void;
  /** Calls {@linkcode Subscriber.goOn} when what waits has left. */
  awaitRoom(subscriber: Subscriber): void;
  /** Calls {@linkcode Subscriber.goOn} in the next turn. */
  goOnLater(subscriber: Subscriber): void;
  /** A position has the fingerprint of no publication: it is of a past that was lost, or somebody guesses. May end the connection. */
  guessed(): void;
  /** Something of ours failed: the connection is to be closed. */
  fail(error: unknown): void;
}

/** What a client asks for. */
export interface Wanted {
  /** The client's number for it: the generation. */
  readonly sub: number;
  /** Where the client was. */
  readonly position: Position | undefined;
  /** Where it wants to begin when it was nowhere. */
  readonly rewind: Rewind;
  /** Whether a position before all publications, which everybody can write, is taken for one where the client was. @default true */
  readonly mayLookBack?: boolean;
  /** Which publications it wants. */
  readonly filter?: Filter | undefined;
}

/** Where a subscription takes what is live from: the topic, or what it shares with those who want the same of it. */
export interface Feed {
  /** The latest that those who are live were told of. */
  readonly sent: Place;
  /** Bytes that they were sent after an offset. */
  bytesSince(offset: number): number;
  /** From now on somebody who has everything up to the last of the topic gets what follows with all others. */
  goLive(member: TopicMember): void;
  /** Somebody wants nothing more. */
  remove(member: TopicMember): void;
}
