import { DecodeError } from "./errors.ts";

/** Native string routines of a runtime, handed in by the one file that knows the runtime. */
export interface TextNatives {
  /**
   * Bytes from `start` to `end` as text with U+FFFD for what is not UTF-8, called with the bytes as `this`:
   * `Buffer.prototype.utf8Slice` of `node:buffer`.
   */
  utf8Slice?: (this: Uint8Array, start: number, end: number) => string;
  /**
   * Writes a well-formed string as UTF-8 at `offset` and returns how many bytes it took, called with the target
   * as `this`: `Buffer.prototype.utf8Write`. There is room for `length` bytes.
   */
  utf8Write?: (this: Uint8Array, text: string, offset: number, length: number) => number;
  /**
   * Bytes up to which ASCII is built with `String.fromCharCode` before `utf8Slice` is asked.
   *
   * @default 0 with `utf8Slice`, 16 without
   */
  built?: number;
}

// ignoreBOM keeps a leading U+FEFF in the string: it is data, and dropping it would make two names one.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

let utf8Slice: TextNatives["utf8Slice"];
let utf8Write: TextNatives["utf8Write"];
let builtUpTo = 0;

/**
 * Sets the routines that strings go through from now on, for the whole program; what is left out falls back to
 * `TextDecoder` and `TextEncoder`. The results are the same either way, only the time differs.
 */
export function setText(natives: TextNatives): void {
  utf8Slice = natives.utf8Slice;
  utf8Write = natives.utf8Write;
  builtUpTo = natives.built ?? (utf8Slice === undefined ? 16 : 0);
}
setText({});

/**
 * Reads UTF-8 from `start` to `end`, both inside `bytes`.
 *
 * @throws {DecodeError} when the bytes are not UTF-8
 */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= builtUpTo) return buildAscii(bytes, start, end);
  if (utf8Slice === undefined) return readUtf8(bytes, start, end);
  const text = utf8Slice.call(bytes, start, end);
  // What is not UTF-8 shows as U+FFFD; a string of characters up to U+00FF is known not to have it at once.
  return text.includes("\ufffd") ? readUtf8(bytes, start, end) : text;
}

function buildAscii(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const a = bytes[at]!, b = bytes[at + 1]!, c = bytes[at + 2]!, d = bytes[at + 3]!;
    if ((a | b | c | d) > 0x7f) return readUtf8(bytes, start, end);
    text += String.fromCharCode(a, b, c, d);
  }
  for (; at < end; at++) {
    const a = bytes[at]!;
    if (a > 0x7f) return readUtf8(bytes, start, end);
    text += String.fromCharCode(a);
  }
  return text;
}

function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    throw new DecodeError("a string that is not UTF-8", start);
  }
}

/**
 * Writes `text` as UTF-8 at `at` and returns the bytes it took. `target` has room for three bytes a character,
 * `text` is well-formed.
 */
export function writeText(text: string, target: Uint8Array, at: number): number {
  if (utf8Write !== undefined) return utf8Write.call(target, text, at, text.length * 3);
  return encoder.encodeInto(text, target.subarray(at)).written;
}

/** Like {@linkcode writeText} without the promise of room: stops before the first character that does not fit. */
export function writeTextPart(text: string, target: Uint8Array): { read: number; written: number } {
  return encoder.encodeInto(text, target);
}

const wellFormed: ((this: string) => boolean) | undefined =
  (String.prototype as { isWellFormed?: (this: string) => boolean }).isWellFormed;

/** Whether `text` has no lone surrogate, so that UTF-8 can carry it unchanged. */
export function isWellFormed(text: string): boolean {
  // The native form is one flag check for strings without characters over U+00FF.
  return wellFormed === undefined ? !/\p{Surrogate}/u.test(text) : wellFormed.call(text);
}

/** Bytes of the header of a string of `n` bytes. */
export function stringHeaderSize(n: number): number {
  if (n < 0x20) return 1;
  if (n < 0x100) return 2;
  return n < 0x10000 ? 3 : 5;
}
