// What the tests of msgpack/ share: hex, vectors as values, arbitrary values, and the natives of both runtimes.
import { Buffer } from "node:buffer";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { decode } from "../msgpack/decoder.ts";
import { encode } from "../msgpack/encoder.ts";
import { DecodeError } from "../msgpack/errors.ts";
import { setText, type TextNatives } from "../msgpack/text.ts";

/** The string routines that the runtime files hand in, and none: every test of text runs with each. */
export const textNatives: Record<string, TextNatives> = {
  "no natives": {},
  "natives": { utf8Slice: Buffer.prototype.utf8Slice, utf8Write: Buffer.prototype.utf8Write },
  "natives and short text built": {
    utf8Slice: Buffer.prototype.utf8Slice,
    utf8Write: Buffer.prototype.utf8Write,
    built: 12,
  },
};

/** Runs `run` with each set of natives, and leaves none set. */
export function withEachText(run: (name: string) => void): void {
  try {
    for (const [name, natives] of Object.entries(textNatives)) {
      setText(natives);
      run(name);
    }
  } finally {
    setText({});
  }
}

/** Bytes from hex digits; spaces are ignored. */
export function fromHex(hex: string): Uint8Array {
  const digits = hex.replaceAll(" ", "");
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, i) => parseInt(digits.slice(i * 2, i * 2 + 2), 16),
  );
}

/** Hex digits of bytes. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Fails unless both have the same bytes; shown as hex. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array, note?: string): void {
  if (actual.length === expected.length && actual.every((byte, i) => byte === expected[i])) return;
  assertEquals(toHex(actual), toHex(expected), note);
}

/** All of `parts` in one array. */
export function join(...parts: (Uint8Array | number[])[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** `open` that many times, then `rest`: containers inside containers. */
export function deep(open: number[], times: number, rest: number[] = []): Uint8Array {
  return join(...Array.from({ length: times }, () => open), rest);
}

/** The bytes of `text` in UTF-8, not checked. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What `run` throws as a DecodeError; undefined when it does not throw. Any other exception goes on. */
export function refusal(run: () => unknown): DecodeError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
}

/** The value after its way to bytes and back. */
export function roundTrip(value: unknown): unknown {
  return decode(encode(value));
}

const text = fc.string({ unit: "grapheme" });
const longText = fc.nat({ max: 300 }).chain((n) => fc.string({ unit: "binary", minLength: n, maxLength: n }));
const key = fc.oneof(fc.string({ maxLength: 12 }), text, fc.constantFrom("prototype", "toString", "0"))
  .filter((k) => k !== "__proto__" && k !== "constructor"); // assertEquals asks objects for their constructor

/** Integers around the places where their encoded form changes. */
export const integers: fc.Arbitrary<number> = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.integer({ min: -200, max: 300 }),
  fc.tuple(fc.nat({ max: 53 }), fc.integer({ min: -2, max: 2 }), fc.constantFrom(1, -1))
    .map(([bits, off, sign]) => sign * (2 ** bits + off) + 0).filter(Number.isSafeInteger),
);

/** Bigints that come back as bigints: beyond the safe integers, inside 64 bits. */
export const wideBigints: fc.Arbitrary<bigint> = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })
  .filter((n) => !Number.isSafeInteger(Number(n)) || BigInt(Number(n)) !== n);

const scalar = fc.oneof(
  integers,
  fc.double(),
  fc.constantFrom<unknown>(null, true, false, -0, NaN, Infinity, -Infinity),
  text,
  longText,
  fc.uint8Array({ maxLength: 300 }),
  fc.date({ noInvalidDate: true }),
  wideBigints,
);

/** Any value that comes back equal from its bytes. */
export const values: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(key, tie("value"), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;
