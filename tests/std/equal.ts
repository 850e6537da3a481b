// Deep equality with the rules of `@std/assert`, so that a test means the same with either: own enumerable
// keys (an `undefined` field counts), `Object.is` for leaves, equal constructors except that `Object` and no
// prototype are alike.

type Pairs = Map<object, Set<object>>;

/** Tells whether two values are deeply equal. */
export function equal(a: unknown, b: unknown): boolean {
  return same(a, b, new Map());
}

function same(a: unknown, b: unknown, open: Pairs): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (!sameKind(a, b)) return false;
  const partners = open.get(a) ?? new Set();
  if (partners.has(b)) return true; // a cycle: equal unless a difference shows elsewhere
  open.set(a, partners.add(b));
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof RegExp || a instanceof URL) return String(a) === String(b);
  if (a instanceof WeakMap || a instanceof WeakSet || a instanceof WeakRef) return false;
  if (a instanceof Set && b instanceof Set) return sameSet(a, b, open);
  if (a instanceof Map && b instanceof Map) return sameMap(a, b, open);
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) return sameBytes(view(a), view(b));
  if (a instanceof ArrayBuffer && b instanceof ArrayBuffer) {
    return sameBytes(new Uint8Array(a), new Uint8Array(b));
  }
  if (a instanceof Error && b instanceof Error && (a.name !== b.name || a.message !== b.message)) {
    return false;
  }
  return sameFields(a, b, open);
}

function sameKind(a: object, b: object): boolean {
  const [x, y] = [a.constructor, b.constructor];
  return x === y || (x === Object && y === undefined) || (x === undefined && y === Object);
}

function sameFields(a: object, b: object, open: Pairs): boolean {
  const [left, right] = [fields(a), fields(b)];
  if (left.length !== right.length) return false;
  return left.every((key) => Object.hasOwn(b, key) && same(Reflect.get(a, key), Reflect.get(b, key), open));
}

function fields(value: object): PropertyKey[] {
  return Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
}

function sameSet(a: Set<unknown>, b: Set<unknown>, open: Pairs): boolean {
  if (a.size !== b.size) return false;
  const rest = new Set(b);
  for (const item of a) {
    const match = rest.has(item) ? item : [...rest].find((other) => same(item, other, open));
    if (!rest.delete(match)) return false;
  }
  return true;
}

function sameMap(a: Map<unknown, unknown>, b: Map<unknown, unknown>, open: Pairs): boolean {
  if (a.size !== b.size) return false;
  const rest = [...b];
  for (const [key, value] of a) {
    const at = rest.findIndex(([k, v]) => same(key, k, open) && same(value, v, open));
    if (at < 0) return false;
    rest.splice(at, 1);
  }
  return true;
}

function view(value: ArrayBufferView): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
