/**
 * Reads one message of channels after its kind and hands it to whom it concerns: one case for each row of the table in `docs/protocol.md`.
 * As in `dispatch.ts`, each leaves the reader behind the message before it acts, and returns that place.
 *
 * @module
 */
import type { ChangeKind, Position } from "./broker.ts";
import { asCallError } from "./caller.ts";
import { changeKind } from "./change_kinds.ts";
import { dispatchPresence, type PresenceEvents } from "./dispatch_presence.ts";
import type { Rewind } from "./channel_messages.ts";
import type { CallError } from "./errors.ts";
import { Kind } from "./kinds.ts";
import type { Limits } from "./limits.ts";
import { asMap, optionalFlag, optionalUint, readFailure, type WireMap } from "./options.ts";
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
  /** Whether it takes CHANGE. */
  readonly changes: boolean;
  /** Whether it takes publications as the difference to the one before. */
  readonly delta: boolean;
  /** Everything that it asks for: who knows an option reads it. */
  readonly options: WireMap;
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

/** What CHANGE has beside what a PUBLICATION has. */
export interface ChangeHead {
  readonly kind: ChangeKind;
  readonly target: number;
  /** The subject that made it, where it has one. */
  readonly by: string | undefined;
}

/** WILDCARD as read. */
export interface WildcardAsked {
  /** The client's number for it. */
  readonly n: number;
  /** The pattern, as the app declares it. */
  readonly pattern: string;
  /** A name of it, with `*` for each parameter that may be anything. */
  readonly match: string;
}

/** The channels of one connection: of a server the first members, of a client the others. A message without a member comes the wrong way: 4400. */
export interface ChannelEvents extends PresenceEvents {
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
  /** PUBLICATION, and CHANGE, which says what it changes. The frame of `unit` belongs to the receiver, as that of every message. */
  publication?(alias: number, offset: number, fingerprint: number, unit: Unit, change?: ChangeHead): void;
  /** DELTA. As PUBLICATION, but for what `unit` holds. */
  delta?(alias: number, offset: number, fingerprint: number, unit: Unit): void;
  /** GAP. */
  gap?(gap: Gap): void;
  /** SKIP. */
  skip?(alias: number, to: number, fingerprint: number): void;
  /** SIGNALLED. */
  signalled?(alias: number, unit: Unit): void;
  /** WILDCARD. */
  wildcard?(wildcard: WildcardAsked): void;
  /** MATCHED. */
  matched?(n: number, state: number, name: string): void;
  /** UNWILDCARD. */
  unwildcard?(n: number, error: CallError): void;
}

/** The member for each kind. */
const MEMBER: Readonly<Record<number, keyof ChannelEvents>> = {
  [Kind.SUBSCRIBE]: "subscribe",
  [Kind.SUBSCRIBED]: "subscribed",
  [Kind.UNSUBSCRIBED]: "unsubscribed",
  [Kind.UNSUBSCRIBE]: "unsubscribe",
  [Kind.PUBLICATION]: "publication",
  [Kind.CHANGE]: "publication",
  [Kind.DELTA]: "delta",
  [Kind.GAP]: "gap",
  [Kind.SKIP]: "skip",
  [Kind.SEEN]: "seen",
  [Kind.SIGNAL]: "signal",
  [Kind.SIGNALLED]: "signalled",
  [Kind.WATCH]: "watch",
  [Kind.WATCHED]: "watched",
  [Kind.PRESENCE]: "presence",
  [Kind.UNWATCH]: "unwatch",
  [Kind.WILDCARD]: "wildcard",
  [Kind.MATCHED]: "matched",
  [Kind.UNWILDCARD]: "unwildcard",
};

/** What happens on channels. `frame` is what the reader reads. */
export function dispatchChannel(
  kind: number,
  frame: Uint8Array,
  limits: Limits,
  channels: ChannelEvents,
): number {
  if (channels[MEMBER[kind]!] === undefined) throw new ProtocolError("A message in the wrong direction");
  const to = channels as Required<ChannelEvents>; // of which each function calls the member that was found
  switch (kind) {
    case Kind.PUBLICATION: // [36, alias, offset, fingerprint, payload]
      return publication(frame, to, false);
    case Kind.DELTA: // [42, alias, offset, fingerprint, payload]
      return publication(frame, to, true);
    case Kind.SEEN: // [39, alias, offset]
      return seen(to);
    case Kind.SIGNAL: // [40, channel, payload]
      return signal(frame, limits, to);
    case Kind.SIGNALLED: // [41, alias, payload]
      return signalled(frame, to);
    case Kind.SUBSCRIBE: // [32, sub, channel, position, options]
      return subscribe(limits, to);
    case Kind.SUBSCRIBED: // [33, sub, alias, status, epoch, offset, fingerprint]
      return subscribed(limits, to);
    case Kind.UNSUBSCRIBED: // [34, sub, code, flags, payload]
      return unsubscribed(limits, to);
    case Kind.UNSUBSCRIBE: // [35, sub]
      return unsubscribe(to);
    case Kind.WILDCARD: // [50, n, pattern, match]
      return wildcard(limits, to);
    case Kind.MATCHED: // [51, n, state, name]
      return matched(limits, to);
    case Kind.UNWILDCARD: // [52, n, code, flags, payload]
      return unwildcard(limits, to);
    case Kind.GAP: // [37, alias, from, to, fingerprint, reason]
      return gap(limits, to);
    case Kind.CHANGE: // [44, alias, offset, fingerprint, change, target, by, payload]
      return change(frame, limits, to);
    case Kind.SKIP: // [38, alias, to, fingerprint]
      return skip(to);
    default: // WATCH, WATCHED, PRESENCE, UNWATCH
      return dispatchPresence(kind, frame, limits, to);
  }
}

function publication(frame: Uint8Array, to: Required<ChannelEvents>, isDelta: boolean): number {
  const alias = readUint("alias");
  const number = readUint("offset");
  const fingerprint = readUint("fingerprint");
  readBin("payload");
  const end = offset();
  const unit = { bytes: frame, start: payloadStart, end: payloadEnd };
  if (isDelta) to.delta(alias, number, fingerprint, unit);
  else to.publication(alias, number, fingerprint, unit);
  return end;
}

function change(frame: Uint8Array, limits: Limits, to: Required<ChannelEvents>): number {
  const alias = readUint("alias");
  const number = readUint("offset");
  const fingerprint = readUint("fingerprint");
  const kind = changeKind(readUint("change"));
  const target = readUint("target");
  const by = readValue(limits) ?? undefined;
  readBin("payload");
  const end = offset();
  if (kind === undefined || target === 0 || target >= number) throw new ProtocolError("A change of nothing");
  if (by !== undefined && typeof by !== "string") throw new ProtocolError("Who made a change must be a str");
  to.publication(alias, number, fingerprint, { bytes: frame, start: payloadStart, end: payloadEnd }, {
    kind,
    target,
    by,
  });
  return end;
}

function seen(to: Required<ChannelEvents>): number {
  const alias = readUint("alias");
  const number = readUint("offset");
  const end = offset();
  to.seen(alias, number);
  return end;
}

function unsubscribe(to: Required<ChannelEvents>): number {
  const sub = readUint("sub");
  const end = offset();
  to.unsubscribe(sub);
  return end;
}

function signal(frame: Uint8Array, limits: Limits, to: Required<ChannelEvents>): number {
  const channel = atInteger() ? readUint("channel") : readName("channel", limits);
  readBin("payload");
  const end = offset();
  to.signal(channel, { bytes: frame, start: payloadStart, end: payloadEnd });
  return end;
}

function signalled(frame: Uint8Array, to: Required<ChannelEvents>): number {
  const alias = readUint("alias");
  readBin("payload");
  const end = offset();
  to.signalled(alias, { bytes: frame, start: payloadStart, end: payloadEnd });
  return end;
}

function subscribe(limits: Limits, to: Required<ChannelEvents>): number {
  const sub = readUint("sub");
  const channel = readName("channel", limits);
  const told = readValue(limits);
  const position = told === null ? undefined : asPosition(told);
  const given = readValue(limits);
  const options = given === null ? {} : asMap(given, "options");
  const rewind = { rewind: optionalUint(options, "rewind"), rewindMs: optionalUint(options, "rewindMs") };
  const changes = options.changes === true;
  const delta = optionalFlag(options, "delta");
  const end = offset();
  to.subscribe({ sub, channel, position, rewind, changes, delta, options });
  return end;
}

function subscribed(limits: Limits, to: Required<ChannelEvents>): number {
  const sub = readUint("sub");
  const alias = readUint("alias");
  const status = readUint("status");
  const epoch = readName("epoch", limits);
  const position = { epoch, offset: readUint("offset"), fingerprint: readUint("fingerprint") };
  const end = offset();
  to.subscribed({ sub, alias, status, position: checkPosition(position) });
  return end;
}

function unsubscribed(limits: Limits, to: Required<ChannelEvents>): number {
  const sub = readUint("sub");
  const failure = readFailure(limits);
  const end = offset();
  to.unsubscribed(sub, asCallError(failure));
  return end;
}

function gap(limits: Limits, channels: Required<ChannelEvents>): number {
  const alias = readUint("alias");
  const from = readUint("from");
  const to = readUint("to");
  const fingerprint = readUint("fingerprint");
  const reason = readName("reason", limits);
  const end = offset();
  if (from === 0 || to < from) throw new ProtocolError("A gap must have a beginning and an end");
  channels.gap({ alias, from, to, fingerprint, reason });
  return end;
}

function skip(channels: Required<ChannelEvents>): number {
  const alias = readUint("alias");
  const to = readUint("to");
  const fingerprint = readUint("fingerprint");
  const end = offset();
  channels.skip(alias, to, fingerprint);
  return end;
}

function wildcard(limits: Limits, to: Required<ChannelEvents>): number {
  const n = readUint("n");
  const pattern = readName("pattern", limits);
  const match = readName("match", limits);
  const end = offset();
  to.wildcard({ n, pattern, match });
  return end;
}

function matched(limits: Limits, to: Required<ChannelEvents>): number {
  const n = readUint("n");
  const state = readUint("state");
  const name = readName("name", limits);
  const end = offset();
  to.matched(n, state, name);
  return end;
}

function unwildcard(limits: Limits, to: Required<ChannelEvents>): number {
  const n = readUint("n");
  const failure = readFailure(limits);
  const end = offset();
  to.unwildcard(n, asCallError(failure));
  return end;
}
