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
const given: Cost = (_self, args) => sizeOf(args[0]);
const made: Cost = (_self, _args, result) => sizeOf(result);
const own: Cost = (self) => sizeOf(self);

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as Methods;

/** Everything with which our code could copy bytes, but for a loop over single ones. */
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

/**
 * Runs `run` and counts. Not for two runs at a time: it replaces globals meanwhile.
 *
 * @returns Bytes that were copied.
 */
export async function copiedBytes(run: () => unknown): Promise<number> {
  const count = { bytes: 0, depth: 0 };
  const restore = WATCHED.map(([owner, name, cost]) => watch(owner as Methods, name, { cost, count }));
  const Original = globalThis.Uint8Array;
  globalThis.Uint8Array = new Proxy(Original, {
    construct(target, args, made) {
      if (count.depth === 0) count.bytes += args[0] instanceof ArrayBuffer ? 0 : sizeOf(args[0]);
      count.depth++; // a list is read by its iterator, which is watched too
      try {
        return Reflect.construct(target, args, made === globalThis.Uint8Array ? target : made);
      } finally {
        count.depth--;
      }
    },
  });
  try {
    await run();
  } finally {
    globalThis.Uint8Array = Original;
    for (const undo of restore) undo();
  }
  return count.bytes;
}

/** Counts the calls of one method, but for those that it makes itself. Returns what puts the method back. */
function watch(
  owner: Methods,
  name: PropertyKey,
  { cost, count }: { cost: Cost; count: { bytes: number; depth: number } },
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
        if (count.depth === 1) count.bytes += cost(this, args, result);
        return result;
      } finally {
        count.depth--;
      }
    },
  });
  return () => before === undefined ? delete owner[name] : Object.defineProperty(owner, name, before);
}
