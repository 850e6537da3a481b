/**
 * Whether an encoded message passes a filter: one walk along its fields, in which nothing is decoded but the few values that are compared.
 *
 * @module
 */
import { skip } from "../msgpack/check.ts";
import { decodeRange } from "../msgpack/decoder.ts";
import type { FilterNode, FilterPath, FilterScalar } from "./filter_types.ts";
import { encodeMessage } from "./message_data.ts";

/** What was stored was within the limits of its node, which may be others than those here. */
const LIMITS = { depth: 1_000, keys: Number.MAX_SAFE_INTEGER };
const NOWHERE = -1;
/** Bytes of a value that is a key. */
const LONGEST_KEY = 255;

/** A step on the way to fields: whatever several of them share is walked once. */
interface Step {
  /** The number of the field that ends here. */
  slot: number;
  readonly names: { readonly name: Uint8Array; readonly step: Step }[];
  /** In the order of the array. */
  readonly items: { readonly index: number; readonly step: Step }[];
}

/** A test of a field, by its number. */
type Test = (message: FilterMatcher) => boolean;

/** A filter that was made ready to match. */
export class FilterMatcher {
  readonly #root: Step = newStep();
  readonly #test: Test;
  /** Where each field was found in the present message. */
  #found: number[] = [];
  #slots = 0;
  #left = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;

  /** Takes a checked filter. */
  constructor(node: FilterNode) {
    this.#test = this.#compile(node);
  }

  /** Whether the message in these bytes passes; `false` where they are none. */
  matches(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#end = end;
    this.#found = new Array(this.#slots).fill(NOWHERE);
    this.#left = this.#slots;
    try {
      if (start < end && this.#left > 0) this.#walk(this.#root, start);
      return this.#test(this);
    } catch {
      return false; // another node, or another program, has written what no message is
    } finally {
      this.#bytes = NOTHING;
    }
  }

  /** The value of the first field, as text: the same for the same, however that is encoded. Empty where it is not there, or long. */
  keyOf(bytes: Uint8Array): string {
    this.matches(bytes, 0, bytes.length);
    const at = this.#found[0]!;
    if (at === NOWHERE) return "";
    try {
      const end = skip(bytes, at, bytes.length, LIMITS);
      if (end - at > LONGEST_KEY) return "";
      const first = bytes[at]!;
      // What is written in one way alone needs not be read: small numbers, texts of less than 32 bytes, nil and booleans.
      const isPlain = first < 0x80 || first >= 0xe0 || (first >= 0xa0 && first < 0xc4);
      const key = isPlain ? bytes.subarray(at, end) : encodeMessage(decodeRange(bytes, at, end, LIMITS));
      return String.fromCharCode(...key);
    } catch {
      return "";
    }
  }

  /** What a field holds, where that can be compared. */
  #value(slot: number): unknown {
    const at = this.#found[slot]!;
    if (at === NOWHERE) return undefined;
    const head = this.#bytes[at]!;
    const isText = (head >= 0xa0 && head < 0xc0) || (head >= 0xd9 && head < 0xdc);
    const isScalar = head < 0x80 || head >= 0xe0 || isText || (head >= 0xc0 && head < 0xc4) ||
      (head >= 0xca && head < 0xd4);
    if (!isScalar) return undefined;
    return decodeRange(this.#bytes, at, skip(this.#bytes, at, this.#end, LIMITS), LIMITS);
  }

  #compile(node: FilterNode): Test {
    switch (node[0]) {
      case "and": {
        const tests = node.slice(1).map((one) => this.#compile(one as FilterNode));
        return (message) => tests.every((test) => test(message));
      }
      case "or": {
        const tests = node.slice(1).map((one) => this.#compile(one as FilterNode));
        return (message) => tests.some((test) => test(message));
      }
      case "not": {
        const test = this.#compile(node[1]);
        return (message) => !test(message);
      }
      case "exists": {
        const slot = this.#slotOf(node[1]);
        return (message) => message.#found[slot] !== NOWHERE;
      }
      default: {
        const slot = this.#slotOf(node[1]);
        const fits = comparison(node);
        return (message) => fits(message.#value(slot));
      }
    }
  }

  #slotOf(path: FilterPath): number {
    let step = this.#root;
    for (const part of path) step = typeof part === "string" ? named(step, part) : item(step, part);
    if (step.slot === NOWHERE) step.slot = this.#slots++;
    return step.slot;
  }

  /** Goes along a value. Gives its end, unless all fields were found before. */
  #walk(step: Step, at: number): number {
    if (step.slot !== NOWHERE) {
      this.#found[step.slot] = at;
      this.#left--;
    }
    const { names, items } = step;
    if (names.length === 0 && items.length === 0) return this.#skip(at);
    const head = this.#bytes[at]!;
    const isShort = head >= 0x80 && head < 0xa0;
    const width = isShort ? 0 : head & 1 ? 4 : 2;
    const count = isShort ? head & 0x0f : this.#uint(at + 1, width);
    if ((head & 0xf0) === 0x80 || head === 0xde || head === 0xdf) {
      return this.#walkMap(names, at + 1 + width, count);
    }
    const isArray = (head & 0xf0) === 0x90 || head === 0xdc || head === 0xdd;
    if (isArray && items.length > 0 && items[0]!.index < count) {
      return this.#walkArray(items, at + 1 + width, count);
    }
    return this.#skip(at);
  }

  #walkMap(names: Step["names"], at: number, count: number): number {
    for (let i = 0; i < count && this.#left > 0; i++) {
      const end = this.#skip(at);
      const head = this.#bytes[at]!;
      const start = at + (head < 0xc0 ? 1 : 1 + (1 << (head - 0xd9)));
      const found = names.find(({ name }) => this.#isAt(name, start, end));
      at = found === undefined ? this.#skip(end) : this.#walk(found.step, end);
    }
    return at;
  }

  #walkArray(items: Step["items"], at: number, count: number): number {
    let next = 0;
    for (let i = 0; i < count && this.#left > 0; i++) {
      const found = items[next];
      if (found === undefined || found.index > i) at = this.#skip(at);
      else {
        at = this.#walk(found.step, at);
        next++;
      }
    }
    return at;
  }

  #isAt(name: Uint8Array, start: number, end: number): boolean {
    if (end - start !== name.length) return false;
    for (let i = 0; i < name.length; i++) if (this.#bytes[start + i] !== name[i]) return false;
    return true;
  }

  #skip(at: number): number {
    return skip(this.#bytes, at, this.#end, LIMITS);
  }

  #uint(at: number, width: number): number {
    let n = 0;
    for (let i = 0; i < width; i++) n = n * 0x100 + this.#bytes[at + i]!;
    return n;
  }
}

const NOTHING = new Uint8Array(0);

function comparison(node: FilterNode): (value: unknown) => boolean {
  switch (node[0]) {
    case "eq":
      return (value) => value === node[2];
    case "in": {
      const values = new Set<unknown>(node[2] as readonly FilterScalar[]);
      return (value) => values.has(value);
    }
    case "prefix":
      return (value) => typeof value === "string" && value.startsWith(node[2]);
    case "gt":
      return (value) => isNumber(value) && value > (node[2] as number);
    case "gte":
      return (value) => isNumber(value) && value >= (node[2] as number);
    case "lt":
      return (value) => isNumber(value) && value < (node[2] as number);
    default:
      return (value) => isNumber(value) && value <= (node[2] as number);
  }
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function newStep(): Step {
  return { slot: NOWHERE, names: [], items: [] };
}

function named({ names }: Step, part: string): Step {
  const name = new TextEncoder().encode(part);
  const known = names.find((one) => isSame(one.name, name));
  if (known !== undefined) return known.step;
  const step = newStep();
  names.push({ name, step });
  return step;
}

function item({ items }: Step, index: number): Step {
  const known = items.find((one) => one.index === index);
  if (known !== undefined) return known.step;
  const step = newStep();
  items.push({ index, step });
  items.sort((one, other) => one.index - other.index);
  return step;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
