// Values of the user's own, through @msgpack/msgpack and its ExtensionCodec.
import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ExtensionCodec } from "@msgpack/msgpack";
import { decode } from "../msgpack/decoder.ts";
import { encode } from "../msgpack/encoder.ts";
import { DecodeError } from "../msgpack/errors.ts";
import { decodeWithCodec, encodeWithCodec, type ExtensionCodec as AnyCodec } from "../msgpack/reference.ts";
import { fromHex, toHex, withEachText } from "./msgpack_support.ts";

class Point {
  readonly x: number;
  readonly y: number;

  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
}

function pointCodec(): ExtensionCodec {
  const codec = new ExtensionCodec();
  codec.register({
    type: 1,
    encode: (value) => value instanceof Point ? encode([value.x, value.y]) : null,
    decode: (data) => new Point(...decode(data) as [number, number]),
  });
  codec.register({
    type: 2,
    encode: (value) => value instanceof Set ? encodeWithCodec([...value], codec) : null,
    decode: (data) => new Set(decodeWithCodec(data, codec) as unknown[]),
  });
  return codec;
}

describe("encodeWithCodec and decodeWithCodec", () => {
  it("carry values of one's own, also inside one another", () => {
    const codec = pointCodec();
    const value = {
      at: new Point(1, 2),
      all: new Set([new Point(3, 4), "five"]),
      when: new Date(1500),
      raw: new Uint8Array(2),
    };
    const back = decodeWithCodec(encodeWithCodec(value, codec), codec) as typeof value;
    assertInstanceOf(back.at, Point);
    assertEquals(back, value);
  });

  it("take a codec by its shape", () => {
    const codec: AnyCodec = {
      tryToEncode: (value) => value instanceof Map ? { type: 9, data: Uint8Array.of(value.size) } : null,
      decode: (data, type) => ({ type, size: data[0] }),
    };
    const bytes = encodeWithCodec([new Map([[1, 2]])], codec);
    assertEquals(toHex(bytes), "91d40901");
    assertEquals(decodeWithCodec(bytes, codec), [{ type: 9, size: 1 }]);
  });

  it("write the same bytes as encode for what both know", () => {
    const value = {
      a: [
        1,
        -1,
        70_000,
        0.5,
        "text",
        "é".repeat(20),
        "水".repeat(2000),
        "x".repeat(5000),
        null,
        true,
        new Date(5),
        new Uint8Array(3),
        2n ** 60n,
      ],
      b: { c: [] },
    };
    withEachText(() => {
      assertEquals(toHex(encodeWithCodec(value, new ExtensionCodec())), toHex(encode(value)));
    });
  });

  it("give 64-bit integers as bigints", () => {
    assertStrictEquals(decodeWithCodec(encode(2 ** 40), new ExtensionCodec()), 2n ** 40n);
  });

  it("refuse what the codec does not know instead of writing an empty map", () => {
    const codec = pointCodec();
    for (
      const [value, what] of [[new Map(), "a Map"], [new ArrayBuffer(1), "an ArrayBuffer"], [
        new Float32Array(1),
        "a Float32Array",
      ]] as const
    ) {
      assertThrows(() => encodeWithCodec([value], codec), TypeError, `Cannot encode a value: ${what}`);
    }
    assertThrows(() => encodeWithCodec({ f() {} }, codec), TypeError, "Cannot encode a value: a function");
    assertThrows(() => encodeWithCodec([Symbol()], codec), TypeError, "Cannot encode a value: a symbol");
    assertThrows(
      () => encodeWithCodec(new Date(NaN), codec),
      TypeError,
      "Cannot encode a value: an invalid Date",
    );
  });

  it("write nothing that a decoder would refuse", () => {
    const codec = new ExtensionCodec();
    let deep: unknown = [];
    for (let i = 0; i < 32; i++) deep = [deep];
    assertThrows(() => encodeWithCodec(deep, codec), TypeError, "nested deeper than 32");
    assertThrows(() => encodeWithCodec("a\ud800", codec), TypeError, "not UTF-8");
    assertThrows(() => encodeWithCodec(JSON.parse('{"__proto__":1}'), codec), TypeError, "a key __proto__");
  });

  it("refuse hostile bytes before the library sees them", () => {
    const codec = pointCodec();
    for (const hex of ["dd01c9c380", "0102", "a2fffe", "82a16101a16102", "9101ff", "c1"]) {
      assertThrows(() => decodeWithCodec(fromHex(hex), codec), DecodeError);
    }
    assertThrows(
      () => decodeWithCodec(encode([[1]]), codec, { depth: 1 }),
      DecodeError,
      "nested deeper than 1",
    );
  });
});
