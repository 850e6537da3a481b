/**
 * Names, codes and keys are short: nobody has a procedure of a longer name.
 *
 * @module
 */
import { isWellFormed } from "../msgpack/text.ts";

/** Bytes of a name. */
export const LONGEST_NAME = 255;

/** Whether a string has more bytes than a name may have. */
export function isTooLong(name: string): boolean {
  return name.length * 3 > LONGEST_NAME && new TextEncoder().encode(name).length > LONGEST_NAME;
}

/** Whether it is a text, and stays the same when it is encoded. */
export function isText(value: unknown): value is string {
  return typeof value === "string" && isWellFormed(value);
}

/** Whether it can be the key of a call or a publication. An empty one would make all the same whose key was forgotten. */
export function isKey(key: unknown): key is string {
  return isText(key) && key !== "" && !isTooLong(key);
}
