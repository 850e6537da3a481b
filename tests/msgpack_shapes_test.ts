// Maps whose keys are expected to be those of the last one that began so: what is expected must never show in what is read.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Decoder, Encoder } from "@msgpack/msgpack";
import fc from "fast-check";
import { decode, type DecodeExtension, decodeRange } from "../msgpack/decoder.ts";
import { encode } from "../msgpack/encoder.ts";
import { DecodeError } from "../msgpack/errors.ts";
import { expectable, findKey } from "../msgpack/keys.ts";
import { defaultLimits } from "../msgpack/limits.ts";
import { keepShape, mostKeys, shapeOf } from "../msgpack/shapes.ts";
import { join, refusal, utf8, withEachText } from "./msgpack_support.ts";

/** How the header of a key is written; all of them are MessagePack. */
type Form = "least" | "str 8" | "str 16" | "str 32";

function key(text: string, form: Form = "least"): Uint8Array {
  const bytes = utf8(text);
  const n = bytes.length;
  if (form === "str 32") return join([0xdb, 0, 0, n >> 8, n & 255], bytes);
  if (form === "str 16" || n > 255) return join([0xda, n >> 8, n & 255], bytes);
  if (form === "str 8" || n > 31) return join([0xd9, n], bytes);
  return join([0xa0 | n], bytes);
}

/** A map of these entries, in this order, keys as often as they are there. */
function map(entries: readonly (readonly [key: Uint8Array, value: Uint8Array])[]): Uint8Array {
  const n = entries.length;
  return join(n < 16 ? [0x80 | n] : [0xde, n >> 8, n & 255], ...entries.flat());
}

function small(...texts: string[]): Uint8Array {
  return map(texts.map((text, i) => [key(text), Uint8Array.of(i)]));
}

const others = [...Array(mostKeys)].map((_, i) => findKey(utf8(`_${i}`), 0, utf8(`_${i}`).length));

/** Nothing is expected any more of maps of so many keys: all places are taken by maps that never come. */
function forget(count: number): void {
  for (let first = 0; first < 128; first++) keepShape(others.slice(0, count), first, 0);
}

describe("the keys of a map that are expected", () => {
  it("do not show in maps that begin alike and go on in another way", () => {
    const letters = ["a", "b", "c", "d"];
    for (const known of [letters, ["a", "x", "y", "z"], ["a", "b", "c", "bb"], ["aa", "b", "c", "d"]]) {
      for (const next of [letters, ["a", "b", "d", "c"], ["a", "c", "b", "d"], ["a", "bb", "c", "d"]]) {
        decode(small(...known));
        const entries: unknown = Object.entries(decode(small(...next)) as object);
        assertEquals(entries, next.map((text, i) => [text, i]));
      }
    }
  });

  it("do not hide a key that comes twice, wherever, with every part of the map expected", () => {
    const letters = [..."abcdefgh"];
    for (let known = 0; known <= letters.length; known++) {
      for (let i = 0; i < letters.length; i++) {
        for (let j = i + 1; j < letters.length; j++) {
          forget(letters.length);
          decode(small(...letters.slice(0, known), ...letters.slice(known).map((letter) => letter + "_")));
          const twice = letters.map((letter, at) => at === j ? letters[i]! : letter);
          const error = refusal(() => decode(small(...twice)));
          assertEquals(error?.message.includes("a key twice"), true, `${twice} after ${known}`);
          assertEquals(
            decode(small(...letters)),
            Object.fromEntries(letters.map((letter, at) => [letter, at])),
          );
        }
      }
    }
  });

  it("are not taken from a map that was refused", () => {
    forget(2);
    forget(3);
    assertThrows(() => decode(small("a", "b", "a")), DecodeError);
    assertThrows(() => decode(small("a", "b", "a")), DecodeError);
    assertThrows(
      () => decode(map([[key("k"), Uint8Array.of(1)], [key("l"), Uint8Array.of(0xc1)]])),
      DecodeError,
    );
    assertEquals(decode(small("k", "l")), { k: 0, l: 1 });
  });

  it("do not let a map be cut: refused at every byte, alone and with the rest behind the range", () => {
    const bytes = map([
      [key("name"), key("Ada")],
      [key("inner"), small("name", "x")],
      [key("é".repeat(10)), Uint8Array.of(0xc0)],
    ]);
    const whole = decode(bytes);
    for (let end = 0; end < bytes.length; end++) {
      assert(refusal(() => decode(bytes.slice(0, end))) !== undefined, `${end} of ${bytes.length}`);
      const error = refusal(() => decodeRange(bytes, 0, end, defaultLimits));
      assert(error !== undefined && error.offset <= end, `${end} of ${bytes.length} in a range`);
      assertEquals(decode(bytes), whole);
    }
  });

  it("may be written in any form, and be empty or long", () => {
    const forms: Form[] = ["least", "str 8", "str 16", "str 32"];
    const texts = ["", "a", "b".repeat(31), "c".repeat(32), "é".repeat(15), "é".repeat(16), "d".repeat(300)];
    const expected = Object.fromEntries(texts.map((text, i) => [text, i]));
    for (const first of forms) {
      for (const second of forms) {
        const bytes = map(texts.map((text, i) => [key(text, i % 2 ? second : first), Uint8Array.of(i)]));
        for (let again = 0; again < 3; again++) assertEquals(decode(bytes), expected);
        const twice = map([[key("a", first), Uint8Array.of(1)], [key("a", second), Uint8Array.of(2)]]);
        for (let again = 0; again < 3; again++) assert(refusal(() => decode(twice)) !== undefined);
      }
    }
  });

  it("are as many as there are, below the bound of what is expected, at it and above", () => {
    for (const count of [0, 1, 15, 16, mostKeys - 1, mostKeys, mostKeys + 1, 100]) {
      const texts = [...Array(count)].map((_, i) => `key ${i}`);
      for (let again = 0; again < 3; again++) {
        assertEquals(Object.keys(decode(small(...texts)) as object), texts);
        if (count < 2) continue;
        const twice = small(...texts.slice(0, -1), texts[0]!);
        assert(refusal(() => decode(twice)) !== undefined, `${count}`);
      }
    }
  });

  it("never are `__proto__`, and may be what objects have", () => {
    for (let again = 0; again < 3; again++) {
      const own = decode(small("constructor", "toString", "hasOwnProperty")) as object;
      assertEquals(Object.entries(own), [["constructor", 0], ["toString", 1], ["hasOwnProperty", 2]]);
      assert(refusal(() => decode(small("constructor", "__proto__", "hasOwnProperty"))) !== undefined);
    }
  });

  it("are those of the outer map while an extension or an inner one reads maps that begin alike", () => {
    const outer = map([
      [key("a"), Uint8Array.of(0xd4, 5, 0)],
      [key("b"), small("a", "c")],
      [key("c"), Uint8Array.of(3)],
    ]);
    const shapes = [["a", "x", "y"], ["a", "b", "c"], ["a", "b"], ["a"]];
    let turn = 0;
    const extension: DecodeExtension = () => decode(small(...shapes[turn++ % shapes.length]!));
    for (let again = 0; again < 12; again++) {
      const inner = Object.fromEntries(shapes[turn % shapes.length]!.map((text, i) => [text, i]));
      assertEquals(decode(outer, { extension }), { a: inner, b: { a: 0, c: 1 }, c: 3 });
    }
  });

  it("are kept while they are short: a stranger's long ones would keep as much memory as messages may have", () => {
    const long = key("k".repeat(1000));
    decode(map([[long, Uint8Array.of(1)], [key("short"), Uint8Array.of(2)]]));
    const kept = shapeOf(2, long[0]!, long[1]!)!;
    assertEquals(kept.map(({ text }) => text), ["", "short"]);
    assertEquals(expectable(findKey(utf8(""), 0, 0)).size, -1);
  });
});

describe("maps, one after another", () => {
  const parts = [
    "",
    "a",
    "b",
    "ab",
    "ba",
    "é",
    "name",
    "id",
    "0",
    "7",
    "x".repeat(31),
    "x".repeat(32),
    "constructor",
  ];
  const text = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...parts) },
    { weight: 1, arbitrary: fc.string({ maxLength: 4 }).filter((other) => other !== "__proto__") },
  );
  const form = fc.oneof({ weight: 9, arbitrary: fc.constant<Form>("least") }, {
    weight: 1,
    arbitrary: fc.constantFrom<Form>("str 8", "str 16", "str 32"),
  });
  /** A map as bytes: keys from few, in any order, twice sometimes, with maps in it. */
  const mapBytes = fc.letrec<{ map: Uint8Array }>((tie) => ({
    map: fc.array(
      fc.tuple(
        fc.tuple(text, form).map((given) => key(...given)),
        fc.oneof(
          { maxDepth: 2, depthIdentifier: "map" },
          fc.nat({ max: 127 }).map((n) => Uint8Array.of(n)),
          tie("map"),
        ),
      ),
      { maxLength: 6, depthIdentifier: "map" },
    ).map(map),
  })).map;

  /** What the other library makes of it; `undefined` where a key comes twice, which it does not mind. */
  const theirs = new Decoder();
  const encoder = new Encoder();

  it("mean what they mean to another decoder, whatever came before", () => {
    let [accepted, refused] = [0, 0];
    withEachText(() => {
      fc.assert(
        fc.property(fc.array(mapBytes, { minLength: 1, maxLength: 12 }), (sequence) => {
          for (const bytes of sequence) {
            const error = refusal(() => decode(bytes));
            if (error === undefined) {
              accepted++;
              const ours = decode(bytes);
              assertEquals(encoder.encode(ours), encoder.encode(theirs.decode(bytes)));
            } else {
              refused++;
              assert(error.message.includes("a key twice"), error.message);
              assert(hasKeyTwice(bytes), "no key comes twice");
            }
          }
        }),
        { numRuns: 1000 },
      );
    });
    assert(accepted > 1000 && refused > 500, `${accepted} were accepted, ${refused} refused`);
  });

  /** Whether a map inside has a key twice, found by reading it as entries. */
  function hasKeyTwice(bytes: Uint8Array): boolean {
    let at = 0;
    let twice = false;
    const readKey = (): string => {
      const head = bytes[at++]!;
      let n = head & 31;
      if (head >= 0xd9) {
        n = 0;
        for (let size = 1 << (head - 0xd9); size > 0; size--) n = n * 256 + bytes[at++]!;
      }
      return new TextDecoder().decode(bytes.subarray(at, at += n));
    };
    const read = (): void => {
      const head = bytes[at++]!;
      if (head < 0x80) return;
      const found = new Set<string>();
      for (let i = head & 15; i > 0; i--) {
        const text = readKey();
        if (found.has(text)) twice = true;
        found.add(text);
        read();
      }
    };
    read();
    return twice;
  }

  it("that were encoded come back, equal and in order", () => {
    const object = fc.dictionary(
      text.filter((k) => k !== "constructor"),
      fc.anything({ maxDepth: 0, values: [fc.nat()] }),
      {
        maxKeys: 8,
        noNullPrototype: true,
      },
    );
    fc.assert(
      fc.property(fc.array(object, { maxLength: 10 }), (sequence) => {
        for (const value of sequence) {
          assertEquals(Object.entries(decode(encode(value)) as object), Object.entries(value));
        }
      }),
      { numRuns: 300 },
    );
  });
});
