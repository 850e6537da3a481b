import { DecodeError } from "./errors.ts";
import { readText } from "./text.ts";

/** A key that came before: its bytes, copied out of the message, and its text. */
export interface Key {
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly text: string;
}

// Keys repeat: a map of this message has the keys of the last one. So a key is compared as bytes with the ones kept
// under its hash, and read as text only when it is new: 5 ns for 65. Keys are objects: one flat array of bytes
// beside one of texts measured 30 % slower on Bun. What a stranger can do is to fill it with other keys.
const slots = 256;
const longest = 31;
const none: Key = { size: 0, bytes: new Uint8Array(0), text: "" };
/** Equal to no key. */
const unexpected: Key = { size: -1, bytes: none.bytes, text: "" };
const entries: Key[] = new Array<Key>(slots).fill(none);

/**
 * Finds a key of `size` bytes at `at`, which are inside `bytes`, or reads it.
 *
 * @throws {DecodeError} when it is not UTF-8, or is `__proto__`
 */
export function findKey(bytes: Uint8Array, at: number, size: number): Key {
  if (size === 0 || size > longest) return { size: -1, bytes: none.bytes, text: readNewKey(bytes, at, size) };
  const slot = (size * 31 + bytes[at]! * 7 + bytes[at + (size >> 1)]! * 3 + bytes[at + size - 1]!) &
    (slots - 1);
  const entry = entries[slot]!;
  if (isKey(entry, bytes, at, size)) return entry;
  const other = entries[slot ^ 1]!; // where a key goes that was pushed out of its slot
  if (isKey(other, bytes, at, size)) return other;
  const text = readNewKey(bytes, at, size);
  entries[slot ^ 1] = entry;
  return entries[slot] = { size, bytes: new Uint8Array(bytes.subarray(at, at + size)), text: interned(text) };
}

/** The same text as the engine keeps it for property names: Bun looks others up again at every use (+12 ns). */
function interned(text: string): string {
  return Object.keys({ [text]: 0 })[0]!;
}

function isKey(key: Key, bytes: Uint8Array, at: number, size: number): boolean {
  if (key.size !== size) return false;
  const kept = key.bytes;
  for (let i = 0; i < size; i++) {
    if (kept[i] !== bytes[at + i]) return false;
  }
  return true;
}

/** What to remember of a key: nothing of one that is empty or long, which would keep as much memory as a message may have. */
export function expectable(key: Key): Key {
  return key.size < 0 ? unexpected : key;
}

/** Whether `key` is what stands at `at`, as a fixstr with its header: how every encoder writes a key of up to 31 bytes. */
export function isKeyAt(key: Key, bytes: Uint8Array, at: number): boolean {
  return bytes[at] === (0xa0 | key.size) && isKey(key, bytes, at + 1, key.size);
}

function readNewKey(bytes: Uint8Array, at: number, size: number): string {
  const text = readText(bytes, at, at + size);
  if (text === "__proto__") throw new DecodeError("a key __proto__", at);
  return text;
}
