// Extensions on their way in: row C7 of the catalogue of attacks, and callbacks that decode or throw.
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { skip } from "../msgpack/check.ts";
import { decode } from "../msgpack/decoder.ts";
import { encode } from "../msgpack/encoder.ts";
import { DecodeError } from "../msgpack/errors.ts";
import { defaultLimits } from "../msgpack/limits.ts";
import { assertBytes, deep, fromHex, join, refusal } from "./msgpack_support.ts";

describe("C7: extension types", () => {
  const sizes = [0, 1, 2, 3, 4, 8, 12, 16, 17, 255, 256, 65_536];
  function extension(type: number, size: number): Uint8Array {
    const fixed = [1, 2, 4, 8, 16].indexOf(size);
    const head = fixed >= 0
      ? [0xd4 + fixed]
      : size < 256
      ? [0xc7, size]
      : size < 65536
      ? [0xc8, size >> 8, size & 255]
      : [0xc9, 0, 1, 0, 0];
    return join(head, [type & 255], new Uint8Array(size).fill(1));
  }

  it("are refused, all 256 of any size, when nobody knows them", () => {
    for (let type = -128; type < 128; type++) {
      for (const size of sizes) {
        const bytes = extension(type, size);
        const error = refusal(() => decode(bytes));
        if (type === -1 && error === undefined) assert([4].includes(size), `time of ${size} bytes`);
        else assert(error !== undefined);
        assertEquals(skip(bytes, 0, bytes.length, defaultLimits), bytes.length);
      }
    }
  });

  it("are given to the extension with their bytes, except -1", () => {
    for (let type = -128; type < 128; type++) {
      if (type === -1) continue;
      for (const size of sizes) {
        const asked: [number, number][] = [];
        const value = decode(extension(type, size), {
          extension: (type, data) => (asked.push([type, data.length]), data.slice()),
        });
        assertEquals(asked, [[type, size]]);
        assertBytes(value as Uint8Array, new Uint8Array(size).fill(1));
      }
    }
    assertThrows(
      () => decode(extension(-1, 16), { extension: () => 1 }),
      DecodeError,
      "a timestamp of a size",
    );
  });

  it("are refused when the extension does not know them either", () => {
    assertThrows(
      () => decode(extension(5, 4), { extension: () => undefined }),
      DecodeError,
      "unknown type 5",
    );
  });
});

describe("an extension that runs in the middle", () => {
  it("may decode, and fail at it", () => {
    const inner = encode({ x: [1, 2] });
    const bytes = join([0x94, 0xd4, 0x01, 0x00], encode({ a: "b" }), [0xd4, 0x02, 0x00], encode("end"));
    const value = decode(bytes, {
      depth: 2,
      extension: (type) => type === 1 ? decode(inner) : String(refusal(() => decode(fromHex("91")))?.offset),
    });
    assertEquals(value, [{ x: [1, 2] }, { a: "b" }, "1", "end"]);
  });

  it("keeps the limits and extension of the outer decode", () => {
    const bytes = join([0x93, 0xd4, 0x01, 0x00, 0xd4, 0x01, 0x00], deep([0x91], 2, [0x90]));
    const extension = () => decode(deep([0x91], 20, [0x90])) !== undefined;
    const error = refusal(() => decode(bytes, { depth: 3, extension }));
    assert(error?.message.endsWith("nested deeper than 3"));
  });

  it("may throw: the exception reaches the caller, the next decode is not affected", () => {
    const stop = new Error("stop");
    const bytes = join([0x92], [0xd4, 0x01, 0x00], encode("end"));
    assertStrictEquals(
      assertThrows(() =>
        decode(bytes, {
          extension: () => {
            throw stop;
          },
        })
      ),
      stop,
    );
    assertEquals(decode(encode([1])), [1]);
  });
});
