// Holds the stand-ins of tests/std to what `@std/assert` and `@std/testing/bdd` do: where JSR answers, the
// same lines run against those.
import {
  assert,
  assertEquals,
  assertExists,
  assertFalse,
  AssertionError,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";

function refused(run: () => unknown): void {
  assertThrows(run, AssertionError);
}

describe("assertEquals()", () => {
  it("goes into arrays, objects, maps, sets, dates and bytes", () => {
    const make = () => ({
      a: [1, { b: new Map([["k", new Set([1, 2])]]) }],
      c: new Date(5),
      d: new Uint8Array([1, 2]),
    });
    assertEquals(make(), make());
    assertEquals(new Set([{ a: 1 }]), new Set([{ a: 1 }]));
    assertEquals(NaN, NaN);
  });

  it("takes an object without a prototype for a plain one", () => {
    assertEquals(Object.assign(Object.create(null), { a: 1 }), { a: 1 });
  });

  it("tells values apart that only look alike", () => {
    assertNotEquals<unknown>({ a: undefined }, {});
    assertNotEquals<unknown>([1, 2], [2, 1]);
    assertNotEquals<unknown>(1, 1n);
    assertNotEquals<unknown>(new Uint8Array([1]), new Uint16Array([1]));
    assertNotEquals<unknown>(new Map([[1, 2]]), new Map([[1, 3]]));
    assertNotEquals(new Date(1), new Date(2));
    assertNotEquals(new TypeError("a"), new TypeError("b"));
    assertNotEquals<unknown>(new TypeError("a"), new RangeError("a"));
    refused(() => assertEquals<unknown>({ a: [1] }, { a: [2] }));
  });

  it("ends on a circle", () => {
    const make = () => {
      const value: { self?: unknown } = {};
      value.self = value;
      return value;
    };
    assertEquals(make(), make());
  });
});

describe("assertThrows() and assertRejects()", () => {
  it("give the error back", async () => {
    const error = new TypeError("Cannot add 1: no");
    assertStrictEquals(
      assertThrows(
        () => {
          throw error;
        },
        TypeError,
        "Cannot add",
      ),
      error,
    );
    assertStrictEquals(await assertRejects(() => Promise.reject(error), TypeError, "no"), error);
  });

  it("fail for nothing, another class and another message", async () => {
    const raise = () => {
      throw new TypeError("one");
    };
    refused(() => assertThrows(() => 1));
    refused(() => assertThrows(raise, RangeError));
    refused(() => assertThrows(raise, TypeError, "two"));
    await assertRejects(() => assertRejects(() => Promise.resolve(1)), AssertionError);
    await assertRejects(
      () => assertRejects(() => Promise.reject(new TypeError("one")), RangeError),
      AssertionError,
    );
  });
});

describe("the small assertions", () => {
  it("refuse what they should", () => {
    refused(() => assert(0));
    refused(() => assertFalse(1));
    refused(() => assertExists(null));
    refused(() => assertStrictEquals({}, {}));
    refused(() => assertStrictEquals(0, -0));
    refused(() => assertMatch("a", /b/));
    refused(() => assertStringIncludes("a", "b"));
    refused(() => fail());
  });
});

describe("hooks", () => {
  const seen: string[] = [];
  beforeAll(() => void seen.push("before all"));
  afterAll(() => assertEquals(seen.at(-1), "after each"));
  beforeEach(() => void seen.push("before each"));
  afterEach(() => void seen.push("after each"));

  it("run before a test", () => {
    assertEquals(seen, ["before all", "before each"]);
  });

  describe("of an inner suite", () => {
    beforeEach(() => void seen.push("inner"));

    it("run after the outer ones", () => {
      assertEquals(seen.slice(2), ["after each", "before each", "inner"]);
    });
  });
});
