// Strings and keys through each set of native routines: the same text, the same bytes, the same refusals.
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { decode } from "../msgpack/decoder.ts";
import { encode } from "../msgpack/encoder.ts";
import { assertBytes, join, refusal, utf8, withEachText } from "./msgpack_support.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function header(size: number): number[] {
  return [0xdb, size >>> 24, (size >> 16) & 255, (size >> 8) & 255, size & 255];
}

/** `bytes` as the decoder reads them in a string; undefined when it refuses. */
function read(bytes: Uint8Array): unknown {
  let text: unknown;
  const whole = join([0xc0, 0xc0], header(bytes.length), bytes, [0x61, 0x61]).subarray(2, 7 + bytes.length);
  return refusal(() => text = decode(whole)) === undefined ? text : undefined;
}

function expected(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

describe("reading text", () => {
  it("takes ASCII of every length up to 100, and any one byte in it that is not", () => {
    withEachText(() => {
      for (let size = 0; size <= 100; size++) {
        const bytes = Uint8Array.from({ length: size }, (_, i) => 0x20 + ((i * 7) % 0x5f));
        assertStrictEquals(read(bytes), expected(bytes));
        for (let at = 0; at < size; at++) {
          const bad = bytes.with(at, 0x80 + (at % 0x80));
          assertStrictEquals(read(bad), undefined);
        }
      }
    });
  });

  it("takes what a strict decoder takes, and refuses the rest", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary", maxLength: 20 }).map(utf8),
      fc.constantFrom("\ufffd", "\ufeff", "\u0000", "é", "😀", "x".repeat(30)).map(utf8),
      fc.uint8Array({ maxLength: 3 }),
    );
    withEachText(() => {
      fc.assert(
        fc.property(fc.array(piece, { maxLength: 6 }).map((pieces) => join(...pieces)), (bytes) => {
          assertStrictEquals(read(bytes), expected(bytes));
        }),
        { numRuns: 1500 },
      );
    });
  });

  it("refuses every sequence of two bytes from 80 on that is not one character", () => {
    withEachText(() => {
      for (let a = 0x80; a < 0x100; a++) {
        for (let b = 0x80; b < 0x100; b += 3) {
          const bytes = join(utf8("twenty ascii letters"), [a, b]);
          assertStrictEquals(read(bytes), expected(bytes));
        }
      }
    });
  });

  it("keeps a byte order mark, zeros and U+FFFD", () => {
    withEachText(() => {
      for (
        const text of [
          "\ufeff",
          "\ufeffa",
          "a".repeat(40) + "\ufffd",
          "\ufffd",
          "\u0000",
          "\ufeff".repeat(20),
        ]
      ) {
        assertStrictEquals(decode(encode(text)), text);
        assertEquals(Object.keys(decode(encode({ [text]: 1 })) as object), [text]);
      }
    });
  });

  it("goes on after text that was refused", () => {
    withEachText(() => {
      assert(refusal(() => decode(join([0xd9, 40], new Uint8Array(39).fill(0x61), [0xe2]))) !== undefined);
      assertStrictEquals(decode(encode("é".repeat(20))), "é".repeat(20));
    });
  });
});

describe("writing text", () => {
  const units = ["a", "é", "水", "😀", "\u0000", "ÿ", "\ufffd", "\ufeff"];

  it("writes every length around the headers, of characters of each width", () => {
    withEachText(() => {
      for (const unit of units) {
        for (const around of [0, 8, 16, 31, 32, 64, 85, 128, 256, 4096, 21846, 65536]) {
          for (const length of [around - 1, around, around + 1]) {
            if (length < 0) continue;
            const text = unit.repeat(length);
            const bytes = encode(text);
            const body = utf8(text);
            assertEquals(bytes.length, body.length + headerSize(body.length));
            assertBytes(bytes.subarray(bytes.length - body.length), body);
          }
        }
      }
    });
  });

  it("writes mixed text as TextEncoder does, also long enough to be written in parts", () => {
    withEachText(() => {
      const text = fc.tuple(
        fc.string({ unit: "binary", maxLength: 40 }),
        fc.nat({ max: 400 }),
        fc.constantFrom(...units),
      );
      fc.assert(
        fc.property(fc.array(text, { maxLength: 30 }), (parts) => {
          const whole = parts.map(([start, times, unit]) => start + unit.repeat(times)).join("");
          const bytes = encode(whole);
          const body = utf8(whole);
          assertBytes(bytes.subarray(bytes.length - body.length), body);
          assertStrictEquals(decode(bytes), whole);
        }),
        { numRuns: 150 },
      );
    });
  });

  it("writes megabytes of wide text", () => {
    const text = "x".repeat(1000) + "水😀".repeat(400_000);
    assertStrictEquals(decode(encode(text)), text);
  });
});

function headerSize(n: number): number {
  if (n < 32) return 1;
  if (n < 256) return 2;
  return n < 65536 ? 3 : 5;
}

describe("reading keys", () => {
  it("tells apart keys that share length, hash or beginning, again and again", () => {
    const keys = Array.from({ length: 3000 }, (_, i) => `k${(i * 7919) % 3001}`).concat(
      [
        "",
        "a",
        "b",
        "ab",
        "ba",
        "aba",
        "abb",
        "é",
        "è",
        "x".repeat(30),
        "x".repeat(31),
        "x".repeat(32),
        "y".repeat(31),
      ],
    );
    for (let round = 0; round < 3; round++) {
      for (const key of keys) assertEquals(decode(encode({ [key]: round })), { [key]: round });
    }
  });

  it("keeps its own copy of what it has seen", () => {
    const first = encode({ secret: 1 });
    assertEquals(decode(first), { secret: 1 });
    first.set(utf8("sxyrzt"), 2); // the same length, first, middle and last byte: kept in the same place
    assertEquals(decode(first), { sxyrzt: 1 });
    assertEquals(decode(encode({ secret: 2 })), { secret: 2 });
  });

  it("reads any keys as they were written", () => {
    const keys = fc.uniqueArray(fc.string({ unit: "binary", maxLength: 40 }), { maxLength: 40 });
    withEachText(() => {
      fc.assert(fc.property(keys, (names) => {
        const map = Object.fromEntries(
          names.filter((name) => name !== "__proto__").map((name, i) => [name, i]),
        );
        assertEquals(decode(encode(map)), map);
      }));
    });
  });
});
