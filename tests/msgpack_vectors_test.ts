// tests/vectors/values.json, read in both directions: what a client in another language is checked with as well.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { skip } from "../msgpack/check.ts";
import { decode } from "../msgpack/decoder.ts";
import { encode } from "../msgpack/encoder.ts";
import { defaultLimits } from "../msgpack/limits.ts";
import { fromHex, join, refusal, toHex, withEachText } from "./msgpack_support.ts";
import vectors from "./vectors/values.json" with { type: "json" };

type Parts = (string | { hex: string; times: number })[];

interface Described {
  type: string;
  value?: unknown;
  bits?: string;
  text?: string;
  hex?: string;
  times?: number;
  items?: Described[];
  entries?: [string, Described][];
  keyPrefix?: string;
  count?: number;
  milliseconds?: string;
}

function bytesOf(parts: Parts): Uint8Array {
  return join(...parts.map((part) => fromHex(typeof part === "string" ? part : part.hex.repeat(part.times))));
}

function valueOf(described: Described): unknown {
  const { type, text = "", hex = "", times = 1, items = [] } = described;
  switch (type) {
    case "nil":
      return null;
    case "bool":
      return described.value;
    case "int":
      return integerOf(String(described.value));
    case "float":
      return new DataView(fromHex(described.bits ?? "").buffer as ArrayBuffer).getFloat64(0);
    case "str":
      return text.repeat(times);
    case "bin":
      return fromHex(hex.repeat(times));
    case "array":
      return Array.from({ length: times }, () => items.map(valueOf)).flat(1);
    case "map":
      return mapOf(described);
    case "time":
      return new Date(Number(described.milliseconds));
    default:
      throw new TypeError(`Cannot read a vector of type ${type}: unknown`);
  }
}

function integerOf(digits: string): number | bigint {
  return Number.isSafeInteger(Number(digits)) ? Number(digits) : BigInt(digits);
}

function mapOf({ entries, keyPrefix, count, value }: Described): Record<string, unknown> {
  if (entries !== undefined) return Object.fromEntries(entries.map(([key, item]) => [key, valueOf(item)]));
  return Object.fromEntries(
    Array.from({ length: count ?? 0 }, (_, i) => [`${keyPrefix}${i}`, valueOf(value as Described)]),
  );
}

const reasons: Record<string, RegExp> = {
  "truncated": /: the bytes end inside a value$/,
  "unknown-byte": /: a byte that starts no value$/,
  "trailing": /: bytes after the value$/,
  "count": /: an? (array|map) of more (items|entries) than there are bytes$/,
  "depth": /: nested deeper than 32$/,
  "keys": /: a map of more than 1024 keys$/,
  "duplicate-key": /: a map with a key twice$/,
  "key-type": /: a key that is no string$/,
  "forbidden-key": /: a key __proto__$/,
  "utf8": /: a string that is not UTF-8$/,
  "extension": /: an extension of unknown type -?\d+$/,
  "timestamp": /: a timestamp /,
};

/** What the checker refuses as well; the rest is about contents. */
const structural = new Set(["truncated", "unknown-byte", "count", "depth", "keys", "key-type"]);

describe("vectors of values", () => {
  for (const { name, value, bytes } of vectors.values as { name: string; value: Described; bytes: Parts }[]) {
    it(`${name}: encoded, decoded, skipped`, () => {
      const expected = bytesOf(bytes);
      withEachText(() => {
        assertEquals(toHex(encode(valueOf(value))), toHex(expected));
        assertEquals(decode(expected), valueOf(value));
      });
      assertEquals(skip(expected, 0, expected.length, defaultLimits), expected.length);
    });
  }
});

describe("vectors of other forms that are accepted", () => {
  for (
    const { name, value, bytes } of vectors.accepted as { name: string; value: Described; bytes: Parts }[]
  ) {
    it(`${name}: decoded, and encoded in fewer bytes or another form`, () => {
      const given = bytesOf(bytes);
      assertEquals(skip(given, 0, given.length, defaultLimits), given.length);
      withEachText(() => {
        assertEquals(decode(given), valueOf(value));
        const own = encode(valueOf(value));
        assert(toHex(own) !== toHex(given));
        assertEquals(decode(own), valueOf(value));
      });
    });
  }
});

describe("vectors of bytes that are no value", () => {
  for (const { name, reason, bytes } of vectors.invalid as { name: string; reason: string; bytes: Parts }[]) {
    it(`${name}: refused as ${reason}`, () => {
      const given = bytesOf(bytes);
      withEachText(() => {
        const error = refusal(() => decode(given));
        assert(error !== undefined, "decoded");
        assertMatch(error.message, reasons[reason] as RegExp);
        assert(error.offset >= 0 && error.offset <= given.length);
      });
      const skipped = refusal(() => skip(given, 0, given.length, defaultLimits));
      if (structural.has(reason)) assertMatch(skipped?.message ?? "skipped", reasons[reason] as RegExp);
      else assertEquals(skipped, undefined);
    });
  }
});
