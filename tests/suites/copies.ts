/**
 * Counts the bytes that JavaScript copies between views and buffers, while it is asked to.
 */
import { Buffer } from "node:buffer";

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Methods = Record<PropertyKey, Method>;
/** Says how many bytes a call has copied, after it returned. */
type Cost = (self: unknown, args: readonly unknown[], result: unknown) => number;

const sizeOf = (value: unknown): number =>
  value instanceof ArrayBuffer || ArrayBuffer.isView(value)
    ? value.byteLength
    : Array.isArray(value)
    ? value.reduce((sum: number, part) => sum + (typeof part === "number" ? 1 : sizeOf(part)), 0)
    : 0;
const bufferOf = (value: unknown): unknown => ArrayBuffer.isView(value) ? value.buffer : value;
const given: Cost = (_self, args) => sizeOf(args[0]);
const made: Cost = (_self, _args, result) => sizeOf(result);
const own: Cost = (self) => sizeOf(self);

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as Methods;

/** Everything with which our code could copy bytes, but for a loop over single ones: see {@linkcode Copies.allocated}. */
const WATCHED: [object, PropertyKey, Cost][] = [
  [typedArray, "set", given],
  [typedArray, "slice", made],
  [typedArray, "copyWithin", (self, [, from = 0, to]) => {
    const { length } = self as Uint8Array;
    return ((to ?? length) as number) - (from as number);
  }],
  [typedArray, "values", own],
  [typedArray, Symbol.iterator, own],
  [typedArray, "toReversed", made],
  [ArrayBuffer.prototype, "slice", made],
  [ArrayBuffer.prototype, "transfer", (_self, args, result) => args.length > 0 ? sizeOf(result) : 0],
  [Uint8Array, "from", made],
  [Buffer, "from", (_self, [source], result) => source instanceof ArrayBuffer ? 0 : sizeOf(result)],
  [Buffer, "concat", made],
  [Buffer.prototype, "copy", (_self, _args, result) => result as number],
  [globalThis, "structuredClone", given],
];

/** What was copied while something ran. */
export interface Copies {
  /** Bytes that were copied by what is watched. */
  bytes: number;
  /**
   * Bytes of the empty arrays that were made. A loop over single bytes is not watched, but what it writes has to go somewhere: into one of these, or into a buffer
   * that was there before, which then is no link of the chain that `moves` shows.
   */
  allocated: number;
  /** The calls of `set`, in their order: from one buffer into another. */
  readonly moves: Move[];
}

/** Bytes that went from one buffer into another. */
export interface Move {
  readonly from: unknown;
  readonly to: unknown;
  readonly size: number;
}

/** {@linkcode Copies} while they are counted: `depth` is above 0 inside what is counted already. */
type Count = Copies & { depth: number };

/**
 * Whether `size` bytes went from the buffer of `from` into that of `to` in one `set`, and nothing else of a kilobyte or more was moved or made meanwhile. So no copy
 * lies between the two, however it is done.
 */
export function isStraight({ allocated, moves }: Copies, from: Uint8Array, to: Uint8Array): boolean {
  const [move, ...others] = moves.filter(({ size }) => size >= 1024);
  return move?.from === from.buffer && move.to === to.buffer && others.length === 0 && allocated < 1024;
}

/** As {@linkcode copies}. @returns Bytes that were copied. */
export async function copiedBytes(run: () => unknown): Promise<number> {
  return (await copies(run)).bytes;
}

/** Runs `run` and counts. Not for two runs at a time: it replaces globals meanwhile. */
export async function copies(run: () => unknown): Promise<Copies> {
  const count: Count = { bytes: 0, allocated: 0, moves: [], depth: 0 };
  const restore = WATCHED.map(([owner, name, cost]) => watch(owner as Methods, name, { cost, count }));
  const { Uint8Array, ArrayBuffer } = globalThis;
  globalThis.Uint8Array = watchConstructor(Uint8Array, count);
  globalThis.ArrayBuffer = watchConstructor(ArrayBuffer, count);
  try {
    await run();
  } finally {
    Object.assign(globalThis, { Uint8Array, ArrayBuffer });
    for (const undo of restore) undo();
  }
  return count;
}

/** Counts what one constructor copies, or only makes. */
function watchConstructor<T extends new (...args: never[]) => object>(original: T, count: Count): T {
  const watched: T = new Proxy(original, {
    construct(target, args, made) {
      const [given] = args as unknown[];
      if (count.depth === 0) {
        if (typeof given === "number") count.allocated += given;
        else if (!(given instanceof ArrayBuffer)) count.bytes += sizeOf(given);
      }
      count.depth++; // a list is read by its iterator, which is watched too
      try {
        return Reflect.construct(target, args, made === watched ? target : made);
      } finally {
        count.depth--;
      }
    },
  });
  return watched;
}

/** Counts the calls of one method, but for those that it makes itself. Returns what puts the method back. */
function watch(
  owner: Methods,
  name: PropertyKey,
  { cost, count }: { cost: Cost; count: Count },
): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, name);
  const original = owner[name]!;
  Object.defineProperty(owner, name, {
    configurable: true,
    writable: true,
    ...before,
    value: function (this: unknown, ...args: unknown[]): unknown {
      count.depth++;
      try {
        const result = original.apply(this, args);
        if (count.depth > 1) return result;
        const size = cost(this, args, result);
        count.bytes += size;
        if (name === "set") count.moves.push({ from: bufferOf(args[0]), to: bufferOf(this), size });
        return result;
      } finally {
        count.depth--;
      }
    },
  });
  return () => before === undefined ? delete owner[name] : Object.defineProperty(owner, name, before);
}
