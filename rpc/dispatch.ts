/**
 * Reads one message after its kind and hands it to whom it concerns: one case for each row of the table in `docs/protocol.md`.
 * Each function leaves the reader behind the message before it acts, and returns that place.
 *
 * @module
 */
import type { Answering } from "./callee_parts.ts";
import { asCallError, type Caller } from "./caller.ts";
import type { Clock } from "./clock.ts";
import { Kind, NameFlag } from "./kinds.ts";
import type { Limits } from "./limits.ts";
import { asMap, optionalName, optionalUint, readFailure, type WireMap } from "./options.ts";
import { readCaused } from "./positions.ts";
import { ProtocolError } from "./protocol_error.ts";
import {
  atInteger,
  offset,
  payloadEnd,
  payloadStart,
  readBin,
  readBinOrNil,
  readName,
  readPayload,
  readUint,
  readUintOrNil,
  readValue,
  skipNil,
} from "./reader.ts";
import type { Streams } from "./streams.ts";

/** HELLO or WELCOME as read. */
export interface Greeting {
  /** The protocol version. */
  readonly version: number;
  /** 16 bytes, a copy, or `undefined`. */
  readonly session: Uint8Array | undefined;
  /** Highest sequence processed. */
  readonly received: number;
  /** The payload. */
  readonly payload: WireMap;
}

/** What happens beside calls and streams. A message for which there is no member comes the wrong way: 4400. */
export interface ControlEvents {
  /** HELLO. */
  hello?(greeting: Greeting): void;
  /** WELCOME. */
  welcome?(greeting: Greeting): void;
  /** PING, which wants a PONG. */
  ping?(): void;
  /** PONG. */
  pong?(): void;
  /** ACK, which never comes the wrong way. */
  ack?(): void;
  /** GOODBYE. */
  goodbye?(code: number, retryAfter: number | undefined): void;
  /** TOKEN. */
  token?(payload: WireMap): void;
  /** EXPIRES. */
  expires?(remaining: number | undefined): void;
  /** The channels of a server's connection, made when the first message for them comes. */
  readonly channels?: ChannelReader | undefined;
}

/** Reads the messages of channels: what a client that has opened none has no code for. */
export interface ChannelReader {
  /** Reads one after its kind from `frame`, acts on it, and returns where it ended. */
  read(kind: number, frame: Uint8Array, limits: Limits): number;
}

/** Whom messages concern. */
export interface Targets {
  /** Time. */
  readonly clock: Clock;
  /** Bounds of this side. */
  readonly limits: Limits;
  /** Control messages: those of the present connection. */
  readonly events: ControlEvents;
  /** Answers. */
  readonly caller: Caller;
  /** Calls. */
  readonly callee: Answering;
  /** Streams. */
  readonly streams: Streams;
  /** Channels: those of the present connection, where `events` have none. */
  readonly channels?: ChannelReader | undefined;
  /** PING, PONG and ACK: the peer has processed our messages up to this one. */
  acknowledged(received: number): void;
}

/** Messages about the connection itself. */
export function dispatchControl(kind: number, to: Targets): number {
  const { events } = to;
  switch (kind) {
    case Kind.HELLO: // [0, version, session, received, payload]
      return greeting(to, events.hello?.bind(events));
    case Kind.WELCOME: // [1, version, session, received, payload]
      return greeting(to, events.welcome?.bind(events));
    case Kind.PING: // [2, received]
      return received(to, events.ping?.bind(events));
    case Kind.PONG: // [3, received]
      return received(to, events.pong?.bind(events));
    case Kind.ACK: // [4, received]
      return received(to, events.ack?.bind(events) ?? nothing);
    case Kind.GOODBYE: // [5, code, retryAfter, payload]
      return goodbye(to, events.goodbye?.bind(events));
    case Kind.TOKEN: // [6, payload]
      return token(to, events.token?.bind(events));
    case Kind.EXPIRES: // [7, remaining]
      return expires(events.expires?.bind(events));
    default: // NAME [8, number, name, flags]
      return name(to);
  }
}

function greeting(to: Targets, act: ((greeting: Greeting) => void) | undefined): number {
  if (act === undefined) throw wrongWay();
  const version = readUint("version");
  const session = readBinOrNil("session")?.slice();
  const received = readUint("received");
  const payload = readMap(to.limits);
  const end = offset();
  if (session !== undefined && session.length !== 16) throw new ProtocolError("session must have 16 bytes");
  act({ version, session, received, payload });
  return end;
}

function received(to: Targets, act: (() => void) | undefined): number {
  if (act === undefined) throw wrongWay();
  const received = readUint("received");
  const end = offset();
  to.acknowledged(received);
  act();
  return end;
}

function goodbye(
  to: Targets,
  act: ((code: number, retryAfter: number | undefined) => void) | undefined,
): number {
  if (act === undefined) throw wrongWay();
  const code = readUint("code");
  const retryAfter = readUintOrNil("retryAfter");
  readMap(to.limits);
  const end = offset();
  act(code, retryAfter);
  return end;
}

function token(to: Targets, act: ((payload: WireMap) => void) | undefined): number {
  if (act === undefined) throw wrongWay();
  const payload = readMap(to.limits);
  const end = offset();
  act(payload);
  return end;
}

function expires(act: ((remaining: number | undefined) => void) | undefined): number {
  if (act === undefined) throw wrongWay();
  const remaining = readUintOrNil("remaining");
  const end = offset();
  act(remaining);
  return end;
}

function name(to: Targets): number {
  const number = readUint("number");
  const name = readName("name", to.limits);
  const flags = readUint("flags");
  const end = offset();
  to.caller.name(number, name, (flags & NameFlag.IDEMPOTENT) !== 0);
  return end;
}

/** Calls and their answers, after `seq`. `frame` is what the reader reads. */
export function dispatchCall(kind: number, frame: Uint8Array, to: Targets): number {
  const id = readUint("id");
  switch (kind) {
    case Kind.CALL: // [16, seq, id, method, options, payload]
      return call(id, frame, to);
    case Kind.RESULT: // [17, seq, id, payload]
      return result(id, frame, to);
    case Kind.ERROR: // [18, seq, id, code, flags, payload]
      return error(id, to);
    case Kind.CAUSED: // [21, seq, id, payload]
      return caused(id, to);
    case Kind.STREAM: // [19, seq, id, stream]
      return stream(id, to);
    default: // CANCEL [20, seq, id]
      return cancel(id, to);
  }
}

function call(id: number, frame: Uint8Array, to: Targets): number {
  const method = atInteger() ? readUint("method") : readName("method", to.limits);
  const options = readOptions(to.limits);
  readBin("payload");
  const after = offset();
  const start = payloadStart;
  const end = payloadEnd;
  const { timeout, items, key } = options;
  const deadline = timeout === undefined ? Infinity : to.clock.now() + timeout;
  to.callee.accept(method, { id, deadline, items, key, bytes: frame, start, end });
  return after;
}

interface Options {
  readonly timeout: number | undefined;
  readonly items: number | undefined;
  readonly key: string | undefined;
}

const NO_OPTIONS: Options = { timeout: undefined, items: undefined, key: undefined };

function readOptions(limits: Limits): Options {
  if (skipNil()) return NO_OPTIONS;
  if (atInteger()) return { timeout: readUint("timeout"), items: undefined, key: undefined };
  const options = asMap(readValue(limits), "options");
  const [timeout, items] = [optionalUint(options, "timeout"), optionalUint(options, "items")];
  return { timeout, items, key: optionalName(options, "key") };
}

function result(id: number, frame: Uint8Array, to: Targets): number {
  readBin("payload");
  const end = offset();
  to.caller.result(id, { bytes: frame, start: payloadStart, end: payloadEnd });
  return end;
}

function error(id: number, to: Targets): number {
  const failure = readFailure(to.limits);
  const end = offset();
  to.caller.error(id, failure);
  return end;
}

function caused(id: number, to: Targets): number {
  const caused = readCaused(to.limits);
  const end = offset();
  to.caller.caused(id, caused);
  return end;
}

function stream(id: number, to: Targets): number {
  const stream = readUint("stream");
  const end = offset();
  to.caller.stream(id, stream);
  return end;
}

function cancel(id: number, to: Targets): number {
  const end = offset();
  to.callee.cancel(id);
  return end;
}

/** What happens on streams. `frame` is what the reader reads. */
export function dispatchStream(kind: number, frame: Uint8Array, to: Targets): number {
  const id = readUint("stream");
  switch (kind) {
    case Kind.ITEM: // [24, stream, n, payload]
    case Kind.PIECE: // [25, stream, n, payload]
      return unit(id, frame, { to, piece: kind === Kind.PIECE });
    case Kind.PART: // [26, stream, n, remaining, payload]
      return part(id, frame, to);
    case Kind.END: // [27, stream, n]
      return finish(id, to);
    case Kind.FAIL: // [28, stream, n, code, flags, payload]
      return fail(id, to);
    case Kind.CREDIT: // [29, stream, n, limit]
      return credit(id, to);
    default: // STOP [30, stream]
      return stop(id, to);
  }
}

function unit(id: number, frame: Uint8Array, { to, piece }: { to: Targets; piece: boolean }): number {
  const n = readUint("n");
  readBin("payload");
  const end = offset();
  to.streams.unit(id, n, { bytes: frame, start: payloadStart, end: payloadEnd, piece });
  return end;
}

function part(id: number, frame: Uint8Array, to: Targets): number {
  const n = readUint("n");
  const remaining = readUint("remaining");
  readBin("payload");
  const end = offset();
  to.streams.part(id, n, { bytes: frame, start: payloadStart, end: payloadEnd, remaining });
  return end;
}

function finish(id: number, to: Targets): number {
  const n = readUint("n");
  const end = offset();
  to.streams.finish(id, n);
  return end;
}

function fail(id: number, to: Targets): number {
  const n = readUint("n");
  const failure = readFailure(to.limits);
  const end = offset();
  to.streams.finish(id, n, asCallError(failure));
  return end;
}

function credit(id: number, to: Targets): number {
  const n = readUint("n");
  const limit = readUint("limit");
  const end = offset();
  to.streams.credit(id, n, limit);
  return end;
}

function stop(id: number, to: Targets): number {
  const end = offset();
  to.streams.stop(id);
  return end;
}

function readMap(limits: Limits): WireMap {
  return asMap(readPayload(limits), "payload");
}

/** What ends the connection when this side has nobody for a message. */
export function wrongWay(): ProtocolError {
  return new ProtocolError("A message in the wrong direction");
}

function nothing(): void {}
