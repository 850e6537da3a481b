// Filters: what is one, and what passes: held to a model that decodes.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { decode, encode } from "../msgpack/mod.ts";
import { bothFilters, readFilter } from "../rpc/filter.ts";
import type { FilterNode } from "../rpc/filter_types.ts";
import { Random } from "../testing/random.ts";

function passes(filter: unknown, message: unknown): boolean {
  return readFilter(filter, 64)!.matches(encode(message));
}

/** What a filter says of a decoded message. */
function model(node: FilterNode, message: unknown): boolean {
  switch (node[0]) {
    case "and":
      return node.slice(1).every((one) => model(one as FilterNode, message));
    case "or":
      return node.slice(1).some((one) => model(one as FilterNode, message));
    case "not":
      return !model(node[1], message);
  }
  const [operator, path, given] = node as [string, (string | number)[], unknown];
  let value: unknown = message;
  for (const step of path) {
    const isThere = typeof step === "number"
      ? Array.isArray(value)
      : typeof value === "object" && value !== null && !Array.isArray(value) && Object.hasOwn(value, step);
    value = isThere ? (value as Record<string, unknown>)[step] : undefined;
  }
  if (value === undefined) return false;
  if (operator === "exists") return true;
  if (operator === "eq") return value === given;
  if (operator === "in") return (given as unknown[]).includes(value);
  if (operator === "prefix") return typeof value === "string" && value.startsWith(given as string);
  if (typeof value !== "number" && typeof value !== "bigint") return false;
  const limit = given as number;
  if (operator === "gt") return value > limit;
  if (operator === "gte") return value >= limit;
  return operator === "lt" ? value < limit : value <= limit;
}

const NAMES = ["a", "b", "team", "ü"];

function anyValue(random: Random, depth: number): unknown {
  switch (random.below(depth > 2 ? 6 : 9)) {
    case 0:
      return random.pick([null, true, false]);
    case 1:
      return random.below(300) - 20;
    case 2:
      return random.pick([0.5, -1e9, 2 ** 33, 70_000, 2n ** 60n]);
    case 3:
      return random.pick(["", "red", "reddish", "ü".repeat(random.below(40)), "x".repeat(300)]);
    case 4:
      return new Uint8Array(random.below(4));
    case 5:
      return new Date(random.below(1_000));
    case 6:
      return Array.from({ length: random.below(20) }, () => anyValue(random, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(20) }, (_, i) => [
          random.chance(0.6) ? random.pick(NAMES) : `k${i}`,
          anyValue(random, depth + 1),
        ]),
      );
  }
}

function anyFilter(random: Random, depth: number): FilterNode {
  if (depth < 3 && random.chance(0.5)) {
    const operator = random.pick(["and", "or", "not"] as const);
    if (operator === "not") return ["not", anyFilter(random, depth + 1)];
    return [operator, ...Array.from({ length: random.below(4) }, () => anyFilter(random, depth + 1))];
  }
  const path = Array.from(
    { length: random.below(4) },
    () => random.chance(0.2) ? random.below(3) : random.pick(NAMES),
  );
  switch (random.below(5)) {
    case 0:
      return ["exists", path];
    case 1:
      return ["eq", path, random.pick([null, true, 5, 0.5, "red", ""])];
    case 2:
      return ["in", path, [1, 2, 3, "red", null, false, 70_000]];
    case 3:
      return ["prefix", path, random.pick(["", "red", "ü"])];
    default:
      return [
        random.pick(["gt", "gte", "lt", "lte"] as const),
        path,
        random.pick([0, 5, 100, -1e9, 2 ** 33]),
      ];
  }
}

describe("a filter", () => {
  it("compares fields, all of which have to fit", () => {
    const filter = { team: "red", score: { gte: 10, lt: 20 } };
    assert(passes(filter, { id: 7, score: 10, team: "red" }));
    assert(!passes(filter, { team: "red", score: 20 }));
    assert(!passes(filter, { team: "blue", score: 12 }));
    assert(!passes(filter, { team: "red" }));
    assert(!passes(filter, "red"));
  });

  it("has a long form with operators, which takes both", () => {
    const filter = ["or", { team: "red" }, ["not", ["exists", ["driver", "names", 1]]]];
    assert(passes(filter, { team: "red", driver: { names: ["a", "b"] } }));
    assert(passes(filter, { team: "blue", driver: { names: ["a"] } }));
    assert(!passes(filter, { team: "blue", driver: { names: ["a", "b"] } }));
  });

  it("knows in, prefix, exists, and the message itself", () => {
    assert(passes({ team: { in: ["red", 3, null] } }, { team: null }));
    assert(!passes({ team: { in: ["red", 3, null] } }, { team: "blue" }));
    assert(passes({ name: { prefix: "An" } }, { name: "Anna" }));
    assert(passes({ name: { exists: false } }, { team: 1 }));
    assert(!passes({ name: { exists: false } }, { name: null }));
    assert(passes(["gt", [], 3], 4));
    assert(!passes(["gt", [], 3], "4"));
  });

  it("lets nothing and everything pass where it has no parts", () => {
    assert(passes({}, 1));
    assert(passes(["and"], 1));
    assert(!passes(["or"], 1));
    assert(!readFilter({ a: 1 }, 9)!.matches(new Uint8Array(0)));
  });

  it("says the same as a model that decodes", () => {
    const random = new Random(7);
    let passed = 0;
    for (let i = 0; i < 4_000; i++) {
      const node = anyFilter(random, 0);
      const bytes = encode(anyValue(random, 0));
      const message = decode(bytes);
      const expected = model(node, message);
      assertEquals(readFilter(node, 1_000)!.matches(bytes), expected, JSON.stringify(node));
      if (expected) passed++;
    }
    assert(passed > 500 && passed < 3_500, `${passed} passed`);
  });

  it("is looked for in a part of a frame", () => {
    const frame = new Uint8Array([9, 9, ...encode({ a: 1 }), 9]);
    assert(readFilter({ a: 1 }, 9)!.matches(frame, 2, frame.length - 1));
  });

  it("does not throw for bytes that are no message", () => {
    const random = new Random(3);
    const filter = readFilter(["or", { a: 1 }, ["exists", ["b", 0, "c"]]], 9)!;
    const [whole] = [encode({ x: [1, 2, { y: "z" }], a: 2, b: [{ c: 1 }] })];
    for (let length = 0; length < whole.length; length++) filter.matches(whole.subarray(0, length));
    for (let i = 0; i < 3_000; i++) {
      const bytes = whole.slice();
      for (let n = 0; n < 3; n++) bytes[random.below(bytes.length)] = random.below(256);
      assertEquals(typeof filter.matches(bytes), "boolean");
    }
    assert(!filter.matches(new Uint8Array([0xdf, 255, 255, 255, 255])));
  });

  it("is the same for the same tree", () => {
    const [one, other] = [readFilter({ a: 1 }, 9)!, readFilter(["eq", ["a"], 1], 9)!];
    assertEquals(one.key, other.key);
    assertEquals(bothFilters(one, other), one);
    const both = bothFilters(one, readFilter({ b: 2 }, 9))!;
    assert(both.matches(encode({ a: 1, b: 2 })) && !both.matches(encode({ a: 1 })));
    assertEquals(bothFilters(undefined, one), one);
    assertEquals(readFilter(undefined, 9), undefined);
    assertEquals(readFilter(null, 9), undefined);
  });
});

describe("what is no filter", () => {
  const nested = (depth: number): unknown => depth === 0 ? { a: 1 } : ["not", nested(depth - 1)];
  const wrong: [string, unknown, string][] = [
    ["a value", 7, "neither a map"],
    ["an operator that there is not", ["like", ["a"], "x"], 'there is no "like"'],
    ["a test that there is not", { a: { like: "x" } }, 'there is no "like"'],
    ["no operator at all", [], "there is no"],
    ["not of two", ["not", {}, {}], "takes one filter"],
    ["a path that is none", ["eq", "a", 1], "a path is"],
    ["a path that is too long", ["eq", Array(9).fill("a"), 1], "a path is"],
    ["a path of what is no step", ["eq", [-1], 1], "a text is"],
    ["a value that cannot be compared", { a: [1] }, "a value is"],
    ["not a number", { a: Number.NaN }, "a value is"],
    ["a bound that is no number", { a: { gt: "1" } }, "takes a number"],
    ["in without values", { a: { in: 1 } }, "takes an array"],
    ["a long text", { a: "x".repeat(256) }, "at most 255 bytes"],
    ["half of a character", { a: "\ud800" }, "a text is"],
    ["more than a test takes", ["eq", ["a"], 1, 2], "a path and a value"],
    ["exists of something else", { a: { exists: 1 } }, "true or false"],
    ["too many parts", { a: { in: Array(64).fill(1) } }, "more than 64 parts"],
    ["too many levels", nested(8), "more than 8 levels"],
  ];
  for (const [what, filter, reason] of wrong) {
    it(`is refused with the reason: ${what}`, () => {
      const error = assertThrows(() => readFilter(filter, 64), TypeError);
      assert((error as Error).message.includes(reason), (error as Error).message);
    });
  }

  it("may have eight levels, and as many parts as the limit says", () => {
    assert(readFilter(nested(7), 64) !== undefined);
    assert(readFilter({ a: { in: Array(62).fill(1) } }, 64) !== undefined);
  });

  it("is none in its short form where its long form, which a client sends, is none either", () => {
    const isOne = (given: unknown, most = 64) => {
      try {
        return readFilter(given, most);
      } catch {
        return undefined;
      }
    };
    const fields = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, i]));
    const nots = (count: number, inner: unknown): unknown =>
      count === 0 ? inner : ["not", nots(count - 1, inner)];
    for (let count = 1; count < 40; count++) {
      const given = isOne(fields(count));
      assertEquals(given !== undefined, count <= 31, `${count} fields`);
      if (given !== undefined) assertEquals(isOne(given.node)?.key, given.key, `${count} fields`);
    }
    const parts = [{ a: 1 }, { a: 1, b: 1 }, { a: { exists: false } }, { a: { exists: false, gt: 1 } }, {}];
    for (const inner of parts) {
      for (let count = 0; count < 9; count++) {
        const given = isOne(nots(count, inner));
        if (given !== undefined) assertEquals(isOne(given.node)?.key, given.key, `${count} of ${given.key}`);
      }
    }
    for (let most = 1; most < 12; most++) {
      for (const inner of parts) {
        const given = isOne(inner, most);
        if (given !== undefined) {
          assertEquals(isOne(given.node, most)?.key, given.key, `${most} of ${given.key}`);
        }
      }
    }
  });
});
