import { DecodeError, refuseRange } from "./errors.ts";
import type { DecodeLimits } from "./limits.ts";

const nothing = new Uint8Array(0);
const smallFrame = 4096; // not worth forgetting

let bytes: Uint8Array = nothing;
let end = 0;
let maxDepth = 0;
let maxKeys = 0;

/**
 * Finds where the value at `at` ends, in one pass and without allocating: counts and lengths against the bytes up
 * to `stop`, depth, keys in a map, keys that are strings. It does not look at contents: text that is not
 * UTF-8, a key twice or `__proto__`, unknown extensions and timestamps are what the decoder refuses besides.
 *
 * @returns the offset after the value, at most `stop`
 * @throws {DecodeError} when there is no whole value, or it is over a limit
 * @throws {RangeError} for a range outside `input`
 */
export function skip(input: Uint8Array, at: number, stop: number, limits: DecodeLimits): number {
  if (!(at >= 0 && at <= stop && stop <= input.length)) refuseRange(input, at, stop);
  if (bytes !== input) bytes = input; // storing a reference costs more (writer.ts)
  end = stop;
  maxDepth = limits.depth;
  maxKeys = limits.keys;
  const after = skipValue(at, 0);
  if (end > smallFrame) bytes = nothing; // or the last frame would live until the next one
  return after;
}

function skipValue(at: number, depth: number): number {
  if (at >= end) truncated(at);
  const head = bytes[at]!;
  if (head < 0x80 || head >= 0xe0) return at + 1;
  if (head < 0x90) return skipMap(at + 1, head & 0x0f, depth);
  if (head < 0xa0) return skipItems(at + 1, head & 0x0f, depth);
  if (head < 0xc0) return advance(at + 1, head & 0x1f);
  if (head < 0xc4) {
    if (head === 0xc1) throw new DecodeError("a byte that starts no value", at);
    return at + 1;
  }
  return skipLong(head, at + 1, depth);
}

function skipLong(head: number, at: number, depth: number): number {
  if (head < 0xc7) return skipSized(at, 1 << (head - 0xc4), 0); // bin 8, 16, 32
  if (head < 0xca) return skipSized(at, 1 << (head - 0xc7), 1); // ext 8, 16, 32: length, type, data
  if (head < 0xcc) return advance(at, head === 0xca ? 4 : 8); // float 32, 64
  if (head < 0xd0) return advance(at, 1 << (head - 0xcc)); // uint 8 to 64
  if (head < 0xd4) return advance(at, 1 << (head - 0xd0)); // int 8 to 64
  if (head < 0xd9) return advance(at, 1 + (1 << (head - 0xd4))); // fixext 1 to 16: type, data
  if (head < 0xdc) return skipSized(at, 1 << (head - 0xd9), 0); // str 8, 16, 32
  const width = head & 1 ? 4 : 2; // array 16, 32, map 16, 32
  const count = uint(at, width);
  return head < 0xde ? skipItems(at + width, count, depth) : skipMap(at + width, count, depth);
}

function skipSized(at: number, width: number, extra: number): number {
  return advance(at + width, uint(at, width) + extra);
}

function skipItems(at: number, count: number, depth: number): number {
  if (depth >= maxDepth) throw new DecodeError(`nested deeper than ${maxDepth}`, at);
  if (count > end - at) throw new DecodeError("an array of more items than there are bytes", at);
  for (let i = 0; i < count; i++) at = skipValue(at, depth + 1);
  return at;
}

function skipMap(at: number, count: number, depth: number): number {
  if (depth >= maxDepth) throw new DecodeError(`nested deeper than ${maxDepth}`, at);
  if (count * 2 > end - at) throw new DecodeError("a map of more entries than there are bytes", at);
  if (count > maxKeys) throw new DecodeError(`a map of more than ${maxKeys} keys`, at);
  for (let i = 0; i < count; i++) at = skipValue(skipKey(at), depth + 1);
  return at;
}

function skipKey(at: number): number {
  if (at >= end) truncated(at);
  const head = bytes[at]!;
  if (head >= 0xa0 && head < 0xc0) return advance(at + 1, head & 0x1f);
  if (head >= 0xd9 && head < 0xdc) return skipSized(at + 1, 1 << (head - 0xd9), 0);
  throw new DecodeError("a key that is no string", at);
}

function advance(at: number, size: number): number {
  if (size > end - at) truncated(at);
  return at + size;
}

function uint(at: number, width: number): number {
  if (width > end - at) truncated(at);
  let n = 0;
  for (let i = 0; i < width; i++) n = n * 0x100 + bytes[at + i]!;
  return n;
}

function truncated(at: number): never {
  throw new DecodeError("the bytes end inside a value", at);
}
