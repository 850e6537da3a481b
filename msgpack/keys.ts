import { DecodeError } from "./errors.ts";
import { readText } from "./text.ts";

/** A key that came before: its bytes, copied out of the message, and its text. */
interface Entry {
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly text: string;
}

// Keys repeat: a map of this message has the keys of the last one. So a key is compared as bytes with the ones kept
// under its hash, and read as text only when it is new: 5 ns for 65. Entries are objects: one flat array of bytes
// beside one of texts measured 30 % slower on Bun. What a stranger can do is to fill it with other keys.
const slots = 256;
const longest = 31;
const none: Entry = { size: 0, bytes: new Uint8Array(0), text: "" };
const entries: Entry[] = new Array<Entry>(slots).fill(none);

/**
 * Reads a key of `size` bytes at `at`; they are inside `bytes`.
 *
 * @throws {DecodeError} when it is not UTF-8, or is `__proto__`
 */
export function readKey(bytes: Uint8Array, at: number, size: number): string {
  if (size === 0 || size > longest) return readNewKey(bytes, at, size);
  const slot = (size * 31 + bytes[at]! * 7 + bytes[at + (size >> 1)]! * 3 + bytes[at + size - 1]!) &
    (slots - 1);
  const entry = entries[slot]!;
  if (isKey(entry, bytes, at, size)) return entry.text;
  const other = entries[slot ^ 1]!; // where a key goes that was pushed out of its slot
  if (isKey(other, bytes, at, size)) return other.text;
  const text = readNewKey(bytes, at, size);
  entries[slot ^ 1] = entry;
  entries[slot] = { size, bytes: new Uint8Array(bytes.subarray(at, at + size)), text: interned(text) };
  return text;
}

/** The same text as the engine keeps it for property names: Bun looks others up again at every use (+12 ns). */
function interned(text: string): string {
  return Object.keys({ [text]: 0 })[0]!;
}

function isKey(entry: Entry, bytes: Uint8Array, at: number, size: number): boolean {
  if (entry.size !== size) return false;
  const kept = entry.bytes;
  for (let i = 0; i < size; i++) {
    if (kept[i] !== bytes[at + i]) return false;
  }
  return true;
}

function readNewKey(bytes: Uint8Array, at: number, size: number): string {
  const text = readText(bytes, at, at + size);
  if (text === "__proto__") throw new DecodeError("a key __proto__", at);
  return text;
}
