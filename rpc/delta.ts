/**
 * A message as the difference to the one before: what DELTA carries, read. Its making is in `delta_maker.ts`, which a client does not need.
 *
 * @module
 */
import { ProtocolError } from "./protocol_error.ts";
import type { Unit } from "./receiver.ts";

/** Bytes of a number at most: 28 bits. */
const MOST_DIGITS = 4;

/** Where the reading is: one delta is read at a time, and nothing is called meanwhile. */
let at = 0;
/** The sum that the delta read last tells. */
let sumIn = 0;

/**
 * The message that a delta makes of its base, in a buffer of its own. Takes time in proportion to the delta and the message.
 *
 * @param most Bytes that the message may have.
 * @throws {ProtocolError} If it makes none of this base.
 */
export function applyDelta(base: Uint8Array, delta: Unit, most: number): Uint8Array {
  const message = rebuild(base, delta, most);
  if (sumOf(message) !== sumIn) throw new ProtocolError("A delta makes another message than was published");
  return message;
}

/** The same, whether or not it is the message that was published: what a reader that does not look would show. */
export function rebuild(base: Uint8Array, { bytes, start, end }: Unit, most: number): Uint8Array {
  at = start;
  const length = readNumber(bytes, end);
  if (length > most) throw new ProtocolError("A delta makes a message over the limit");
  if (end - at < 4) throw new ProtocolError("A delta is cut short");
  sumIn = wordAt(bytes, at);
  at += 4;
  const message = new Uint8Array(length);
  let filled = 0;
  let place = 0; // in the base
  while (at < end) {
    const fresh = readNumber(bytes, end);
    if (fresh > end - at) throw new ProtocolError("A delta is cut short");
    if (fresh > length - filled) throw new ProtocolError(TOO_LONG);
    copy(bytes, at, { to: message, start: filled, length: fresh });
    at += fresh;
    filled += fresh;
    if (at === end) break;
    const same = readNumber(bytes, end);
    place += fresh + readShift(bytes, end);
    if (same === 0) throw new ProtocolError("A delta copies nothing");
    if (same > length - filled) throw new ProtocolError(TOO_LONG);
    if (place < 0 || same > base.length - place) throw new ProtocolError("A delta copies what is not there");
    copy(base, place, { to: message, start: filled, length: same });
    filled += same;
    place += same;
  }
  if (filled !== length) throw new ProtocolError("A delta makes less than it says");
  return message;
}

const TOO_LONG = "A delta makes more than it says";

/** 32 bits of a message that tell whether it is the one that was published: not a secret, and no match for who wants to deceive. */
export function sumOf(message: Uint8Array): number {
  const { length } = message;
  let sum = length | 0;
  let i = 0;
  for (; i + 4 <= length; i += 4) sum = mixed(sum, wordAt(message, i));
  let rest = 0;
  for (let shift = 0; i < length; i++, shift += 8) rest |= message[i]! << shift;
  return mixed(sum, rest);
}

/** Four bytes as a number, the first the lowest. */
export function wordAt(bytes: Uint8Array, i: number): number {
  return bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
}

function mixed(sum: number, word: number): number {
  const product = Math.imul(sum ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}

function readNumber(bytes: Uint8Array, end: number): number {
  let number = 0;
  for (let digit = 0; digit < MOST_DIGITS; digit++) {
    if (at >= end) throw new ProtocolError("A delta is cut short");
    const byte = bytes[at++]!;
    number |= (byte & 0x7f) << (7 * digit);
    if (byte < 0x80) return number;
  }
  throw new ProtocolError("A number in a delta is too long");
}

/** A number with a sign, which is its lowest bit. */
function readShift(bytes: Uint8Array, end: number): number {
  const number = readNumber(bytes, end);
  return (number >>> 1) ^ -(number & 1);
}

/** Few bytes are copied one by one, which takes less than to make a view. */
function copy(
  from: Uint8Array,
  place: number,
  { to, start, length }: { readonly to: Uint8Array; readonly start: number; readonly length: number },
): void {
  if (length > 32) to.set(from.subarray(place, place + length), start);
  else for (let i = 0; i < length; i++) to[start + i] = from[place + i]!;
}
