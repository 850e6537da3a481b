// The type table: what values become, what comes back, and what is refused with which words.
import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Buffer } from "node:buffer";
import { decode } from "../msgpack/decoder.ts";
import { encode } from "../msgpack/encoder.ts";
import { DecodeError } from "../msgpack/errors.ts";
import { level } from "../msgpack/writer.ts";
import { integers, roundTrip, toHex, values, wideBigints, withEachText } from "./msgpack_support.ts";

describe("encode and decode", () => {
  it("give back any value", () => {
    withEachText(() => {
      fc.assert(fc.property(values, (value) => assertEquals(roundTrip(value), value)), { numRuns: 400 });
    });
  });

  it("keep integers exactly, in the smallest form", () => {
    fc.assert(
      fc.property(integers, (n) => {
        const bytes = encode(n);
        assertStrictEquals(decode(bytes), n);
        assertEquals(bytes.length, integerSize(n));
      }),
      { numRuns: 2000 },
    );
  });

  it("keep numbers that are no safe integers bit by bit", () => {
    fc.assert(
      fc.property(fc.double(), (n) => assertStrictEquals(decode(encode(n)), n)),
      { numRuns: 2000 },
    );
    for (const n of [-0, NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 2 ** 64, 1e308, 5e-324]) {
      assertStrictEquals(roundTrip(n), n);
      assertEquals(encode(n).length, 9);
    }
  });

  it("keep bigints of 64 bits, and make numbers of those that are safe", () => {
    fc.assert(fc.property(wideBigints, (n) => assertStrictEquals(roundTrip(n), n)));
    assertStrictEquals(roundTrip(5n), 5);
    assertStrictEquals(roundTrip(-5n), -5);
    assertStrictEquals(roundTrip(2n ** 53n - 1n), 2 ** 53 - 1);
    assertStrictEquals(roundTrip(2n ** 53n), 2n ** 53n);
    assertStrictEquals(roundTrip(-(2n ** 53n)), -(2n ** 53n));
    assertEquals(toHex(encode(5n)), "cf0000000000000005");
    assertEquals(toHex(encode(-5n)), "d3fffffffffffffffb");
  });

  it("keep every millisecond that a Date can hold", () => {
    const time = fc.integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 });
    fc.assert(
      fc.property(time, (ms) => assertEquals((roundTrip(new Date(ms)) as Date).getTime(), ms)),
      { numRuns: 2000 },
    );
  });

  it("leave out fields that are undefined and make nil of undefined elsewhere", () => {
    assertEquals(roundTrip({ a: undefined, b: 1, c: undefined, d: { e: undefined } }), { b: 1, d: {} });
    assertEquals(roundTrip([undefined, 1, undefined]), [null, 1, null]);
    assertStrictEquals(roundTrip(undefined), null);
    const sixteen = Object.fromEntries(
      Array.from({ length: 16 }, (_, i) => [`k${i}`, i === 7 ? undefined : i]),
    );
    assertEquals(encode(sixteen)[0], 0x8f, "15 are left: they fit the small header");
  });

  it("make nil of holes in arrays", () => {
    const holes = [1, , 3];
    holes.length = 5;
    assertEquals(roundTrip(holes), [1, null, 3, null, null]);
  });

  it("take bytes from Uint8Array, Buffer and ArrayBuffer", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    for (
      const given of [bytes, Buffer.from(bytes), bytes.buffer, new Uint8Array([0, 1, 2, 3, 4]).subarray(1, 4)]
    ) {
      assertEquals(toHex(encode(given)), "c403010203");
    }
  });

  it("take objects without prototype, and only own enumerable string keys", () => {
    const bare = Object.assign(Object.create(null), { a: 1 });
    const odd = Object.defineProperty({ a: 1, [Symbol("s")]: 2 }, "hidden", { value: 3, enumerable: false });
    assertEquals(roundTrip(bare), { a: 1 });
    assertEquals(roundTrip(odd), { a: 1 });
  });

  it("take accessors of plain objects, and only what is enumerable now when Object.prototype is polluted", () => {
    const value = {
      get b() {
        return 2;
      },
    };
    Object.defineProperty(Object.prototype, "polluted", { value: 1, enumerable: true, configurable: true });
    try {
      assertEquals(toHex(encode(value)), "81a16202");
    } finally {
      Reflect.deleteProperty(Object.prototype, "polluted");
    }
  });

  it("keep keys that objects have as own data properties", () => {
    const value = roundTrip({ constructor: 1, prototype: 2, toString: 3, hasOwnProperty: 4, valueOf: {} });
    assertEquals(Object.keys(value as object), [
      "constructor",
      "prototype",
      "toString",
      "hasOwnProperty",
      "valueOf",
    ]);
    assertStrictEquals(Object.getPrototypeOf(value), Object.prototype);
  });
});

describe("encode", () => {
  afterEach(() => assertEquals(level(), 0, "a writer was left open"));

  it("returns an array of the caller's own, exactly as long as the value", () => {
    const one = encode([1, 2, 3]);
    const two = encode("something else");
    assertEquals(toHex(one), "93010203");
    assertEquals(one.buffer.byteLength, 4);
    assertEquals(two.byteOffset, 0);
  });

  it("keeps no large buffer and no trace of a refused value", () => {
    const large = { text: "x".repeat(300_000) };
    assertEquals((roundTrip(large) as typeof large).text.length, 300_000);
    assertThrows(() => encode([1, [2, new Map()]]), TypeError);
    assertEquals(toHex(encode([1, [2]])), "9201" + "9102");
  });

  it("passes on what an accessor throws and works again", () => {
    const error = new Error("from the accessor");
    const value = {
      get a(): never {
        throw error;
      },
    };
    assertStrictEquals(assertThrows(() => encode({ b: [value] })), error);
    assertEquals(roundTrip({ a: 1 }), { a: 1 });
  });

  it("may be called by an accessor of the value being encoded", () => {
    const sending = (c: unknown) => ({
      a: "before",
      get b() {
        return encode({ inner: [1, 2, { deep: "x".repeat(5) }] });
      },
      c,
    });
    const error = assertThrows(() => encode(sending(new Map())), TypeError);
    assertEquals(error.message, "Cannot encode value.c: a Map");
    const back = roundTrip(sending("after")) as { a: string; b: Uint8Array; c: string };
    assertEquals([back.a, back.c], ["before", "after"]);
    assertEquals(decode(back.b), { inner: [1, 2, { deep: "xxxxx" }] });
  });

  it("asks the extension for what is no plain value", () => {
    class Stream {
      id = 0xfedcba98;
    }
    const asked: object[] = [];
    const extension = (value: object) => {
      asked.push(value);
      return value instanceof Stream ? { type: 7, data: value.id } : undefined;
    };
    const stream = new Stream();
    assertEquals(
      toHex(encode({ s: stream, d: new Date(0), b: new Uint8Array(1), a: [{}] }, { extension })).slice(6, 18),
      "d607fedcba98",
    );
    assertEquals(asked, [stream]);
    assertThrows(() => encode([new Set()], { extension }), TypeError, "Cannot encode value[0]: a Set");
  });

  it("refuses extensions out of range", () => {
    const with_ = (type: number, data: number) => () =>
      encode(new Set(), { extension: () => ({ type, data }) });
    for (const type of [-129, 128, -1, 1.5, NaN]) {
      assertThrows(with_(type, 0), RangeError, "Cannot encode an extension");
    }
    for (const data of [-1, 2 ** 32, 1.5, NaN]) {
      assertThrows(with_(1, data), RangeError, "Cannot encode an extension");
    }
    assertEquals(toHex(with_(-128, 0)()), "d68000000000");
  });
});

class Cart {
  items = [1];
}

describe("encode refuses, naming the place", () => {
  const invalid = new Date(NaN);
  const refused: [string, unknown, string][] = [
    ["a Map", new Map(), "a Map"],
    ["a Set", new Set(), "a Set"],
    ["a class instance", new Cart(), "an instance of Cart"],
    ["an Error", new RangeError("no"), "a RangeError"],
    ["an EvalError", new EvalError("no"), "an EvalError"],
    ["a RegExp", /a/, "a RegExp"],
    ["a Promise", Promise.resolve(), "a Promise"],
    ["a boxed string", Object("a"), "a String"],
    ["a function", () => 1, "a function"],
    ["a symbol", Symbol("s"), "a symbol"],
    ["an invalid Date", invalid, "an invalid Date"],
    ["a bigint over uint64", 2n ** 64n, "a bigint of more than 64 bits"],
    ["a bigint under int64", -(2n ** 63n) - 1n, "a bigint of more than 64 bits"],
    ["a Float64Array", new Float64Array(1), "a Float64Array"],
    ["a Uint16Array", new Uint16Array(1), "a Uint16Array"],
    ["an Int8Array", new Int8Array(1), "an Int8Array"],
    ["a Uint8ClampedArray", new Uint8ClampedArray(1), "a Uint8ClampedArray"],
    ["a DataView", new DataView(new ArrayBuffer(1)), "a DataView"],
    ["a lone high surrogate", "a\ud800", "a string with a lone surrogate"],
    ["a lone low surrogate in a long string", "é".repeat(5000) + "\udfff", "a string with a lone surrogate"],
    ["an object with a prototype", Object.create({ a: 1 }), "an object with a prototype of its own"],
    ["an object of a class without name", new (class {})(), "an object with a prototype of its own"],
    ["a proxy that hides its constructor", guarded(), "an object with a prototype of its own"],
  ];
  for (const [name, value, reason] of refused) {
    it(`${name}`, () => {
      assertMessage(() => encode(value), `Cannot encode value: ${reason}`);
      assertMessage(
        () => encode({ user: { tags: [1, 2, value] } }),
        `Cannot encode value.user.tags[2]: ${reason}`,
      );
      assertMessage(
        () => encode([[{ a: 1 }, { b: value }]], { name: "input" }),
        `Cannot encode input[0][1].b: ${reason}`,
      );
      assertEquals(roundTrip({ after: [1] }), { after: [1] });
    });
  }

  it("keys that are no names, quoted and cut", () => {
    assertMessage(() => encode({ "a b": { "": Symbol() } }), 'Cannot encode value["a b"][""]: a symbol');
    assertMessage(
      () => encode({ ["k".repeat(100)]: Symbol() }),
      `Cannot encode value["${"k".repeat(64)}"]: a symbol`,
    );
    assertMessage(
      () => encode({ "\ud800": 1 }),
      'Cannot encode value["\\ud800"]: a key with a lone surrogate',
    );
  });

  it("what its peer would refuse: __proto__, too many keys, too deep, a cycle", () => {
    const forbidden = JSON.parse('{ "a": { "__proto__": 1 } }');
    assertMessage(() => encode(forbidden), "Cannot encode value.a.__proto__: a key that no peer accepts");
    const keys = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, null]));
    assertEquals(roundTrip(keys(1024)), keys(1024));
    assertEquals(roundTrip({ ...keys(1024), more: undefined }), keys(1024));
    assertMessage(() => encode([keys(1025)]), "Cannot encode value[0]: more than 1024 keys");
    assertMessage(() => encode(nested(33)), `Cannot encode value${"[0]".repeat(32)}: nested deeper than 32`);
    assertEquals(roundTrip(nested(32)), nested(32));
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    assertMessage(() => encode(cycle), `Cannot encode value${".self".repeat(32)}: nested deeper than 32`);
  });
});

describe("decode", () => {
  it("gives bin as views of what it was given, plain Uint8Arrays also for a Buffer", () => {
    const frame = Buffer.from(encode({ a: [new Uint8Array([1, 2])] }));
    const { a: [bin] } = decode(frame) as { a: [Uint8Array] };
    assertInstanceOf(bin, Uint8Array);
    assertStrictEquals(bin.constructor, Uint8Array);
    assertStrictEquals(bin.buffer, frame.buffer);
    frame[frame.length - 1] = 9;
    assertEquals(toHex(bin), "0109");
  });

  it("holds the limits it is given", () => {
    const two = encode([[1]]);
    assertEquals(decode(two, { depth: 2 }), [[1]]);
    assertThrows(() => decode(two, { depth: 1 }), DecodeError, "nested deeper than 1");
    assertThrows(() => decode(encode({}), { depth: 0 }), DecodeError, "nested deeper than 0");
    assertEquals(decode(encode("scalar"), { depth: 0 }), "scalar");
    assertEquals(decode(encode({ a: 1 }), { keys: 1 }), { a: 1 });
    assertThrows(() => decode(encode({ a: 1, b: 2 }), { keys: 1 }), DecodeError, "a map of more than 1 keys");
  });

  it("is written up to the limits that the writer is given", () => {
    assertEquals(decode(encode(nested(35), { depth: 35 }), { depth: 35 }), nested(35));
    assertThrows(() => encode(nested(36), { depth: 35 }), TypeError, "nested deeper than 35");
    assertThrows(() => encode({ a: nested(2) }, { depth: 2 }), TypeError, "nested deeper than 2");
    const many = Object.fromEntries(Array.from({ length: 1_025 }, (_, i) => [`k${i}`, i]));
    assertEquals(decode(encode(many, { keys: 1_025 }), { keys: 1_025 }), many);
    assertThrows(() => encode({ a: 1, b: 2 }, { keys: 1 }), TypeError, "more than 1 keys");
    assertThrows(() => encode(nested(33)), TypeError, "nested deeper than 32"); // the next one has the defaults again
    assertThrows(() => encode(many), TypeError, "more than 1024 keys");
  });

  it("refuses limits that are none", () => {
    for (const depth of [-1, 1.5, NaN, 1001]) {
      assertThrows(() => decode(encode(1), { depth }), RangeError, "Cannot limit the depth");
    }
    for (const keys of [-1, 1.5, NaN]) {
      assertThrows(() => decode(encode(1), { keys }), RangeError, "Cannot limit the keys");
    }
  });
});

function guarded(): object {
  return new Proxy(new Cart(), {
    get() {
      throw new Error("not for you");
    },
    getPrototypeOf: () => ({
      get constructor(): never {
        throw new Error("nor this");
      },
    }),
  });
}

function nested(depth: number): unknown {
  return depth === 1 ? [] : [nested(depth - 1)];
}

function assertMessage(run: () => unknown, message: string): void {
  const error = assertThrows(run, TypeError);
  assertEquals(error.message, message);
}

function integerSize(n: number): number {
  if (n >= -32 && n < 128) return 1;
  if (n >= -128 && n < 256) return 2;
  if (n >= -32768 && n < 65536) return 3;
  return n >= -(2 ** 31) && n < 2 ** 32 ? 5 : 9;
}
