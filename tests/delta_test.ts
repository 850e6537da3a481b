// The difference of a message to the one before: made, read, and what is refused.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { encode } from "../msgpack/mod.ts";
import { applyDelta } from "../rpc/delta.ts";
import { makeDelta } from "../rpc/delta_maker.ts";
import { ProtocolError } from "../rpc/protocol_error.ts";
import { fromHex, toHex } from "./msgpack_support.ts";
import vectors from "./vectors/deltas.json" with { type: "json" };

const MIB = 1024 * 1024;

/** A delta as a message of its own, whatever it saves. */
function made(base: Uint8Array, target: Uint8Array): Uint8Array {
  return makeDelta(base, target, 2 * target.length + 64)!.slice();
}

function applied(base: Uint8Array, delta: Uint8Array, most = MIB): Uint8Array {
  return applyDelta(base, { bytes: delta, start: 0, end: delta.length }, most);
}

/** Bytes of a small alphabet repeat themselves, which is where something can go wrong. */
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.array(fc.constantFrom(0, 1), { maxLength: 300 }).map((bytes) => Uint8Array.from(bytes)),
);

/** A message, and the next one: some pieces of it are others. */
const twoMessages = fc.tuple(
  anyBytes,
  fc.array(fc.tuple(fc.nat(300), fc.nat(40), fc.uint8Array({ maxLength: 40 })), { maxLength: 5 }),
).map(([base, cuts]) => {
  const target = [...base];
  for (const [at, count, bytes] of cuts) target.splice(at, count, ...bytes);
  return [base, Uint8Array.from(target)] as const;
});

describe("vectors of deltas", () => {
  for (const { name, base, delta, message } of vectors.applied) {
    it(`${name}: is applied`, () => assertEquals(toHex(applied(fromHex(base), fromHex(delta))), message));
  }
  for (const { name, base, delta, why } of vectors.refused) {
    it(`${name}: is refused, since ${why}`, () => {
      assertThrows(() => applied(fromHex(base), fromHex(delta)), ProtocolError);
    });
  }
});

describe("a delta", () => {
  it("of any two messages makes the second of the first", () => {
    fc.assert(fc.property(fc.oneof(twoMessages, fc.tuple(anyBytes, anyBytes)), ([base, target]) => {
      assertEquals(applied(base, made(base, target)), target);
    }));
  });

  it("is a view of what it was read from, wherever that begins", () => {
    const [base, target] = [encode({ a: "x".repeat(100), n: 1 }), encode({ a: "x".repeat(100), n: 2 })];
    const delta = made(base, target);
    const frame = new Uint8Array(delta.length + 20).fill(0xff);
    frame.set(delta, 7);
    assertEquals(applyDelta(base, { bytes: frame, start: 7, end: 7 + delta.length }, MIB), target);
  });

  it("of garbage is refused, and nothing else is thrown", () => {
    fc.assert(fc.property(anyBytes, fc.uint8Array({ maxLength: 60 }), (base, garbage) => {
      try {
        assert(applied(base, garbage, 4_096).length <= 4_096);
      } catch (error) {
        assert(error instanceof ProtocolError, String(error));
      }
    }));
  });

  it("of which a byte was changed, left out or put in is refused, or makes the same message", () => {
    const change = fc.tuple(fc.nat(), fc.nat(1), fc.uint8Array({ maxLength: 2 }));
    fc.assert(fc.property(twoMessages, change, ([base, target], [at, count, bytes]) => {
      const delta = [...made(base, target)];
      delta.splice(at % delta.length, count, ...bytes);
      try {
        assertEquals(applied(base, Uint8Array.from(delta)), target);
      } catch (error) {
        assert(error instanceof ProtocolError, String(error));
      }
    }));
  });

  it("of another base is refused, or makes the same message", () => {
    fc.assert(fc.property(twoMessages, anyBytes, ([base, target], other) => {
      try {
        assertEquals(applied(other, made(base, target)), target);
      } catch (error) {
        assert(error instanceof ProtocolError, String(error));
      }
    }));
  });

  it("never has more bytes than it may, and is none where it would", () => {
    const empty = new Uint8Array();
    const property = fc.property(twoMessages, fc.nat(200), ([base, target], most) => {
      const delta = makeDelta(base, target, most);
      assert(delta === undefined || delta.length <= most);
    });
    // The length and the sum alone have five bytes.
    fc.assert(property, { examples: [[[empty, empty], 4]] });
    assertEquals(makeDelta(empty, empty, 5)?.length, 5);
  });

  it("has a few bytes for each field that has changed, whether it grew or not", () => {
    const games = Array.from(
      { length: 20 },
      (_, id) => ({ id, home: `Team ${id}`, away: "Other", score: [0, 0] }),
    );
    const base = encode({ games, clock: "9:59" });
    games[3]!.score = [1, 0];
    games[17]!.score = [0, 200];
    const target = encode({ games, clock: "10:00" });
    const delta = makeDelta(base, target, target.length)!;
    assert(delta.length < 50, `${delta.length} of ${target.length} bytes`);
    games.splice(5, 1);
    games.push({ id: 99, home: "Another", away: "One", score: [0, 0] });
    const moved = encode({ games, clock: "10:00" });
    const other = makeDelta(target, moved, moved.length)!;
    assert(other.length < moved.length / 4, `${other.length} of ${moved.length} bytes`);
  });
});
