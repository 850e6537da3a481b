// Decoder, checker and @msgpack/msgpack on the same bytes: valid, damaged, and random.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Decoder, Encoder } from "@msgpack/msgpack";
import fc from "fast-check";
import { skip } from "../msgpack/check.ts";
import { decode, decodeRange } from "../msgpack/decoder.ts";
import { encode } from "../msgpack/encoder.ts";
import { defaultLimits } from "../msgpack/limits.ts";
import { assertBytes, join, refusal, values, withEachText } from "./msgpack_support.ts";

/** What only the decoder looks at. */
const contents = /(not UTF-8|__proto__|key twice|of unknown type|a timestamp|bytes after the value)/;

/** Holds decoder and checker against each other on any bytes; returns whether they are a value. */
function agree(bytes: Uint8Array): boolean {
  const refused = refusal(() => decode(bytes));
  let end = -1;
  const unchecked = refusal(() => end = skip(bytes, 0, bytes.length, defaultLimits));
  for (const error of [refused, unchecked]) {
    assert(
      error === undefined || (error.offset >= 0 && error.offset <= bytes.length),
      `offset ${error?.offset}`,
    );
  }
  if (refused === undefined) assertEquals(end, bytes.length);
  else if (unchecked === undefined) assertMatch(refused.message, contents);
  if (end === bytes.length && refused !== undefined) assert(!refused.message.includes("bytes after"));
  return refused === undefined;
}

/** What is accepted has one meaning: encoded again it is the same value. */
function assertStable(bytes: Uint8Array): void {
  const again = encode(decode(bytes));
  assertBytes(encode(decode(again)), again);
}

type Damage = [kind: "set" | "remove" | "insert" | "cut" | "repeat", place: number, byte: number];

const damage: fc.Arbitrary<Damage[]> = fc.array(
  fc.tuple(
    fc.constantFrom("set", "set", "remove", "insert", "cut", "repeat"),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.oneof(
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(0xc1, 0xc7, 0xd9, 0xdc, 0xdd, 0xde, 0xdf, 0x91, 0x82, 0xff),
    ),
  ) as fc.Arbitrary<Damage>,
  { minLength: 1, maxLength: 4 },
);

function damaged(bytes: Uint8Array, damages: Damage[]): Uint8Array {
  for (const [kind, place, byte] of damages) {
    const at = Math.floor(place * bytes.length);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    if (kind === "set") bytes = join(before, [byte], after.subarray(1));
    else if (kind === "remove") bytes = join(before, after.subarray(1));
    else if (kind === "insert") bytes = join(before, [byte], after);
    else if (kind === "cut") bytes = before;
    else bytes = join(before, after.subarray(0, byte), after);
  }
  return bytes;
}

/** Bytes made mostly of headers, so that they nest and often are whole values. */
const grammar: fc.Arbitrary<Uint8Array> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(0x00, 0x7f, 0xc0, 0xc3, 0xe0, 0xa0, 0x80, 0x90) },
    { weight: 4, arbitrary: fc.constantFrom(0x81, 0x82, 0x91, 0x92, 0x93, 0xa1, 0xa2) },
    { weight: 2, arbitrary: fc.integer({ min: 0xc0, max: 0xdf }) },
    { weight: 2, arbitrary: fc.integer({ min: 0x61, max: 0x63 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
  ),
  { maxLength: 60 },
).map((bytes) => Uint8Array.from(bytes));

describe("decoder and checker", () => {
  it("accept what the encoder wrote, in a range of a larger array too", () => {
    withEachText(() => {
      fc.assert(
        fc.property(values, fc.uint8Array({ maxLength: 9 }), (value, around) => {
          const bytes = encode(value);
          assert(agree(bytes));
          const larger = join(around, bytes, around);
          const [from, to] = [around.length, around.length + bytes.length];
          assertEquals(skip(larger, from, larger.length, defaultLimits), to);
          assertBytes(encode(decodeRange(larger, from, to, defaultLimits)), bytes);
        }),
        { numRuns: 200 },
      );
    });
  });

  it("agree on damaged messages, throw DecodeErrors alone, and what they accept is stable", () => {
    let accepted = 0;
    withEachText(() => {
      fc.assert(
        fc.property(values, damage, (value, damages) => {
          const bytes = damaged(encode(value), damages);
          if (!agree(bytes)) return;
          accepted++;
          assertStable(bytes);
        }),
        { numRuns: 1000 },
      );
    });
    assert(accepted > 100, `${accepted} were accepted: too few to mean something`);
  });

  it("agree on bytes made of headers", () => {
    let accepted = 0;
    withEachText(() => {
      fc.assert(
        fc.property(grammar, (bytes) => {
          if (!agree(bytes)) return;
          accepted++;
          assertStable(bytes);
        }),
        { numRuns: 1500 },
      );
    });
    assert(accepted > 20, `${accepted} were accepted`);
  });

  it("agree on random bytes", () => {
    withEachText(() => {
      fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void agree(bytes)), {
        numRuns: 1200,
      });
    });
  });
});

describe("beside @msgpack/msgpack", () => {
  const library = { encoder: new Encoder(), decoder: new Decoder() };
  const wide = { encoder: new Encoder({ useBigInt64: true }), decoder: new Decoder({ useBigInt64: true }) };

  it("the same values have the same bytes, and are read by the other", () => {
    withEachText(() => {
      fc.assert(
        fc.property(values, (value) => {
          if (hasMark(value)) return;
          const bytes = encode(value);
          if (has(value, (leaf) => typeof leaf === "bigint")) {
            // It makes float64 of large numbers when it takes bigints: read alone is compared.
            assertEquals(narrowed(wide.decoder.decode(bytes)), value);
            return;
          }
          assertEquals(library.decoder.decode(bytes), value);
          if (!has(value, (leaf) => Object.is(leaf, -0))) assertBytes(library.encoder.encode(value), bytes); // it drops the sign
        }),
        { numRuns: 400 },
      );
    });
  });

  it("bytes that it writes are read as the same value", () => {
    withEachText(() => {
      fc.assert(
        fc.property(
          values,
          (value) => assertEquals(decode(wide.encoder.encode(value)), withoutMinusZero(value)),
        ),
        { numRuns: 200 },
      );
    });
  });

  it("what we accept of damaged bytes, it reads alike", () => {
    let compared = 0;
    withEachText(() => {
      fc.assert(
        fc.property(values, damage, (value, damages) => {
          const bytes = damaged(encode(value), damages);
          if (!agree(bytes) || hasMark(decode(bytes))) return;
          compared++;
          assertEquals(narrowed(wide.decoder.decode(bytes)), decode(bytes));
        }),
        { numRuns: 600 },
      );
    });
    assert(compared > 30, `${compared} were compared`);
  });
});

function has(value: unknown, test: (leaf: unknown) => boolean): boolean {
  if (typeof value !== "object" || value === null) return test(value);
  if (value instanceof Uint8Array || value instanceof Date) return false;
  return Object.values(value).some((item) => has(item, test));
}

/** Whether a string or key begins with U+FEFF: the library's decoder drops that from strings of more than 200 bytes. */
function hasMark(value: unknown): boolean {
  if (typeof value === "string") return value.startsWith("\ufeff");
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || value instanceof Date) {
    return false;
  }
  return Object.entries(value).some(([key, item]) => hasMark(key) || hasMark(item));
}

/** `value` with `change` done to what is no container. */
function mapped(value: unknown, change: (leaf: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapped(item, change));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || value instanceof Date) {
    return change(value);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapped(item, change)]));
}

/** Bigints that are safe as numbers: the library reads every 64-bit integer as a bigint when asked for them. */
function narrowed(value: unknown): unknown {
  return mapped(
    value,
    (leaf) => typeof leaf === "bigint" && Number.isSafeInteger(Number(leaf)) ? Number(leaf) : leaf,
  );
}

function withoutMinusZero(value: unknown): unknown {
  return mapped(value, (leaf) => Object.is(leaf, -0) ? 0 : leaf);
}
