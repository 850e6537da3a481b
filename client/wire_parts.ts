/**
 * What a channel on the wire needs of its connection and its client.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import type { SubscribeOptionsOnWire } from "../rpc/channel_messages.ts";
import type { Clock } from "../rpc/clock.ts";
import type { ChangeHead, Gap, Subscribed } from "../rpc/dispatch_channels.ts";
import type { CallError } from "../rpc/errors.ts";
import type { Unit } from "../rpc/receiver.ts";
import type { Target } from "./places.ts";

/** A channel on the wire, as its connection knows it: what comes for it. */
export interface Wire {
  /** The name of the channel. */
  readonly name: string;
  /** SUBSCRIBED, for the present `sub`. */
  subscribed(subscribed: Subscribed): void;
  /** UNSUBSCRIBED, for the present `sub`. */
  unsubscribed(error: CallError): void;
  /** PUBLICATION or CHANGE, for the present alias. */
  publication(offset: number, fingerprint: number, unit: Unit, change?: ChangeHead): void;
  /** DELTA, for the present alias. */
  delta(offset: number, fingerprint: number, unit: Unit): void;
  /** GAP, for the present alias. */
  gap(gap: Gap): void;
  /** SKIP, for the present alias. */
  skip(to: number, fingerprint: number): void;
}

/** The messages that a channel sends on the present connection. */
export interface WireConnection {
  /** SUBSCRIBE. Gives its number: what quotes another is not for this channel any more. */
  ask(
    wire: Wire,
    from: { position: Position | undefined; options: SubscribeOptionsOnWire | undefined },
  ): number;
  /** UNSUBSCRIBE. */
  giveUp(sub: number): void;
  /** Lets publications of an alias come here. */
  bind(alias: number, wire: Wire): void;
  /** Lets them come here no more. */
  unbind(alias: number, wire: Wire): void;
  /** SEEN. */
  acknowledge(alias: number, offset: number): void;
}

/** What a channel on the wire needs of its client. */
export interface WireParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Bytes of a message at most. */
  readonly mostBytes: number;
  /** Decodes a message. */
  readonly decode: (data: Unit) => unknown;
  /** Told of what handlers threw. */
  readonly report: (error: unknown) => void;
  /** Nobody is interested any more. */
  readonly idle: () => void;
}

/** Where a channel is on the wire. */
export type WireState =
  /** There is no connection, or nobody to subscribe for. */
  | { readonly is: "idle" }
  | { readonly is: "subscribing"; readonly sub: number; readonly target: Target }
  | { readonly is: "live"; readonly sub: number; readonly alias: number; readonly since: number }
  /** It was refused, or its server makes no sense: until a timer fires. */
  | { readonly is: "waiting" }
  /** The program holds so much that more would not be bounded: until it has taken some. */
  | { readonly is: "full" };

/** There is nothing to be done. */
export const IDLE: WireState = { is: "idle" };
