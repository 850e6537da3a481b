// Reading input is linear in its size, whoever made it: counted in reads of its bytes, with no clock, up to the limits of the wire.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { skip } from "../msgpack/check.ts";
import { decode } from "../msgpack/decoder.ts";
import { defaultLimits } from "../msgpack/limits.ts";
import { setText } from "../msgpack/text.ts";
import { DEFAULT_LIMITS } from "../rpc/limits.ts";
import { Kind } from "../rpc/kinds.ts";
import { LoneServer } from "./suites/lone_server.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { anything, procedure } from "./suites/pair.ts";
import { call, frameOf, payload } from "./suites/wire.ts";
import { deep, join, refusal, utf8 } from "./msgpack_support.ts";

/**
 * Counts what `run` reads of `bytes`: one for each element, all of what a view has or the runtime reads as text, and one for each key and item of a list that is
 * gone through. `run` ends early where that is far too much, or a wrong one would not end.
 */
function readsOf(bytes: Uint8Array, run: (input: Uint8Array) => void): number {
  let reads = 0;
  const counted = new Proxy(bytes, {
    get(target, key) {
      if (key === "subarray") {
        return (from: number, to: number) => {
          reads += to - from;
          return target.subarray(from, to);
        };
      }
      if (typeof key === "string" && key.charCodeAt(0) <= 0x39 && ++reads > 10 * bytes.length + 1000) {
        throw new Error(`more than 10 reads of each of ${bytes.length} bytes`);
      }
      return Reflect.get(target, key) as unknown;
    },
  });
  setText({
    utf8Slice(start, end) {
      reads += end - start;
      return Buffer.prototype.utf8Slice.call(bytes, start, end);
    },
  });
  const { keys } = Object;
  const { slice } = Array.prototype;
  Object.keys = (value: object) => {
    const found = keys(value);
    reads += found.length;
    return found;
  };
  Array.prototype.slice = function (...range) {
    const found = slice.apply(this, range) as unknown[];
    reads += found.length;
    return found;
  };
  try {
    run(counted);
  } finally {
    Object.keys = keys;
    Array.prototype.slice = slice;
    setText({});
  }
  return reads;
}

function uint32(n: number): number[] {
  return [n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255];
}

/** An array of as many items as fit into `size` bytes, each made from its number. */
function listOf(item: (i: number) => Uint8Array | number[]): (size: number) => Uint8Array {
  return (size) => {
    const bytes = new Uint8Array(size);
    let [count, at] = [0, 5];
    for (let next = item(0); at + next.length <= size; next = item(++count)) {
      bytes.set(next, at);
      at += next.length;
    }
    bytes.set([0xdd, ...uint32(count)]);
    return bytes.slice(0, at);
  };
}

/** A string of `size` bytes with its header. */
function textOf(character: string): (size: number) => Uint8Array {
  const unit = utf8(character);
  return (size) => {
    const bytes = new Uint8Array(size - 5 - ((size - 5) % unit.length));
    for (let i = 0; i < bytes.length; i++) bytes[i] = unit[i % unit.length]!;
    return join([0xdb, ...uint32(bytes.length)], bytes);
  };
}

/** A map of these keys, all nil. */
function mapOf(keys: readonly string[]): Uint8Array {
  const entries = keys.map((key) => {
    const bytes = utf8(key);
    return join(
      bytes.length < 32 ? [0xa0 | bytes.length] : [0xda, bytes.length >> 8, bytes.length & 255],
      bytes,
      [0xc0],
    );
  });
  return join([0xde, keys.length >> 8, keys.length & 255], ...entries);
}

function numbered(count: number, name: (i: number) => string): Uint8Array {
  return mapOf(Array.from({ length: count }, (_, i) => name(i)));
}

/** `of` and then bytes that make it wrong. */
function but(of: (size: number) => Uint8Array, last: number[]): (size: number) => Uint8Array {
  return (size) => {
    const bytes = of(size);
    bytes.set(last, bytes.length - last.length);
    return bytes;
  };
}

const letters = Array.from({ length: 31 }, (_, i) => `key ${i}`);
const thousand = Array.from({ length: 1024 }, (_, i) => `aa${i.toString(2).padStart(11, "0")}aa`);
const smallMaps = listOf((i) => [0x81, 0xa2, 0x61 + i % 26, 0x61 + (i >> 3) % 26, 0xc0]);

/** What takes nearly `size` bytes. */
const inputs: Record<string, (size: number) => Uint8Array> = {
  "a wide array": listOf(() => [0xc0]),
  "arrays of none": listOf(() => [0x90]),
  "small maps, alike": listOf(() => [0x81, 0xa1, 0x61, 0xc0]),
  "small maps, all different": smallMaps,
  "maps of none": listOf(() => [0x80]),
  "maps of 32 keys, of which the last differs from the one before": listOf((i) =>
    mapOf([...letters, `z${i}`])
  ),
  "maps of 32 keys of 31 bytes that fall into one place": listOf((i) =>
    numbered(
      32,
      (k) =>
        `k${"x".repeat(13)}m${k.toString(2).padStart(6, "0")}${(i % 64).toString(2).padStart(6, "0")}abc`,
    )
  ),
  "maps of 1,024 keys": listOf(() => mapOf(thousand)),
  "maps of 1,024 integers": listOf(() => numbered(1024, (i) => String(i * 4096))),
  "maps with keys of 300 bytes": listOf((i) => mapOf(["k".repeat(300), `${i}`.padStart(299)])),
  "arrays nested to the limit": listOf(() => deep([0x91], 30, [0xc0])),
  "maps nested to the limit": listOf(() => deep([0x81, 0xa1, 0x61], 30, [0xc0])),
  "a wide array inside 31": (size) => join(deep([0x91], 31), listOf(() => [0xc0])(size - 31)),
  "a tree of arrays": (size) => treeOf(size),
  "long text": textOf("x"),
  "long text of two bytes a character": textOf("é"),
  "long text of U+FFFD, which is read twice": textOf("\ufffd"),
  "short texts": listOf(() => [0xa1, 0x61]),
  "texts of none": listOf(() => [0xa0]),
  "bins of none": listOf(() => [0xc4, 0]),
  "a long bin": (size) => join([0xc6, ...uint32(size - 5)], new Uint8Array(size - 5)),
  "64-bit integers": listOf(() => [0xcf, 0xff, 1, 2, 3, 4, 5, 6, 7]),
  "timestamps": listOf(() => [0xd6, 0xff, 1, 2, 3, 4]),
  "extensions of none": listOf(() => [0xc7, 0, 1]),
  "a long extension": (size) => join([0xc9, ...uint32(size - 6), 1], new Uint8Array(size - 6)),
};

/** Arrays of 4 in arrays of 4, as deep as it takes. */
function treeOf(size: number): Uint8Array {
  let tree: Uint8Array = Uint8Array.of(0x94, 0xc0, 0xc0, 0xc0, 0xc0);
  while (tree.length * 4 + 1 <= size) tree = join([0x94], tree, tree, tree, tree);
  return tree;
}

/** What is refused only after all of it was looked at, or should be refused at once. */
const refused: Record<string, (size: number) => Uint8Array> = {
  "small maps, the last cut short": (size) => smallMaps(size).slice(0, -1),
  "small maps, the last key no string": but(smallMaps, [0x81, 0xc0, 0xc0, 0xc0, 0xc0]),
  "a byte that starts no value at the end": but(listOf(() => [0xc0]), [0xc1]),
  "small maps, the last with a key twice": but(
    listOf(() => [0x82, 0xa1, 0x61, 0xc0, 0xa1, 0x62, 0xc0]),
    [0x82, 0xa1, 0x61, 0xc0, 0xa1, 0x61, 0xc0],
  ),
  "counts that are covered, nested": (size) => deep([0xdc, 0x01, 0x00], Math.floor(size / 3)),
  "maps whose counts are covered, nested": (size) =>
    deep([0xde, 0x04, 0x00, 0xa1, 0x61], Math.floor(size / 5)),
  "arrays, far too deep": (size) => deep([0x91], size),
  "maps, far too deep": (size) => deep([0x81, 0xa1, 0x61], Math.floor(size / 3)),
  "32-bit counts, nested": (size) => deep([0xdd, 0, 0, 0, 9], Math.floor(size / 5)),
  "text that is not UTF-8 at its end": but(textOf("x"), [0xff]),
  "a map of 1,025 keys": (size) =>
    join(numbered(1025, (i) => `${i}`), new Uint8Array(Math.max(0, size - 8000))),
  "bytes after the value": (size) => new Uint8Array(size).fill(0xc0),
};

/** Reads of each byte. Measured: up to 1 by the check, 4.0 by the decoder, for small keys that are all new: looked up, compared, read and kept. */
const MOST = { skip: 1, decode: 5 };
/** Headers. */
const SLACK = 64;
/** Before authentication and after it. */
const { messageBeforeAuthentication: small, message: large } = DEFAULT_LIMITS;

/** Asserts that `reads` is bounded for each size, and grows as the size does. */
function assertLinear(sizes: readonly number[], reads: readonly number[], most: number): void {
  sizes.forEach((size, i) => assert(reads[i]! <= most * size + SLACK, `${reads[i]} reads of ${size} bytes`));
  const [before, after] = [reads[0]! / sizes[0]!, reads.at(-1)! / sizes.at(-1)!];
  const slack = SLACK / sizes[0]!;
  assert(
    after <= before * 1.1 + slack,
    `${before} reads a byte became ${after} with ${sizes.join(", then ")} bytes`,
  );
}

function assertCost(make: (size: number) => Uint8Array, isValue: boolean, sizes: readonly number[]): void {
  const messages = sizes.map(make);
  const lengths = messages.map(({ length }) => length);
  const ways = {
    skip: (input: Uint8Array) => skip(input, 0, input.length, defaultLimits),
    decode: (input: Uint8Array) => decode(input, { extension: () => 0 }),
  };
  for (const [name, read] of Object.entries(ways)) {
    const reads = messages.map((bytes) => {
      let refused = false;
      const count = readsOf(bytes, (input) => void (refused = refusal(() => read(input)) !== undefined));
      if (name === "decode") assertEquals(refused, !isValue);
      return count;
    });
    assertLinear(lengths, reads, MOST[name as keyof typeof MOST]);
  }
}

describe("reads of each byte of input are bounded, by the check and by the decoder:", () => {
  for (const [name, make] of Object.entries(inputs)) {
    it(`${name}`, () => assertCost(make, true, [small / 4, small]));
  }
  for (const [name, make] of Object.entries(refused)) {
    it(`refused: ${name}`, () => assertCost(make, false, [small / 4, small]));
  }
  for (
    const name of [
      "maps nested to the limit",
      "a wide array",
      "long text of U+FFFD, which is read twice",
    ]
  ) {
    it(`${name}, as large as a message may be`, () => assertCost(inputs[name]!, true, [large / 64, large]));
  }
});

describe("a frame with its values, read by the core:", () => {
  /** Reads of a frame of so many bytes. */
  function readsOfFrame(frame: Uint8Array): number {
    const server = new LoneServer({
      clock: new ManualClock(),
      procedures: { take: procedure({ input: anything }, () => 1) },
    });
    const reads = readsOf(frame, (input) => server.receive(input));
    assertEquals(server.errors, []);
    return reads;
  }

  const frames: Record<string, (size: number) => Uint8Array> = {
    "many calls": (size) =>
      frameOf(...Array.from({ length: size / 64 }, (_, i) => call(i + 1, "take", "x".repeat(40)))),
    "many calls of nobody": (size) =>
      frameOf(...Array.from({ length: size / 64 }, (_, i) => call(i + 1, "nobody"))),
    "a large call": (size) => frameOf([Kind.CALL, 1, 1, "take", null, smallMaps(size)]),
    "a call with large options": (size) =>
      frameOf([Kind.CALL, 1, 1, "take", { x: decode(smallMaps(size)) }, payload()]),
  };
  for (const [name, make] of Object.entries(frames)) {
    it(name, () => {
      const made = [small / 4, small].map(make);
      assertLinear(made.map(({ length }) => length), made.map(readsOfFrame), MOST.skip + MOST.decode);
    });
  }
});
