/**
 * What one subscription of a program is part of.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import type { Unit } from "../rpc/receiver.ts";
import type { Traffic } from "./channel_types.ts";

/** What a subscription needs of its channel. */
export interface SubscriptionOwner<Local> {
  /** Whether the channel is live on a connection. */
  readonly live: boolean;
  /** What has come of it. */
  readonly traffic: Traffic;
  /** The program is done with something. */
  advanced(): void;
  /** It is over. */
  left(local: Local): void;
  /**
   * Decodes a message.
   *
   * @throws {DecodeError} If it is none.
   */
  decode(data: Unit): unknown;
  /** Told of what a handler threw. */
  report(error: unknown): void;
  /** Somebody waits for a place in another life of the stream. Its end is told by `ended` of the subscription. */
  awaits(position: Position): void;
}
