/**
 * Reads the headers of messages: a cursor over one frame. One frame is read at a time, so the cursor is the module's,
 * as in the codec; who dispatches a message keeps its own offsets, since a handler may lead to another frame being read.
 *
 * @module
 */
import { skip } from "../msgpack/check.ts";
import { decodeRange } from "../msgpack/decoder.ts";
import { ProtocolError } from "./protocol_error.ts";

/** What the codec needs to know of limits while it reads. */
interface ValueLimits {
  readonly depth: number;
  readonly keys: number;
}

let bytes: Uint8Array = new Uint8Array(0);
let at = 0;
let end = 0;

/** Puts the cursor on a message. The frame is borrowed while it is read. */
export function openAt(frame: Uint8Array, from: number, to: number): void {
  bytes = frame;
  at = from;
  end = to;
}

/** Where the cursor is: after the last element read. */
export function offset(): number {
  return at;
}

/** Start of the payload that {@linkcode readBin} passed. */
export let payloadStart = 0;
/** End of the payload that {@linkcode readBin} passed. */
export let payloadEnd = 0;

/** Reads the header of an array: its number of elements. */
export function readArray(): number {
  const head = next("a message");
  if (head >= 0x90 && head <= 0x9f) return head & 0x0f;
  if (head === 0xdc) return big(2);
  if (head === 0xdd) return big(4);
  throw new ProtocolError("A message must be an array");
}

/** Reads an integer from 0 to 2^53-1, in whatever form it is written. */
export function readUint(what: string): number {
  const head = at < end ? bytes[at]! : -1;
  if (head >= 0 && head < 0x80) {
    at++;
    return head;
  }
  if (head === 0xcd && at + 3 <= end) { // sequences and ids: most of what is read
    const n = (bytes[at + 1]! << 8) | bytes[at + 2]!;
    at += 3;
    return n;
  }
  if (head === 0xce && at + 5 <= end) {
    const n = (bytes[at + 1]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!;
    at += 5;
    return n >>> 0;
  }
  return readOtherUint(what);
}

function readOtherUint(what: string): number {
  const head = next(what);
  switch (head) {
    case 0xcc:
      return big(1);
    case 0xcd:
      return big(2);
    case 0xce:
      return big(4);
    case 0xcf:
      return wide(what);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
      return signed(head, what);
  }
  throw new ProtocolError(`${what} must be an unsigned integer`);
}

/** Reads nil or an unsigned integer. */
export function readUintOrNil(what: string): number | undefined {
  return skipNil() ? undefined : readUint(what);
}

/** Passes nil, if that is what comes. */
export function skipNil(): boolean {
  if (at < end && bytes[at] === 0xc0) {
    at++;
    return true;
  }
  return false;
}

/** Whether an unsigned integer comes next, as far as its first byte tells. */
export function atInteger(): boolean {
  const head = at < end ? bytes[at]! : 0xc0;
  return head < 0x80 || (head >= 0xcc && head <= 0xd3);
}

/** Whether nil or a bin comes next: for a session id. */
export function readBinOrNil(what: string): Uint8Array | undefined {
  if (skipNil()) return undefined;
  readBin(what);
  return bytes.subarray(payloadStart, payloadEnd);
}

/** Passes a bin and leaves its range in `payloadStart` and `payloadEnd`. */
export function readBin(what: string): void {
  if (at + 1 < end && bytes[at] === 0xc4) { // up to 255 bytes: most of them
    payloadStart = at + 2;
    at = payloadStart + bytes[at + 1]!;
    if (at > end) throw new ProtocolError(`${what} is cut short`);
    payloadEnd = at;
    return;
  }
  const head = next(what);
  const length = head === 0xc4 ? big(1) : head === 0xc5 ? big(2) : head === 0xc6 ? big(4) : -1;
  if (length < 0) throw new ProtocolError(`${what} must be a bin`);
  if (length > end - at) throw new ProtocolError(`${what} is cut short`);
  payloadStart = at;
  payloadEnd = at += length;
}

/** Reads a string of at most 255 bytes, in whatever form it is written: names and codes. */
export function readName(what: string, limits: ValueLimits): string {
  const from = at;
  const head = next(what);
  let length = head - 0xa0;
  if (head >= 0xd9 && head <= 0xdb) length = big(1 << (head - 0xd9));
  else if (head < 0xa0 || head > 0xbf) throw new ProtocolError(`${what} must be a string`);
  if (length > 255) throw new ProtocolError(`${what} must be at most 255 bytes`);
  at = from;
  return readValue(limits) as string;
}

/** Reads any value that is an element of a header. Bytes in it are views of the frame. */
export function readValue(limits: ValueLimits): unknown {
  const from = at;
  at = skip(bytes, at, end, limits);
  return decodeRange(bytes, from, at, limits);
}

/** Passes any value. */
export function skipValue(limits: ValueLimits): void {
  at = skip(bytes, at, end, limits);
}

function next(what: string): number {
  if (at >= end) throw new ProtocolError(`${what} is cut short`);
  return bytes[at++]!;
}

function big(size: number): number {
  if (size > end - at) throw new ProtocolError("A message is cut short");
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + bytes[at++]!;
  return value;
}

function wide(what: string): number {
  const value = big(8);
  if (!Number.isSafeInteger(value)) throw new ProtocolError(`${what} must be at most 2^53-1`);
  return value;
}

/** Signed forms of numbers that are not negative: unusual, but MessagePack. */
function signed(head: number, what: string): number {
  const size = 1 << (head - 0xd0);
  if (at < end && bytes[at]! >= 0x80) throw new ProtocolError(`${what} must not be negative`);
  return size === 8 ? wide(what) : big(size);
}

/** Passes a bin and decodes the value inside: `undefined` when it is empty. Bytes in it are views of the frame. */
export function readPayload(limits: ValueLimits): unknown {
  readBin("payload");
  return payloadStart === payloadEnd ? undefined : decodeRange(bytes, payloadStart, payloadEnd, limits);
}
