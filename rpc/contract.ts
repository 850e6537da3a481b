import type { CallTree } from "./calls.ts";
import { isProcedure, type ProcedureDefinition } from "./procedure.ts";

/** What an app and its clients agree on: types only. */
export interface Contract<Procedures = unknown, Client = unknown, Channels = unknown> {
  /** The procedures that clients call. */
  readonly procedures: Procedures;
  /** The procedures that clients offer the server. */
  readonly client: Client;
  /** The channels. */
  readonly channels: Channels;
}

/** Something that carries a contract in its type: `typeof app`. */
export interface HasContract<C extends Contract = Contract> {
  /** The contract; never there at run time. */
  readonly "~contract"?: C;
}

/** The contract of an app. */
export type ContractOf<App extends HasContract> = NonNullable<App["~contract"]>;

/** The tree of calls that an app's client has as `app.call`. */
export type Caller<App extends HasContract> = CallTree<ContractOf<App>["procedures"]>;

/**
 * Names that no procedure or group may have. The client is a `Proxy` over functions: `then` would make it a
 * promise, `JSON.stringify` would call `toJSON`, the others are what
 * `Function.prototype` has on every runtime.
 */
export const REFUSED_NAMES: ReadonlySet<string> = new Set([
  "then",
  "__proto__",
  "prototype",
  "constructor",
  "apply",
  "arguments",
  "bind",
  "call",
  "caller",
  "length",
  "name",
  "toString",
  "toJSON",
]);

/** Groups deeper than this are refused; also what ends a group that contains itself. */
const MAX_DEPTH = 16;

/**
 * The procedures of nested groups by the name they have on the wire: `{ users: { rename } }` becomes
 * `users.rename`.
 *
 * @throws {TypeError} A refused name, something that is no procedure, a type without a handler, or a group
 * that is no plain object.
 */
export function serverProcedures(group: object): Map<string, ProcedureDefinition> {
  return flatten(group, (value, name) => {
    if (!isProcedure(value)) return undefined;
    if (value.run === undefined) {
      throw new TypeError(`Cannot serve procedure "${name}": it is a type without a handler`);
    }
    return value;
  });
}

/**
 * The procedures that clients offer, by the name they have on the wire.
 *
 * @throws {TypeError} As {@linkcode serverProcedures}, but a handler is what is refused.
 */
export function clientProcedures(group: object): Map<string, ProcedureDefinition> {
  return flatten(group, (value, name) => {
    if (!isProcedure(value)) return undefined;
    if (value.run !== undefined) {
      throw new TypeError(
        `Cannot call procedure "${name}" of a client: it has a handler here; declare it with procedure.type`,
      );
    }
    return value;
  });
}

/** A function of a client that the server may call, its types erased. */
export type ErasedFunction = (...args: unknown[]) => unknown;

/**
 * The functions with which a client implements what it offers, by the name they have on the wire.
 *
 * @throws {TypeError} A refused name, something that is no function, or a group that is no plain object.
 */
export function clientHandlers(group: object): Map<string, ErasedFunction> {
  return flatten(group, (value) => typeof value === "function" ? value as ErasedFunction : undefined);
}

/** What a member of a group is; `undefined` when it is a group itself. */
type Leaf<T> = (value: unknown, name: string) => T | undefined;

function flatten<T>(group: object, leaf: Leaf<T>): Map<string, T> {
  const found = new Map<string, T>();
  collect(group, { leaf, found, prefix: "", depth: 1 });
  return found;
}

function collect<T>(
  group: object,
  at: { leaf: Leaf<T>; found: Map<string, T>; prefix: string; depth: number },
): void {
  for (const [key, value] of Object.entries(group)) {
    checkName(key, at.prefix);
    const name = at.prefix + key;
    const procedure = at.leaf(value, name);
    if (procedure !== undefined) at.found.set(name, procedure);
    else collect(groupAt(value, name, at.depth), { ...at, prefix: `${name}.`, depth: at.depth + 1 });
  }
}

function checkName(key: string, prefix: string): void {
  const reason = key === ""
    ? "it is empty"
    : key.includes(".")
    ? "a dot separates the names of groups"
    : key.startsWith("@")
    ? "names with @ belong to the library"
    : REFUSED_NAMES.has(key)
    ? "the client could not reach it"
    : undefined;
  if (reason !== undefined) throw new TypeError(`Cannot name a procedure "${prefix}${key}": ${reason}`);
}

function groupAt(value: unknown, name: string, depth: number): object {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(
      `Cannot use "${name}" as a procedure: it is ${value === null ? "null" : `a ${typeof value}`}`,
    );
  }
  // `{ __proto__: procedure(...) }` is no member but the prototype, so it would vanish without a word.
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    throw new TypeError(`Cannot use "${name}" as a group of procedures: it is no plain object`);
  }
  if (depth >= MAX_DEPTH) {
    throw new TypeError(
      `Cannot use "${name}" as a group of procedures: it is nested deeper than ${MAX_DEPTH} levels`,
    );
  }
  return value;
}
