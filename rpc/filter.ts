/**
 * Filters of subscriptions and of history: a small tree of data on fields of the message, checked when it comes.
 *
 * @module
 */
import { FilterMatcher } from "./filter_match.ts";
import type { FilterNode, FilterPath, FilterScalar } from "./filter_types.ts";
import { isText, isTooLong } from "./long_names.ts";
import { isMap } from "./options.ts";
import { isUint } from "./uint.ts";

/** Levels of a filter. */
const DEPTH = 8;
/** Steps of a path. */
const STEPS = 8;
/** Tests of a field, in the short form. */
const TESTS = ["eq", "in", "prefix", "exists", "gt", "gte", "lt", "lte"] as const;

/** A filter that was checked. The same for the same tree. */
export class Filter {
  /** Equal for equal filters. */
  readonly key: string;
  /** The tree in its long form. */
  readonly node: FilterNode;
  #matcher: FilterMatcher | undefined;

  /** `node` was checked. */
  constructor(node: FilterNode) {
    this.node = node;
    this.key = JSON.stringify(node);
  }

  /** Whether an encoded message passes. Bytes that are none pass no test. */
  matches(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
    return (this.#matcher ??= new FilterMatcher(this.node)).matches(bytes, start, end);
  }
}

/**
 * Checks a filter as a program gives it, or as it comes by the wire.
 *
 * @param most Nodes that it may have: operators, tests, and values of `in`.
 * @returns `undefined` where there is none.
 * @throws {TypeError} With the reason, if it is none.
 */
export function readFilter(given: unknown, most: number): Filter | undefined {
  if (given === undefined || given === null) return undefined;
  return new Filter(new FilterReader(most).read(given, 0));
}

/** What passes both. */
export function bothFilters(one: Filter | undefined, other: Filter | undefined): Filter | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.key === other.key ? one : new Filter(["and", one.node, other.node]);
}

class FilterReader {
  #left: number;
  readonly #most: number;

  constructor(most: number) {
    this.#most = this.#left = most;
  }

  read(given: unknown, depth: number): FilterNode {
    checkDepth(depth);
    if (isMap(given)) return this.#fields(given, depth);
    if (!Array.isArray(given)) throw bad("it is neither a map of fields nor an array with an operator");
    const [operator, ...rest] = given as unknown[];
    switch (operator) {
      case "and":
      case "or":
        this.#count();
        return [operator, ...rest.map((one) => this.read(one, depth + 1))];
      case "not":
        if (rest.length !== 1) throw bad('"not" takes one filter');
        this.#count();
        return ["not", this.read(rest[0], depth + 1)];
      default:
        return this.#test(operator, rest);
    }
  }

  /** `{ team: "red", score: { gte: 10 } }`: all of them. Counts what its long form has. */
  #fields(fields: object, depth: number): FilterNode {
    const tests = Object.entries(fields).flatMap(([name, test]: [string, unknown]) => {
      if (test === undefined) return [];
      if (!isMap(test)) return [this.#test("eq", [[name], test])];
      return Object.entries(test).map(([operator, value]) => this.#test(operator, [[name], value]));
    });
    for (const [operator] of tests) {
      checkDepth(depth + (tests.length === 1 ? 0 : 1) + (operator === "not" ? 1 : 0));
    }
    if (tests.length === 1) return tests[0]!;
    this.#count();
    return ["and", ...tests];
  }

  #test(operator: unknown, [path, value, ...more]: readonly unknown[]): FilterNode {
    this.#count();
    if (!TESTS.includes(operator as "eq")) throw bad(`there is no "${shown(operator)}"`);
    if (more.length > 0) throw bad(`"${operator}" takes a path and a value`);
    const where = readPath(path);
    switch (operator as typeof TESTS[number]) {
      case "exists":
        if (value === false) {
          this.#count();
          return ["not", ["exists", where]];
        }
        if (value !== true && value !== undefined) throw bad('"exists" takes true or false');
        return ["exists", where];
      case "prefix":
        return ["prefix", where, readText(value)];
      case "in":
        if (!Array.isArray(value)) throw bad('"in" takes an array of values');
        return ["in", where, value.map((one) => this.#value(one))];
      case "eq":
        return ["eq", where, this.#value(value)];
      default:
        if (typeof value !== "number" || !Number.isFinite(value)) throw bad(`"${operator}" takes a number`);
        return [operator as "gt", where, value];
    }
  }

  #value(value: unknown): FilterScalar {
    this.#count();
    if (value === null || typeof value === "boolean") return value;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    if (typeof value === "string") return readText(value);
    throw bad("a value is a string, a number, true, false or null");
  }

  #count(): void {
    if (--this.#left < 0) throw bad(`it has more than ${this.#most} parts`);
  }
}

/**
 * Checks the way to a field.
 *
 * @throws {TypeError} With the reason, if it is none.
 */
export function readPath(path: unknown): FilterPath {
  if (!Array.isArray(path) || path.length > STEPS) throw bad(`a path is an array of at most ${STEPS} steps`);
  return path.map((step: unknown) => isUint(step) ? step : readText(step));
}

function checkDepth(depth: number): void {
  if (depth >= DEPTH) throw bad(`it has more than ${DEPTH} levels`);
}

function readText(text: unknown): string {
  if (isText(text) && !isTooLong(text)) return text;
  throw bad("a text is a string of at most 255 bytes");
}

function shown(operator: unknown): string {
  return typeof operator === "string" ? operator.slice(0, 20) : typeof operator;
}

function bad(reason: string): TypeError {
  return new TypeError(`Cannot filter: ${reason}`);
}
