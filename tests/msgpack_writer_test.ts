// The writer that rpc/ uses directly: buffers of every size, writers inside writers, bins of unknown length.
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { decode } from "../msgpack/decoder.ts";
import {
  abort,
  begin,
  closeBin,
  encode,
  end,
  openBin,
  position,
  writeArrayHeader,
  writeBin,
  writeNil,
  writeString,
  writeUint,
  writeValue,
  written,
} from "../msgpack/encoder.ts";
import { level } from "../msgpack/writer.ts";
import { assertBytes, fromHex, join, toHex, withEachText } from "./msgpack_support.ts";

/** What `write` writes into `buffer` from `at` on. */
function bytesOf(write: () => void, buffer = new Uint8Array(0), at = 0): Uint8Array {
  begin(buffer, at);
  write();
  const size = end();
  return written().slice(at, size);
}

const keys = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`key ${i}`, i]));

/** One of each kind of thing that is written, at each width of its header. */
const kinds: Record<string, () => void> = {
  ...Object.fromEntries(
    [0, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1].map((
      n,
    ) => [`uint ${n}`, () => writeUint(n)]),
  ),
  ...Object.fromEntries(
    [0, -1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1, 2 ** 31, 0.5, -0].map((
      n,
    ) => [`number ${Object.is(n, -0) ? "-0" : n}`, () => writeValue(n)]),
  ),
  "nil": writeNil,
  "true": () => writeValue(true),
  "bigint": () => writeValue(2n ** 63n),
  ...Object.fromEntries(
    [0, 15, 16, 65535, 65536].map((n) => [`array header ${n}`, () => writeArrayHeader(n)]),
  ),
  ...Object.fromEntries(
    [0, 1, 31, 32, 255, 256, 4096, 4097, 65535, 65536].map((
      n,
    ) => [`ascii ${n}`, () => writeString("x".repeat(n))]),
  ),
  ...Object.fromEntries(
    [1, 10, 11, 31, 32, 85, 86, 4096, 5000, 21846].map((
      n,
    ) => [`wide text ${n}`, () => writeString("水".repeat(n))]),
  ),
  "ascii then wide": () => writeString("x".repeat(5000) + "😀".repeat(3000)),
  ...Object.fromEntries(
    [0, 255, 256, 65535, 65536].map((n) => [`bin ${n}`, () => writeBin(new Uint8Array(n).fill(7))]),
  ),
  ...Object.fromEntries([0, 1, 15, 16, 1024].map((n) => [`map ${n}`, () => writeValue(keys(n))])),
  "date of 32 bits": () => writeValue(new Date(1000)),
  "date of 64 bits": () => writeValue(new Date(1001)),
  "date of 96 bits": () => writeValue(new Date(-1)),
  "extension": () => writeValue(new Set(), () => ({ type: 1, data: 0xfffefdfc })),
  ...Object.fromEntries(
    [0, 255, 256, 65535, 65536].map((n) => [`open bin ${n}`, () => {
      const mark = openBin();
      for (let i = 0; i < n; i++) writeNil();
      closeBin(mark);
    }]),
  ),
  "all of it": () =>
    writeValue([{ a: [1, "é", null, new Date(5)], b: { c: new Uint8Array(40) } }, keys(20), "z".repeat(40)]),
};

describe("the writer", () => {
  afterEach(() => assertEquals(level(), 0));

  for (const [name, write] of Object.entries(kinds)) {
    it(`writes ${name} alike into buffers too small by up to 16 bytes, exact, and larger`, () => {
      withEachText(() => {
        const expected = bytesOf(write, new Uint8Array(300_000));
        for (let slack = -Math.min(16, expected.length); slack <= 16; slack++) {
          const buffer = new Uint8Array(expected.length + slack);
          assertBytes(bytesOf(write, buffer), expected, `${slack} bytes`);
        }
      });
    });
  }

  for (const [name, write] of Object.entries(kinds)) {
    it(`writes ${name} alike over dirt, behind bytes that stay`, () => {
      const expected = bytesOf(write);
      for (const size of [3, 10, 100, 200_000]) {
        const dirty = new Uint8Array(size).fill(0xa5);
        assertBytes(bytesOf(write, dirty, 3), expected);
        assertEquals(toHex(written().subarray(0, 3)), "a5a5a5");
      }
    });
  }

  it("writes into the given array when there is room, and replaces it when there is not", () => {
    const buffer = new Uint8Array(8);
    begin(buffer, 0);
    writeString("seven c");
    assertEquals(position(), 8);
    end();
    assertStrictEquals(written(), buffer);
    begin(buffer, 8);
    writeNil();
    assertEquals(end(), 9);
    assert(written() !== buffer);
    assertEquals(toHex(written().subarray(0, 9)), toHex(buffer) + "c0");
  });

  it("writes into a view without touching what is around it", () => {
    const whole = new Uint8Array(18).fill(0xee);
    begin(whole.subarray(4, 14), 0);
    writeValue([1, 2, 3]);
    end();
    assertEquals(toHex(whole), "eeeeeeee" + "93010203" + "ee".repeat(10));
  });

  it("reads bytes given to it only until it returns", () => {
    const bytes = fromHex("0102");
    begin(new Uint8Array(16), 0);
    writeBin(bytes);
    bytes.fill(9);
    end();
    assertEquals(toHex(written().subarray(0, 4)), "c4020102");
  });

  it("puts a message together: header, bin of a value, twice", () => {
    begin(new Uint8Array(4), 0);
    for (const value of ["short", { long: "x".repeat(300) }]) {
      writeArrayHeader(4);
      writeUint(1);
      writeUint(70_000);
      writeString("users.rename");
      const mark = openBin();
      writeValue(value);
      closeBin(mark);
    }
    const frame = finish();
    const first = 1 + 1 + 5 + 13 + 2 + 6;
    const [kind, id, name, payload] = decode(frame.subarray(0, first)) as [
      number,
      number,
      string,
      Uint8Array,
    ];
    assertEquals([kind, id, name, decode(payload)], [1, 70_000, "users.rename", "short"]);
    const second = decode(frame.subarray(first)) as [number, number, string, Uint8Array];
    assertEquals(decode(second[3]), { long: "x".repeat(300) });
  });

  it("ends a bin of unknown length as one of known length begins", () => {
    for (const n of [0, 1, 255, 256, 65535, 65536, 65537]) {
      const expected = bytesOf(() => writeBin(new Uint8Array(n).fill(0xc0)));
      for (const header of [undefined, 2, 3, 5]) { // too short, right, or too long
        const actual = bytesOf(() => {
          const mark = openBin(header);
          for (let i = 0; i < n; i++) writeNil();
          closeBin(mark, header);
        });
        assertBytes(actual, expected);
      }
    }
  });

  it("nests bins, each moved when it grows", () => {
    begin(new Uint8Array(0), 0);
    const outer = openBin();
    const inner = openBin();
    writeString("y".repeat(70_000));
    closeBin(inner);
    writeUint(5);
    closeBin(outer);
    const bin = decode(finish()) as Uint8Array;
    assertEquals(bin[bin.length - 1], 5);
    assertEquals(decode(decode(bin.subarray(0, -1)) as Uint8Array), "y".repeat(70_000));
  });

  it("refuses what is no non-negative safe integer", () => {
    for (const n of [-1, 1.5, 2 ** 53, NaN, Infinity]) {
      begin(new Uint8Array(16), 0);
      assertThrows(() => writeUint(n), RangeError, `Cannot write ${n}: not a non-negative safe integer`);
      abort();
    }
  });

  it("refuses strings with a lone surrogate of any length, and writes nothing of them", () => {
    withEachText(() => {
      for (
        const text of ["\ud800", "a\udc00b", "x".repeat(100) + "\ud83d", "é".repeat(6000) + "\ude00\ud83d"]
      ) {
        begin(new Uint8Array(16), 0);
        writeNil();
        assertThrows(() => writeString(text), TypeError, "Cannot encode a string: it has a lone surrogate");
        assertEquals(position(), 1);
        abort();
      }
    });
  });
});

/** Ends the writer and gives what it wrote from 0 on. */
function finish(): Uint8Array {
  const size = end();
  return written().subarray(0, size);
}

describe("a writer begun inside another", () => {
  afterEach(() => assertEquals(level(), 0));

  /** An object whose field `sent` writes `inner` somewhere else when it is read. */
  function sending(inner: unknown, sent: Uint8Array[], more: Record<string, unknown> = {}) {
    return {
      before: [1, "two"],
      get sent() {
        begin(new Uint8Array(3), 0);
        try {
          writeValue(inner, undefined, "inner");
        } catch (error) {
          abort();
          return String(error);
        }
        const size = end();
        sent.push(written().slice(0, size));
        return sent.length;
      },
      after: { three: 3 },
      ...more,
    };
  }

  it("leaves the outer one as it was", () => {
    const sent: Uint8Array[] = [];
    const value = [sending({ x: "y".repeat(100) }, sent)];
    assertEquals(decode(bytesOf(() => writeValue(value))), [{
      before: [1, "two"],
      sent: 1,
      after: { three: 3 },
    }]);
    assertEquals(sent.map((bytes) => decode(bytes)), [{ x: "y".repeat(100) }]);
  });

  it("may nest again", () => {
    const sent: Uint8Array[] = [];
    const value = sending(sending(sending("z", sent), sent), sent);
    const shape = (n: number) => ({ before: [1, "two"], sent: n, after: { three: 3 } });
    assertEquals(decode(bytesOf(() => writeValue(value))), shape(3));
    assertEquals(sent.map((bytes) => decode(bytes)), ["z", shape(1), shape(2)]);
  });

  it("may fail and be aborted; each names its own place", () => {
    const value = sending({ deep: [{ er: new Map() }] }, []);
    const back = decode(bytesOf(() => writeValue(value))) as { sent: string };
    assertEquals(back.sent, "TypeError: Cannot encode inner.deep[0].er: a Map");
  });

  it("does not disturb the path of the outer one", () => {
    const inner = { a: { b: { c: { d: [1, 2, 3, { e: 5 }] } } } };
    const value = {
      list: [0, {
        item: Object.defineProperty(sending(inner, []), "bad", { enumerable: true, value: Symbol() }),
      }],
    };
    begin(new Uint8Array(16), 0);
    const error = assertThrows(() => writeValue(value, undefined, "outer"), TypeError);
    abort();
    assertEquals(error.message, "Cannot encode outer.list[1].item.bad: a symbol");
  });

  it("may be begun by an extension", () => {
    const extension = () => ({ type: 3, data: encode({ nested: [1, 2, 3] }).length });
    assertEquals(toHex(bytesOf(() => writeValue({ s: new Set() }, extension))), "81a173d6030000000c");
  });

  it("survives an outer one that is aborted by an exception of its accessor", () => {
    begin(new Uint8Array(16), 0);
    assertThrows(
      () =>
        writeValue({
          get a(): never {
            begin(new Uint8Array(16), 0);
            abort();
            throw new Error("stop");
          },
        }),
      Error,
      "stop",
    );
    abort();
    assertEquals(toHex(bytesOf(() => writeValue([1]))), "9101");
  });
});

describe("writeBin", () => {
  /** Runs `run` with `seen` in the place of `set` of all typed arrays; `set` is the one of the runtime. */
  function watchSet(
    run: () => void,
    seen: (target: Uint8Array, source: Uint8Array, at: number, set: () => void) => void,
  ): void {
    const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as { set: (...args: never[]) => void };
    const { set } = typedArray;
    typedArray.set = function (this: Uint8Array, source: Uint8Array, at: number) {
      seen(this, source, at, () => set.call(this, source as never, at as never));
    };
    try {
      run();
    } finally {
      typedArray.set = set;
    }
  }

  it("reads the bytes once, in one call of set: no loop has been there before, and none comes after", () => {
    const bytes = new Uint8Array(1000).fill(1);
    const target = new Uint8Array(2000);
    let calls = 0;
    watchSet(() => {
      begin(target, 10);
      writeBin(bytes);
      end();
    }, (into, source, at, set) => {
      calls++;
      assertStrictEquals(source.buffer, bytes.buffer);
      assertStrictEquals(into, target);
      assert(target.subarray(at).every((byte) => byte === 0), "written before");
      set();
      bytes.fill(2); // what is read from now on is something else
    });
    assertEquals(calls, 1);
    assertBytes(written().subarray(10, 1013), join([0xc5, 3, 232], new Uint8Array(1000).fill(1)));
  });
});
