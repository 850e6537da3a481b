/**
 * What one subscription needs of its connection.
 *
 * @module
 */
import type { AskingParts } from "./asking.ts";
import type { Outbox } from "./outbox.ts";

/** A subscription, as its connection knows it. */
export interface LineMember {
  /** The client's number for it. */
  readonly sub: number;
  /** The number that stands for its stream on this connection; 0 before it was told. */
  readonly alias: number;
  /** Sends more, if it catches up and may. */
  goOn(): void;
}

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
  stale(subscriber: LineMember): void;
  /** The broker works for it, whether or not it is still wanted when that ends. */
  works<T>(work: Promise<T>): Promise<T>;
  /** The subscription has another alias than before. */
  renamed(subscriber: LineMember, before: number): void;
  /** Calls {@linkcode LineMember.goOn} when what waits has left. */
  awaitRoom(subscriber: LineMember): void;
  /** Calls {@linkcode LineMember.goOn} in the next turn. */
  goOnLater(subscriber: LineMember): void;
  /** A position has the fingerprint of no publication: it is of a past that was lost, or somebody guesses. May end the connection. */
  guessed(): void;
  /** Something of ours failed: the connection is to be closed. */
  fail(error: unknown): void;
}
