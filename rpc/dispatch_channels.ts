/**
 * Reads one message of channels after its kind and hands it to whom it concerns: one case for each row of the table in `docs/protocol.md`.
 * As in `dispatch.ts`, each leaves the reader behind the message before it acts, and returns that place.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import { asCallError } from "./caller.ts";
import type { Rewind } from "./channel_messages.ts";
import type { CallError } from "./errors.ts";
import { Kind } from "./kinds.ts";
import type { Limits } from "./limits.ts";
import { asMap, optionalUint, readFailure } from "./options.ts";
import { asPosition, checkPosition } from "./positions.ts";
import { ProtocolError } from "./protocol_error.ts";
import {
  atInteger,
  offset,
  payloadEnd,
  payloadStart,
  readBin,
  readName,
  readUint,
  readValue,
} from "./reader.ts";
import type { Unit } from "./receiver.ts";

/** SUBSCRIBE as read. */
export interface Subscribe {
  /** The client's number for it: the generation. */
  readonly sub: number;
  /** The name. */
  readonly channel: string;
  /** Where the client was. */
  readonly position: Position | undefined;
  /** Where it wants to begin when it was nowhere. */
  readonly rewind: Rewind;
}

/** SUBSCRIBED as read. */
export interface Subscribed {
  readonly sub: number;
  readonly alias: number;
  readonly status: number;
  readonly position: Position;
}

/** GAP as read. */
export interface Gap {
  readonly alias: number;
  readonly from: number;
  readonly to: number;
  readonly fingerprint: number;
  readonly reason: string;
}

/** The channels of one connection: of a server the first members, of a client the others. A message without a member comes the wrong way: 4400. */
export interface ChannelEvents {
  /** SUBSCRIBE. */
  subscribe?(subscribe: Subscribe): void;
  /** UNSUBSCRIBE. */
  unsubscribe?(sub: number): void;
  /** SEEN. */
  seen?(alias: number, offset: number): void;
  /** SIGNAL. `unit` is borrowed until the call returns. */
  signal?(channel: string | number, unit: Unit): void;
  /** SUBSCRIBED. */
  subscribed?(subscribed: Subscribed): void;
  /** UNSUBSCRIBED. */
  unsubscribed?(sub: number, error: CallError): void;
  /** PUBLICATION. The frame of `unit` belongs to the receiver, as that of every message. */
  publication?(alias: number, offset: number, fingerprint: number, unit: Unit): void;
  /** GAP. */
  gap?(gap: Gap): void;
  /** SKIP. */
  skip?(alias: number, to: number, fingerprint: number): void;
  /** SIGNALLED. */
  signalled?(alias: number, unit: Unit): void;
}

/** What happens on channels. `frame` is what the reader reads. */
export function dispatchChannel(
  kind: number,
  frame: Uint8Array,
  { channels = {}, limits }: { readonly channels?: ChannelEvents | undefined; readonly limits: Limits },
): number {
  switch (kind) {
    case Kind.PUBLICATION: // [36, alias, offset, fingerprint, payload]
      return publication(frame, need(channels, channels.publication));
    case Kind.SEEN: // [39, alias, offset]
      return two(need(channels, channels.seen), ["alias", "offset"]);
    case Kind.SIGNAL: // [40, channel, payload]
      return signal(frame, limits, need(channels, channels.signal));
    case Kind.SIGNALLED: // [41, alias, payload]
      return signalled(frame, need(channels, channels.signalled));
    case Kind.SUBSCRIBE: // [32, sub, channel, position, options]
      return subscribe(limits, need(channels, channels.subscribe));
    case Kind.SUBSCRIBED: // [33, sub, alias, status, epoch, offset, fingerprint]
      return subscribed(limits, need(channels, channels.subscribed));
    case Kind.UNSUBSCRIBED: // [34, sub, code, flags, payload]
      return unsubscribed(limits, need(channels, channels.unsubscribed));
    case Kind.UNSUBSCRIBE: // [35, sub]
      return one(need(channels, channels.unsubscribe));
    case Kind.GAP: // [37, alias, from, to, fingerprint, reason]
      return gap(limits, need(channels, channels.gap));
    default: // SKIP [38, alias, to, fingerprint]
      return skip(need(channels, channels.skip));
  }
}

// deno-lint-ignore no-explicit-any -- of whatever arguments
function need<F extends (...args: any[]) => void>(channels: ChannelEvents, member: F | undefined): F {
  if (member === undefined) throw new ProtocolError("A message in the wrong direction");
  return member.bind(channels) as F;
}

function publication(frame: Uint8Array, act: NonNullable<ChannelEvents["publication"]>): number {
  const alias = readUint("alias");
  const number = readUint("offset");
  const fingerprint = readUint("fingerprint");
  readBin("payload");
  const end = offset();
  act(alias, number, fingerprint, { bytes: frame, start: payloadStart, end: payloadEnd });
  return end;
}

function two(act: (first: number, second: number) => void, names: readonly [string, string]): number {
  const first = readUint(names[0]);
  const second = readUint(names[1]);
  const end = offset();
  act(first, second);
  return end;
}

function one(act: (sub: number) => void): number {
  const sub = readUint("sub");
  const end = offset();
  act(sub);
  return end;
}

function signal(frame: Uint8Array, limits: Limits, act: NonNullable<ChannelEvents["signal"]>): number {
  const channel = atInteger() ? readUint("channel") : readName("channel", limits);
  readBin("payload");
  const end = offset();
  act(channel, { bytes: frame, start: payloadStart, end: payloadEnd });
  return end;
}

function signalled(frame: Uint8Array, act: NonNullable<ChannelEvents["signalled"]>): number {
  const alias = readUint("alias");
  readBin("payload");
  const end = offset();
  act(alias, { bytes: frame, start: payloadStart, end: payloadEnd });
  return end;
}

function subscribe(limits: Limits, act: NonNullable<ChannelEvents["subscribe"]>): number {
  const sub = readUint("sub");
  const channel = readName("channel", limits);
  const told = readValue(limits);
  const position = told === null ? undefined : asPosition(told);
  const given = readValue(limits);
  const options = given === null ? {} : asMap(given, "options");
  const rewind = { rewind: optionalUint(options, "rewind"), rewindMs: optionalUint(options, "rewindMs") };
  const end = offset();
  act({ sub, channel, position, rewind });
  return end;
}

function subscribed(limits: Limits, act: NonNullable<ChannelEvents["subscribed"]>): number {
  const sub = readUint("sub");
  const alias = readUint("alias");
  const status = readUint("status");
  const epoch = readName("epoch", limits);
  const position = { epoch, offset: readUint("offset"), fingerprint: readUint("fingerprint") };
  const end = offset();
  act({ sub, alias, status, position: checkPosition(position) });
  return end;
}

function unsubscribed(limits: Limits, act: NonNullable<ChannelEvents["unsubscribed"]>): number {
  const sub = readUint("sub");
  const failure = readFailure(limits);
  const end = offset();
  act(sub, asCallError(failure));
  return end;
}

function gap(limits: Limits, act: NonNullable<ChannelEvents["gap"]>): number {
  const alias = readUint("alias");
  const from = readUint("from");
  const to = readUint("to");
  const fingerprint = readUint("fingerprint");
  const reason = readName("reason", limits);
  const end = offset();
  if (from === 0 || to < from) throw new ProtocolError("A gap must have a beginning and an end");
  act({ alias, from, to, fingerprint, reason });
  return end;
}

function skip(act: NonNullable<ChannelEvents["skip"]>): number {
  const alias = readUint("alias");
  const to = readUint("to");
  const fingerprint = readUint("fingerprint");
  const end = offset();
  act(alias, to, fingerprint);
  return end;
}
