// Rows C1 to C15 of the catalogue of attacks on decoders (C7 is in msgpack_extension_test.ts): refused with a DecodeError, in
// bounded time and memory.
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import process from "node:process";
import { skip } from "../msgpack/check.ts";
import { decode, decodeRange } from "../msgpack/decoder.ts";
import { encode } from "../msgpack/encoder.ts";
import { defaultLimits } from "../msgpack/limits.ts";
import { assertBytes, deep, fromHex, join, refusal, utf8 } from "./msgpack_support.ts";

const mebibyte = 1 << 20;

/** Asserts that the decoder refuses `bytes`, and the checker as well unless only the contents are wrong. */
function assertRefused(bytes: Uint8Array, reason: string, options: { contents?: boolean } = {}): void {
  const error = refusal(() => decode(bytes));
  assert(error !== undefined, "decoded");
  assert(error.message.endsWith(reason), error.message);
  const checked = refusal(() => skip(bytes, 0, bytes.length, defaultLimits));
  assertEquals(checked === undefined, options.contents ?? false);
}

/** Resident bytes that `count` runs add, after as many have warmed everything up. */
function growth(count: number, run: () => void): number {
  for (let i = 0; i < count; i++) run();
  const before = process.memoryUsage().rss;
  for (let i = 0; i < count; i++) run();
  return process.memoryUsage().rss - before;
}

describe("C1: counts that are larger than the bytes", () => {
  const bombs: Record<string, [Uint8Array, string]> = {
    "array 32 of 30 million in 5 bytes": [
      fromHex("dd01c9c380"),
      "an array of more items than there are bytes",
    ],
    "array 32 of 2^32-1": [fromHex("ddffffffff"), "an array of more items than there are bytes"],
    "map 32 of 2^32-1": [fromHex("dfffffffff00"), "a map of more entries than there are bytes"],
    "map 16 of 65535": [fromHex("deffff"), "a map of more entries than there are bytes"],
    "array 16 nested 300 times, 900 bytes": [
      deep([0xdc, 0xff, 0xff], 300),
      "an array of more items than there are bytes",
    ],
    "array 16 nested 16000 times, each count covered by the bytes behind it": [
      deep([0xdc, 0x80, 0x00], 16_000),
      "nested deeper than 32", // 31 of them are open when it ends, none allocated from its count
    ],
    "map 16 nested, each count covered": [
      deep([0xde, 0x04, 0x00, 0xa1, 0x61], 3000),
      "nested deeper than 32",
    ],
  };
  for (const [name, [bytes, reason]] of Object.entries(bombs)) {
    it(`${name}: refused, without memory for it`, () => {
      assertRefused(bytes, reason);
      const grown = growth(200, () => refusal(() => decode(bytes)));
      assert(grown < 32 * mebibyte, `${grown} bytes for 200 of them`); // one costs a trusting decoder 229 MB
    });
  }
});

describe("C2: lengths that are larger than the bytes", () => {
  for (
    const head of [
      "d9ff",
      "daffff",
      "dbffffffff",
      "dbfffffffe61",
      "c4ff",
      "c5ffff",
      "c6ffffffff",
      "c7ffff",
      "c8ffff01",
      "c9ffffffff01",
    ]
  ) {
    it(`${head}: truncated`, () => assertRefused(fromHex(head + "6161"), "the bytes end inside a value"));
  }
});

describe("C3: every prefix of every message", () => {
  const messages: unknown[] = [
    { id: 1, name: "Ada", tags: ["a", "é", "x".repeat(40)], at: new Date(5), raw: new Uint8Array([1, 2, 3]) },
    [200, 70_000, 2 ** 40, -200, -70_000, -(2 ** 40), 0.5, true, null, 2n ** 63n, "x".repeat(300)],
    [new Date(0), new Date(1), new Date(-1), new Uint8Array(300), {
      ["k".repeat(40)]: { ["k".repeat(300)]: 1 },
    }],
    Array.from({ length: 20 }, (_, i) => ({ i })),
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i])),
  ];
  messages.forEach((message, index) => {
    it(`message ${index}: truncated, also when the rest lies behind the range`, () => {
      const bytes = encode(message);
      for (let n = 0; n < bytes.length; n++) {
        const prefix = bytes.slice(0, n);
        assert(refusal(() => decode(prefix)) !== undefined, `${n} bytes`);
        assert(refusal(() => skip(prefix, 0, n, defaultLimits)) !== undefined, `${n} bytes`);
        assert(refusal(() => decodeRange(bytes, 0, n, defaultLimits)) !== undefined, `up to ${n}`);
        assert(refusal(() => skip(bytes, 0, n, defaultLimits)) !== undefined, `up to ${n}`);
      }
    });
  });

  it("ranges outside the array are the caller's mistake", () => {
    const bytes = new Uint8Array(4);
    for (const [start, stop] of [[0, 5], [-1, 4], [3, 2], [NaN, 4], [0, NaN]] as const) {
      assertThrows(() => decodeRange(bytes, start, stop, defaultLimits), RangeError, "Cannot read bytes");
      assertThrows(() => skip(bytes, start, stop, defaultLimits), RangeError, "Cannot read bytes");
    }
  });
});

describe("C4: depth", () => {
  const fixExt = [0xd4, 0x01, 0x00];
  const cases: [string, Uint8Array][] = [
    ["arrays, 100,000", deep([0x91], 100_000)],
    ["maps, 100,000", deep([0x81, 0xa1, 0x61], 100_000)],
    ["mixed, 50,000", deep([0x91, 0x81, 0xa0, 0x92, ...fixExt], 50_000)],
    ["arrays, 33", deep([0x91], 33, [0xc0])],
    ["empty array in 32", deep([0x91], 32, [0x90])],
    ["empty map in 32", deep([0x81, 0xa0], 32, [0x80])],
    ["wide arrays", deep([0xdc, 0x00, 0x01], 1_000, [0xc0])],
  ];
  for (const [name, bytes] of cases) {
    it(`${name}: refused at 33`, () => {
      const error = refusal(() => decode(bytes, { extension: () => 0 }));
      assert(error?.message.endsWith("nested deeper than 32"), error?.message);
      assert(
        refusal(() => skip(bytes, 0, bytes.length, defaultLimits))?.message.endsWith("nested deeper than 32"),
      );
    });
  }

  it("is counted in containers: 32 are accepted, whatever is inside", () => {
    for (const bytes of [deep([0x91], 31, [0x90]), deep([0x81, 0xa0], 32, [0xcb, 0, 0, 0, 0, 0, 0, 0, 0])]) {
      decode(bytes);
      assertEquals(skip(bytes, 0, bytes.length, defaultLimits), bytes.length);
    }
  });
});

describe("C5: keys that reach prototypes", () => {
  const map = (key: string, value: number[]) => join([0x81, 0xd9, key.length], utf8(key), value);
  const wrap: Record<string, (bytes: Uint8Array) => Uint8Array> = {
    "at the top": (bytes) => bytes,
    "in an array": (bytes) => join([0x92, 0xc0], bytes),
    "in a map": (bytes) => join([0x81, 0xa1, 0x61], bytes),
    "31 deep": (bytes) => join(deep([0x91], 31), bytes),
  };
  const polluting = [0x81, 0xa8, ...utf8("polluted"), 0xc3];
  for (const [place, within] of Object.entries(wrap)) {
    it(`__proto__ ${place}: refused`, () => {
      assertRefused(within(map("__proto__", place === "31 deep" ? [0xc3] : polluting)), "a key __proto__", {
        contents: true,
      });
      assertStrictEquals(({} as Record<string, unknown>)["polluted"], undefined);
    });
    for (const key of ["constructor", "prototype", "toString", "__defineGetter__", "hasOwnProperty"]) {
      it(`${key} ${place}: a plain property`, () => {
        let value = decode(within(map(key, [0xc3]))) as Record<string, unknown> & unknown[];
        while (!Object.hasOwn(value, key)) {
          value = (Array.isArray(value) ? value.at(-1) : value["a"]) as typeof value;
        }
        assertEquals(Object.getOwnPropertyDescriptor(value, key), {
          value: true,
          writable: true,
          enumerable: true,
          configurable: true,
        });
        assertStrictEquals(Object.getPrototypeOf(value), Object.prototype);
      });
    }
  }
});

describe("C6: keys that are no strings", () => {
  for (
    const key of [
      "00",
      "e0",
      "cb0000000000000000",
      "c0",
      "c2",
      "c400",
      "90",
      "9191c0",
      "80",
      "8181",
      "d40100",
      "d6ff00000000",
      "c1",
    ]
  ) {
    it(`key ${key}: refused`, () => assertRefused(fromHex("81" + key + "c0c0c0"), "a key that is no string"));
  }
});

describe("C8 and C14: bin", () => {
  it("is a view of the input, bounded by its length: copied by who keeps it", () => {
    const frame = encode([new Uint8Array([1, 2, 3]), "tail"]);
    const [bin] = decode(frame) as [Uint8Array];
    assertStrictEquals(bin.buffer, frame.buffer);
    assertEquals([bin.byteOffset, bin.length], [3, 3]);
    frame[3] = 9;
    assertEquals(bin[0], 9);
  });

  it("respects where a view begins", () => {
    const whole = join([0xff, 0xff], encode([new Uint8Array([1, 2])]), [0xff]);
    const [bin] = decode(whole.subarray(2, whole.length - 1)) as [Uint8Array];
    assertBytes(bin, Uint8Array.of(1, 2));
    assertEquals(bin.byteOffset, 5);
  });
});

describe("C9: keys made to collide", () => {
  const keys: Record<string, (i: number) => string> = {
    "integers": (i) => String(i * 4096),
    "integers that no array index holds": (i) => String(4_294_967_295 + i * 1024),
    "strings of equal length, start and end": (i) => `aa${i.toString(2).padStart(11, "0")}aa`,
  };
  for (const [name, key] of Object.entries(keys)) {
    it(`1,024 ${name}: decoded; one more is refused`, () => {
      const entries = Array.from({ length: 1024 }, (_, i) => [key(i), i] as const);
      const bytes = encode(Object.fromEntries(entries));
      const value = decode(bytes) as Record<string, number>;
      for (const [k, i] of entries) assertStrictEquals(value[k], i);
      const more = join([0xde, 0x04, 0x01], bytes.subarray(3), encode("one more"), [0xc0]);
      assertRefused(more, "a map of more than 1024 keys");
      let best = Infinity;
      for (let i = 0; i < 5; i++) {
        const start = performance.now();
        decode(bytes);
        best = Math.min(best, performance.now() - start);
      }
      assert(best < 50, `${best} ms`); // takes under one
    });
  }
});

describe("C10: keys that come twice", () => {
  it("are refused in small and large maps, in every order and form, wherever they are", () => {
    for (const count of [2, 3, 15, 16, 100, 1024]) {
      const pairs = Array.from({ length: count }, (_, i) => join(encode(`key${i}`), [0xc0]));
      for (const [from, to] of [[0, 1], [0, count - 1], [count - 2, count - 1]] as const) {
        const twice = pairs.with(to, join([0xd9, `key${from}`.length], utf8(`key${from}`), [0xc0]));
        const map = join([0xde, count >> 8, count & 255], ...twice);
        assertRefused(map, "a map with a key twice", { contents: true });
        assertRefused(join([0x92, 0xc0], map), "a map with a key twice", { contents: true });
      }
    }
    assertRefused(fromHex("82a16101a16102"), "a map with a key twice", { contents: true });
  });

  it("are the same key in another map", () => {
    assertEquals(decode(fromHex("82a16181a16101a16281a16102")), { a: { a: 1 }, b: { a: 2 } });
  });

  it("are refused when the value before was nil or equal", () => {
    assertRefused(fromHex("82a161c0a161c0"), "a map with a key twice", { contents: true });
  });
});

describe("C11: numbers in odd forms", () => {
  it("are the same value or refused, never rounded", () => {
    assertStrictEquals(decode(fromHex("cb8000000000000000")), -0);
    assertStrictEquals(decode(fromHex("ca80000000")), -0);
    assertStrictEquals(decode(fromHex("ca7fc00000")), NaN);
    assertStrictEquals(decode(fromHex("cb7ff0000000000001")), NaN);
    assertStrictEquals(decode(fromHex("ca3dcccccd")), Math.fround(0.1));
    assertStrictEquals(decode(fromHex("cf0020000000000000")), 2n ** 53n);
    assertStrictEquals(decode(fromHex("cf0020000000000001")), 2n ** 53n + 1n);
    assertStrictEquals(decode(fromHex("cf001fffffffffffff")), 2 ** 53 - 1);
    assertStrictEquals(decode(fromHex("d3ffe0000000000000")), -(2n ** 53n));
    assertStrictEquals(decode(fromHex("d3ffe0000000000001")), -(2 ** 53 - 1));
    assertStrictEquals(decode(fromHex("d38000000000000000")), -(2n ** 63n));
    assertStrictEquals(decode(fromHex("cf0000000000000000")), 0);
    assertRefused(fromHex("d7ff00000fa000000000"), "a timestamp finer than a millisecond", {
      contents: true,
    });
  });
});

describe("C12: text that is not UTF-8", () => {
  for (const bad of ["fffe", "c080", "eda080", "f4908080", "80", "c3", "e28228", "f0808080", "fbbfbfbfbf"]) {
    it(`${bad}: refused in strings of any length, and in keys`, () => {
      for (const before of [0, 1, 7, 20, 40, 300]) {
        const text = join(new Uint8Array(before).fill(0x61), fromHex(bad));
        const long = join([0xda, text.length >> 8, text.length & 255], text);
        assertRefused(long, "a string that is not UTF-8", { contents: true });
        assertRefused(join([0x81], long, [0xc0]), "a string that is not UTF-8", { contents: true });
      }
    });
  }
});

describe("C13 and C15: more than one value", () => {
  it("is refused at the byte after the first", () => {
    for (
      const bytes of [
        fromHex("0102"),
        fromHex("c0c0"),
        new Uint8Array(1_000_000).fill(0xc0),
        join(encode([1]), [0xc1]),
      ]
    ) {
      const error = refusal(() => decode(bytes));
      assert(error !== undefined && error.message.endsWith("bytes after the value"));
      assertEquals(error.offset, skip(bytes, 0, bytes.length, defaultLimits));
    }
  });

  it("is what skip walks over, one at a time", () => {
    const bytes = join(encode("one"), encode([2, 2]), encode({ three: 3 }));
    const ends: number[] = [];
    for (let at = 0; at < bytes.length;) ends.push(at = skip(bytes, at, bytes.length, defaultLimits));
    assertEquals(ends, [4, 7, 15]);
  });
});
