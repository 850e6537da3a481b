/**
 * What one subscription of a program is part of.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import type { Unit } from "../rpc/receiver.ts";
import type { LocalSubscription } from "./subscription.ts";

/** What a subscription needs of its channel. */
export interface SubscriptionOwner {
  /** Whether the channel is live on a connection. */
  readonly live: boolean;
  /** The program is done with something. */
  advanced(): void;
  /** It is over. */
  left(local: LocalSubscription): void;
  /**
   * Decodes a message.
   *
   * @throws {DecodeError} If it is none.
   */
  decode(data: Unit): unknown;
  /** Told of what a handler threw. */
  report(error: unknown): void;
  /** Somebody waits for a place in another life of the stream. Its end is told by {@linkcode LocalSubscription.ended}. */
  awaits(position: Position): void;
}
