/**
 * Writes the messages of channels, one function for each row of the table in `docs/protocol.md`, into the codec's open writer.
 *
 * @module
 */
import {
  writeArrayHeader,
  writeBin,
  writeBinHeader,
  writeHead,
  writeNil,
  writeString,
  writeUint,
  writeValue,
} from "../msgpack/encoder.ts";
import type { Entry, Position } from "./broker.ts";
import type { CallError } from "./errors.ts";
import { Kind } from "./kinds.ts";
import { writeFailure } from "./messages.ts";

/** Where the history that a subscription begins with starts, when it names no position. */
export interface Rewind {
  /** So many publications before the top. */
  readonly rewind?: number | undefined;
  /** So many milliseconds before now. */
  readonly rewindMs?: number | undefined;
}

/** `options` of SUBSCRIBE: what is `undefined` is left out. */
export interface SubscribeOptionsOnWire extends Rewind {
  /** Whether publications may come as the difference to the one before. */
  readonly delta?: true | undefined;
  /** Whether CHANGE is understood. */
  readonly changes?: true | undefined;
  /** Which publications are wanted. */
  readonly filter?: unknown;
  /** What may be left out of them. */
  readonly policy?: unknown;
}

/** SUBSCRIBE: `[32, sub, channel, position, options]`. */
export function writeSubscribe(
  sub: number,
  channel: string,
  { position, options }: {
    readonly position: Position | undefined;
    readonly options: SubscribeOptionsOnWire | undefined;
  },
): void {
  writeArrayHeader(5);
  writeUint(Kind.SUBSCRIBE);
  writeUint(sub);
  writeString(channel);
  if (position === undefined) {
    writeNil();
  } else {
    writeArrayHeader(3);
    writePosition(position);
  }
  if (options === undefined) writeNil();
  else writeValue(options);
}

/** SUBSCRIBED: `[33, sub, alias, status, epoch, offset, fingerprint]`. */
export function writeSubscribed(sub: number, alias: number, { status, position }: {
  readonly status: number;
  readonly position: Position;
}): void {
  writeHead(7, Kind.SUBSCRIBED, sub, alias);
  writeUint(status);
  writePosition(position);
}

/** UNSUBSCRIBED: `[34, sub, code, flags, payload]`. */
export function writeUnsubscribed(sub: number, error: CallError): void {
  writeArrayHeader(5);
  writeUint(Kind.UNSUBSCRIBED);
  writeUint(sub);
  writeFailure(error);
}

/** UNSUBSCRIBE: `[35, sub]`. */
export function writeUnsubscribe(sub: number): void {
  writeArrayHeader(2);
  writeUint(Kind.UNSUBSCRIBE);
  writeUint(sub);
}

/** PUBLICATION up to the bytes of its payload: `[36, alias, offset, fingerprint, ...`. `length` bytes follow. */
export function writePublicationHead(
  alias: number,
  offset: number,
  { fingerprint, length }: { readonly fingerprint: number; readonly length: number },
): void {
  writeHead(5, Kind.PUBLICATION, alias, offset);
  writeUint(fingerprint);
  writeBinHeader(length);
}

/** PUBLICATION: `[36, alias, offset, fingerprint, payload]`. The payload is copied. */
export function writePublication(alias: number, { offset, fingerprint, data }: Entry): void {
  writeHead(5, Kind.PUBLICATION, alias, offset);
  writeUint(fingerprint);
  writeBin(data);
}

/** DELTA: `[42, alias, offset, fingerprint, payload]`. `delta` is copied. */
export function writeDelta(
  alias: number,
  { offset, fingerprint }: Pick<Entry, "offset" | "fingerprint">,
  delta: Uint8Array,
): void {
  writeHead(5, Kind.DELTA, alias, offset);
  writeUint(fingerprint);
  writeBin(delta);
}

/** Bytes that {@linkcode writePublicationHead} writes at most: what an entry needs as room in front of its data. */
export const PUBLICATION_HEAD = 32;

/** GAP: `[37, alias, from, to, fingerprint, reason]`. */
export function writeGap(
  alias: number,
  { from, to, fingerprint, reason }: {
    readonly from: number;
    readonly to: number;
    readonly fingerprint: number;
    readonly reason: string;
  },
): void {
  writeHead(6, Kind.GAP, alias, from);
  writeUint(to);
  writeUint(fingerprint);
  writeString(reason);
}

/** SKIP: `[38, alias, to, fingerprint]`. */
export function writeSkip(alias: number, to: number, fingerprint: number): void {
  writeHead(4, Kind.SKIP, alias, to);
  writeUint(fingerprint);
}

/** SEEN: `[39, alias, offset]`. */
export function writeSeen(alias: number, offset: number): void {
  writeHead(3, Kind.SEEN, alias, offset);
}

/** SIGNAL: `[40, channel, payload]`. The channel is its name, or the alias of this connection. The payload is copied. */
export function writeSignal(channel: string | number, data: Uint8Array): void {
  writeArrayHeader(3);
  writeUint(Kind.SIGNAL);
  if (typeof channel === "number") writeUint(channel);
  else writeString(channel);
  writeBin(data);
}

/** SIGNALLED: `[41, alias, payload]`. The payload is copied. */
export function writeSignalled(alias: number, data: Uint8Array): void {
  writeArrayHeader(3);
  writeUint(Kind.SIGNALLED);
  writeUint(alias);
  writeBin(data);
}

/** WILDCARD: `[50, n, pattern, match]`. */
export function writeWildcard(n: number, pattern: string, match: string): void {
  writeArrayHeader(4);
  writeUint(Kind.WILDCARD);
  writeUint(n);
  writeString(pattern);
  writeString(match);
}

/** MATCHED: `[51, n, state, name]`. */
export function writeMatched(n: number, state: number, name: string): void {
  writeHead(4, Kind.MATCHED, n, state);
  writeString(name);
}

/** UNWILDCARD: `[52, n, code, flags, payload]`. */
export function writeUnwildcard(n: number, error: CallError): void {
  writeArrayHeader(5);
  writeUint(Kind.UNWILDCARD);
  writeUint(n);
  writeFailure(error);
}

function writePosition({ epoch, offset, fingerprint }: Position): void {
  writeString(epoch);
  writeUint(offset);
  writeUint(fingerprint);
}
