/**
 * `app.call.users.rename(...)`: a tree of functions made from nothing but the names that a program writes, since a client
 * that has types alone knows no contract.
 *
 * @module
 */

import { REFUSED_NAMES } from "./contract.ts";

/** A function of the tree was called. */
export type CallByName = (name: string, args: readonly unknown[]) => unknown;

/**
 * Makes the tree. Members are made when they are first looked at and kept as own properties, so that the next look costs no proxy trap.
 *
 * @param call What calling a member does.
 * @param prefix The name of the group so far, with its dot.
 */
export function callTree(call: CallByName, prefix = ""): object {
  const target = prefix === "" ? {} : (...args: unknown[]) => call(prefix.slice(0, -1), args);
  return new Proxy(target, {
    get(members, name) {
      if (Object.hasOwn(members, name)) return Reflect.get(members, name);
      // `then` would make an `await` of the tree call the server, `toJSON` a `JSON.stringify` of it; symbols are asked for by the runtime. Names that no
      // procedure may have are what JavaScript says they are: a template string or `bind` makes no call.
      if (name === "then" || name === "toJSON") return undefined;
      if (typeof name === "symbol" || REFUSED_NAMES.has(name)) return Reflect.get(members, name);
      const value = callTree(call, `${prefix}${name}.`);
      Object.defineProperty(members, name, { value, enumerable: true });
      return value;
    },
    set: () => false,
  });
}
