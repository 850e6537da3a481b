import { DecodeError, refuseRange } from "./errors.ts";
import { expectable, findKey, isKeyAt, type Key } from "./keys.ts";
import { type DecodeLimits, defaultLimits, resolveLimits } from "./limits.ts";
import { keepShape, mostKeys, shapeOf } from "./shapes.ts";
import { readText } from "./text.ts";
import { readTimestamp, timestampType } from "./timestamp.ts";

/**
 * Gives the value for an extension type other than -1, or undefined to have it refused. `data` is a view of the
 * bytes being decoded, borrowed until the call returns. It may itself decode.
 */
export type DecodeExtension = (type: number, data: Uint8Array) => unknown;

/** Options of {@linkcode decode}. */
export interface DecodeOptions extends Partial<DecodeLimits> {
  /** Asked for extension types other than -1; without it they are refused. */
  extension?: DecodeExtension;
}

const nothing = new Uint8Array(0);
const smallFrame = 4096; // not worth forgetting
const float = new DataView(new ArrayBuffer(8));

// The one cursor of the module (see writer.ts). Only an extension can run other code in the middle of a decode:
// it alone saves and restores them.
let bytes: Uint8Array = nothing;
let at = 0;
let end = 0;
let maxDepth = 0;
let maxKeys = 0;
let extension: DecodeExtension | undefined;

/**
 * Decodes one value that takes all of `bytes`. Bin values are views of `bytes`, not copies: they change with it
 * and keep all of it alive, so copy what is kept longer.
 *
 * Integers are numbers where they are safe and bigints beyond; extension -1 is a `Date`; maps are plain objects.
 *
 * @throws {DecodeError} for anything that is not exactly one value, or is over a limit, has a count or length
 * larger than the bytes left, a key that is no string, that is `__proto__` or comes twice, text that is not UTF-8, a
 * timestamp that a Date cannot hold exactly, or an extension that nobody knows
 * @throws {RangeError} for a limit that is no whole number, or a depth over 1,000
 *
 * @example
 * ```ts
 * import { decode } from "@millrace/millrace/msgpack";
 *
 * console.log(decode(new Uint8Array([0x81, 0xa1, 0x61, 0x01]))); // { a: 1 }
 * ```
 */
export function decode(bytes: Uint8Array, options?: DecodeOptions): unknown {
  const limits = options === undefined ? defaultLimits : resolveLimits(options);
  return decodeRange(bytes, 0, bytes.length, limits, options?.extension);
}

/**
 * Decodes the value that takes the bytes from `start` up to `stop`, which lie inside `input`. As
 * {@linkcode decode}, without the view that a `subarray` would cost; bin values are views of `input`.
 *
 * @throws {DecodeError} as {@linkcode decode}
 * @throws {RangeError} for a range outside `input`
 */
export function decodeRange(
  input: Uint8Array,
  start: number,
  stop: number,
  limits: DecodeLimits,
  known?: DecodeExtension,
): unknown {
  if (!(start >= 0 && start <= stop && stop <= input.length)) refuseRange(input, start, stop);
  bytes = input;
  at = start;
  end = stop;
  maxDepth = limits.depth;
  maxKeys = limits.keys;
  extension = known;
  const value = read(0);
  if (at !== end) throw new DecodeError("bytes after the value", at);
  if (end > smallFrame) bytes = nothing; // or the last frame would live until the next one
  return value;
}

function read(depth: number): unknown {
  if (at >= end) truncated();
  const head = bytes[at++]!;
  if (head < 0x80) return head;
  if (head < 0x90) return readMap(head & 0x0f, depth);
  if (head < 0xa0) return readArray(head & 0x0f, depth);
  if (head < 0xc0) return readString(head & 0x1f);
  if (head >= 0xe0) return head - 0x100;
  return readLong(head, depth);
}

function readLong(head: number, depth: number): unknown {
  switch (head) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
      return readBin(uint8());
    case 0xc5:
      return readBin(uint16());
    case 0xc6:
      return readBin(uint32());
    case 0xd9:
      return readString(uint8());
    case 0xda:
      return readString(uint16());
    case 0xdb:
      return readString(uint32());
    case 0xdc:
      return readArray(uint16(), depth);
    case 0xdd:
      return readArray(uint32(), depth);
    case 0xde:
      return readMap(uint16(), depth);
    case 0xdf:
      return readMap(uint32(), depth);
    default:
      return readNumber(head);
  }
}

function readNumber(head: number): unknown {
  switch (head) {
    case 0xca:
      float.setUint32(0, uint32());
      return float.getFloat32(0);
    case 0xcb:
      return float64();
    case 0xcc:
      return uint8();
    case 0xcd:
      return uint16();
    case 0xce:
      return uint32();
    case 0xcf:
      return wide(uint32(), uint32());
    case 0xd0:
      return (uint8() << 24) >> 24;
    case 0xd1:
      return (uint16() << 16) >> 16;
    case 0xd2:
      return uint32() | 0;
    case 0xd3:
      return wide(uint32() | 0, uint32());
    default:
      return readExtension(head);
  }
}

function readExtension(head: number): unknown {
  if (head >= 0xd4 && head <= 0xd8) return extensionOf(1 << (head - 0xd4));
  if (head === 0xc7) return extensionOf(uint8());
  if (head === 0xc8) return extensionOf(uint16());
  if (head === 0xc9) return extensionOf(uint32());
  throw new DecodeError("a byte that starts no value", at - 1);
}

function extensionOf(size: number): unknown {
  const type = (uint8() << 24) >> 24;
  need(size);
  const start = at;
  at += size;
  if (type === timestampType) return readTimestamp(bytes, start, size);
  const value = extension === undefined ? undefined : callExtension(extension, type, view(start, size));
  if (value === undefined) throw new DecodeError(`an extension of unknown type ${type}`, start);
  return value;
}

/** An extension may decode: it finds the cursor free, and leaves it as it was. */
function callExtension(known: DecodeExtension, type: number, data: Uint8Array): unknown {
  const [input, position, stop, depth, keys] = [bytes, at, end, maxDepth, maxKeys];
  const value = known(type, data);
  bytes = input;
  at = position;
  end = stop;
  maxDepth = depth;
  maxKeys = keys;
  extension = known;
  return value;
}

function readMap(count: number, depth: number): Record<string, unknown> {
  const start = at;
  if (depth >= maxDepth) throw new DecodeError(`nested deeper than ${maxDepth}`, start);
  if (count * 2 > end - at) throw new DecodeError("a map of more entries than there are bytes", start);
  if (count > maxKeys) throw new DecodeError(`a map of more than ${maxKeys} keys`, start);
  const map: Record<string, unknown> = {};
  if (count === 0) return map;
  if (count > mostKeys) return readRest(map, count, depth);
  const shape = shapeOf(count, bytes[at]!, bytes[at + 1]!);
  if (shape === undefined) return readNew(map, count, depth);
  for (let i = 0; i < count; i++) {
    const key = shape[i]!;
    if (!isKeyAt(key, bytes, at) || at + key.size >= end) return readOther(map, shape, i, depth);
    at += key.size + 1;
    map[key.text] = read(depth + 1);
  }
  return map;
}

/** Reads a map whose keys are not expected, and remembers them. */
function readNew(map: Record<string, unknown>, count: number, depth: number): Record<string, unknown> {
  return readOther(map, new Array(count), 0, depth);
}

/** Reads on where a map has another key than the shape: it is `keys` up to `from`. */
function readOther(
  map: Record<string, unknown>,
  keys: readonly Key[],
  from: number,
  depth: number,
): Record<string, unknown> {
  const count = keys.length;
  const found = keys.slice();
  const [first, second] = from === 0
    ? [bytes[at]!, bytes[at + 1]!]
    : [0xa0 | keys[0]!.size, keys[0]!.bytes[0]!];
  for (let i = from; i < count; i++) {
    const key = nextKey();
    found[i] = expectable(key);
    map[key.text] = read(depth + 1);
  }
  checkKeys(map, count);
  keepShape(found, first, second);
  return map;
}

function readRest(map: Record<string, unknown>, count: number, depth: number): Record<string, unknown> {
  for (let i = 0; i < count; i++) {
    const key = nextKey().text;
    map[key] = read(depth + 1);
  }
  checkKeys(map, count);
  return map;
}

/** A key twice leaves fewer than were read. Asking `Object.hasOwn` at each key is no faster: as long for two keys, 10 (Bun) and 22 % (Deno) more for 33. */
function checkKeys(map: Record<string, unknown>, count: number): void {
  if (Object.keys(map).length !== count) throw new DecodeError("a map with a key twice", at);
}

function nextKey(): Key {
  if (at >= end) truncated();
  const head = bytes[at++]!;
  const size = head >= 0xa0 && head < 0xc0 ? head & 0x1f : longKeySize(head);
  need(size);
  const start = at;
  at = start + size;
  return findKey(bytes, start, size);
}

function longKeySize(head: number): number {
  if (head === 0xd9) return uint8();
  if (head === 0xda) return uint16();
  if (head === 0xdb) return uint32();
  throw new DecodeError("a key that is no string", at - 1);
}

function readArray(count: number, depth: number): unknown[] {
  if (depth >= maxDepth) throw new DecodeError(`nested deeper than ${maxDepth}`, at);
  if (count > end - at) throw new DecodeError("an array of more items than there are bytes", at);
  const items: unknown[] = []; // grows with what is there: never allocated from the declared count
  for (let i = 0; i < count; i++) items.push(read(depth + 1));
  return items;
}

function readString(size: number): string {
  need(size);
  const start = at;
  at += size;
  return readText(bytes, start, at);
}

function readBin(size: number): Uint8Array {
  need(size);
  const start = at;
  at += size;
  return view(start, size);
}

/** A plain `Uint8Array` whatever the input was: a `subarray` of a Buffer would be a Buffer. */
function view(start: number, size: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, size);
}

function need(size: number): void {
  if (size > end - at) truncated();
}

function truncated(): never {
  throw new DecodeError("the bytes end inside a value", at);
}

function uint8(): number {
  need(1);
  return bytes[at++]!;
}

function uint16(): number {
  need(2);
  const n = (bytes[at]! << 8) | bytes[at + 1]!;
  at += 2;
  return n;
}

function uint32(): number {
  need(4);
  const n = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  at += 4;
  return n;
}

function float64(): number {
  float.setUint32(0, uint32());
  float.setUint32(4, uint32());
  return float.getFloat64(0);
}

/** 64 bits as a number where that is exact, as a bigint where it is not. */
function wide(high: number, low: number): number | bigint {
  const n = high * 0x100000000 + low;
  if (Number.isSafeInteger(n)) return n;
  return BigInt(high) * 0x100000000n + BigInt(low);
}
