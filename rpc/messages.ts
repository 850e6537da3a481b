/**
 * Writes messages, one function for each row of the table in `docs/protocol.md`, into the codec's open writer
 * (see `outbox.ts`, which opens and seals it).
 *
 * @module
 */
import {
  closeBin,
  type EncodeExtension,
  openBin,
  writeArrayHeader,
  writeBin,
  writeBinHeader,
  writeHead,
  writeNil,
  writeString,
  writeUint,
  writeValue,
} from "../msgpack/encoder.ts";
import type { Position } from "./broker.ts";
import { Flag, Kind, VERSION } from "./kinds.ts";
import { CallError } from "./errors.ts";

const NOTHING = new Uint8Array(0);

/** What CALL's `options` may say. */
export interface CallOptionsOnWire {
  /** Remaining time in ms. */
  timeout?: number | undefined;
  /** Number of the stream that carries the caller's items. */
  items?: number | undefined;
  /** Under which the call runs once. */
  key?: string | undefined;
  /** W3C traceparent. */
  trace?: string | undefined;
}

/** HELLO: `[0, version, session, received, payload]`. */
export function writeHello(session: Uint8Array | undefined, received: number, payload: object): void {
  greeting(Kind.HELLO, session, received, payload);
}

/** WELCOME: `[1, version, session, received, payload]`. */
export function writeWelcome(session: Uint8Array, received: number, payload: object): void {
  greeting(Kind.WELCOME, session, received, payload);
}

/** WELCOME of a new session. `payload` is encoded already, and copied. */
export function writeEncodedWelcome(session: Uint8Array, payload: Uint8Array): void {
  head(5, Kind.WELCOME);
  writeUint(VERSION);
  writeBin(session);
  writeUint(0);
  writeBin(payload);
}

function greeting(kind: number, session: Uint8Array | undefined, received: number, payload: object): void {
  head(5, kind);
  writeUint(VERSION);
  if (session === undefined) writeNil();
  else writeBin(session);
  writeUint(received);
  writePayload(payload);
}

/** PING, PONG or ACK: `[kind, received]`. */
export function writeReceived(
  kind: typeof Kind.PING | typeof Kind.PONG | typeof Kind.ACK,
  received: number,
): void {
  head(2, kind);
  writeUint(received);
}

/** GOODBYE: `[5, code, retryAfter, payload]`. */
export function writeGoodbye(code: number, retryAfter: number | undefined, payload: object): void {
  head(4, Kind.GOODBYE);
  writeUint(code);
  uintOrNil(retryAfter);
  writePayload(payload);
}

/** TOKEN: `[6, payload]`. */
export function writeToken(token: string): void {
  head(2, Kind.TOKEN);
  writePayload({ token });
}

/** EXPIRES: `[7, remaining]`. */
export function writeExpires(remaining: number | undefined): void {
  head(2, Kind.EXPIRES);
  uintOrNil(remaining);
}

/** NAME: `[8, number, name, flags]`. */
export function writeName(number: number, name: string, flags: number): void {
  head(4, Kind.NAME);
  writeUint(number);
  writeString(name);
  writeUint(flags);
}

/** The part of FRAGMENT before the bytes: `[9, seq, group, remaining, payload]`. */
export function writeFragmentHead(
  seq: number,
  group: number,
  at: { remaining: number; length: number },
): void {
  writeHead(5, Kind.FRAGMENT, seq, group);
  writeUint(at.remaining);
  writeBinHeader(at.length);
}

/** CALL up to its payload: `[16, seq, id, method, options, ...`. */
export function writeCallHead(
  seq: number,
  id: number,
  call: { method: string | number; options: CallOptionsOnWire },
): void {
  writeHead(6, Kind.CALL, seq, id);
  if (typeof call.method === "number") writeUint(call.method);
  else writeString(call.method);
  const { timeout, items, key, trace } = call.options;
  if (items === undefined && key === undefined && trace === undefined) uintOrNil(timeout);
  else writeValue({ timeout, items, key, trace });
}

/** RESULT of a value that is encoded already: `[17, seq, id, payload]`. */
export function writeEncodedResult(seq: number, id: number, payload: Uint8Array): void {
  writeHead(4, Kind.RESULT, seq, id);
  writeBin(payload);
}

/** RESULT up to its payload: `[17, seq, id, ...`. */
export function writeResultHead(seq: number, id: number): void {
  writeHead(4, Kind.RESULT, seq, id);
}

/** ERROR: `[18, seq, id, code, flags, payload]`. */
export function writeError(seq: number, id: number, error: CallError): void {
  writeHead(6, Kind.ERROR, seq, id);
  writeFailure(error);
}

/** STREAM: `[19, seq, id, stream]`. */
export function writeStream(seq: number, id: number, stream: number): void {
  writeHead(4, Kind.STREAM, seq, id);
  writeUint(stream);
}

/** CANCEL: `[20, seq, id]`. */
export function writeCancel(seq: number, id: number): void {
  writeHead(3, Kind.CANCEL, seq, id);
}

/** CAUSED: `[21, seq, id, payload]`. */
export function writeCaused(seq: number, id: number, caused: readonly [string, Position][]): void {
  writeHead(4, Kind.CAUSED, seq, id);
  writePayload(caused.map(([channel, position]) => {
    return [channel, position.epoch, position.offset, position.fingerprint];
  }));
}

/** ITEM up to its payload: `[24, stream, n, ...`. */
export function writeItemHead(stream: number, n: number): void {
  writeHead(4, Kind.ITEM, stream, n);
}

/** PIECE: `[25, stream, n, payload]`. The bytes are copied into the frame. */
export function writePiece(stream: number, n: number, bytes: Uint8Array): void {
  writeHead(4, Kind.PIECE, stream, n);
  writeBin(bytes);
}

/** The part of PART before the bytes: `[26, stream, n, remaining, payload]`. */
export function writePartHead(stream: number, n: number, at: { remaining: number; length: number }): void {
  writeHead(5, Kind.PART, stream, n);
  writeUint(at.remaining);
  writeBinHeader(at.length);
}

/** END: `[27, stream, n]`. */
export function writeEnd(stream: number, n: number): void {
  writeHead(3, Kind.END, stream, n);
}

/** FAIL: `[28, stream, n, code, flags, payload]`. */
export function writeFail(stream: number, n: number, error: CallError): void {
  writeHead(6, Kind.FAIL, stream, n);
  writeFailure(error);
}

/** CREDIT: `[29, stream, n, limit]`. */
export function writeCredit(stream: number, n: number, limit: number): void {
  writeHead(4, Kind.CREDIT, stream, n);
  writeUint(limit);
}

/** STOP: `[30, stream]`. */
export function writeStop(stream: number): void {
  head(2, Kind.STOP);
  writeUint(stream);
}

/** A payload: the value sealed in a bin, or an empty bin for `undefined`. */
export function writePayload(value: unknown, extension?: EncodeExtension): void {
  if (value === undefined) return writeBin(NOTHING);
  if (value instanceof Uint8Array) { // whose size is known: it is written to its place, and never moved
    writeBinHeader(value.length + binHeader(value.length));
    return writeBin(value);
  }
  const header = binHeader(leastSize(value));
  const mark = openBin(header);
  writeValue(value, extension);
  closeBin(mark, header);
}

/** Bytes that a value has at least, where a look tells: a text, and a short list with bytes in it, as `@publish` is given. They need not be moved. */
function leastSize(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (!Array.isArray(value) || value.length > 4) return 0;
  let size = 0;
  for (let i = 0; i < value.length; i++) if (value[i] instanceof Uint8Array) size += value[i].length;
  return size;
}

function head(elements: number, kind: number): void {
  writeArrayHeader(elements);
  writeUint(kind);
}

function uintOrNil(value: number | undefined): void {
  if (value === undefined) writeNil();
  else writeUint(value);
}

/** Bytes of the header of a bin with this many inside. */
function binHeader(length: number): 2 | 3 | 5 {
  return length < 0x100 ? 2 : length < 0x10000 ? 3 : 5;
}

/** `code, flags, payload` of ERROR, FAIL and UNSUBSCRIBED. */
export function writeFailure(error: CallError): void {
  writeString(error.code);
  writeUint(
    (error.retryable ? Flag.RETRYABLE : 0) | (error.ambiguous ? Flag.AMBIGUOUS : 0) |
      (error.declared ? Flag.DECLARED : 0),
  );
  if (error.declared) return writePayload(error.data);
  const issues = (error.data as { issues?: unknown } | undefined)?.issues;
  writePayload({ message: error.message, issues });
}
