// Reads the elements of hot messages where they stand. k6 runs JavaScript in an interpreter: there the library takes about 100 µs for a small
// RESULT, and this takes 5.

/** Where the element after the one that was read begins. */
export let cursor = 0;

/** Reads an unsigned integer in any of its encodings. */
export function integer(bytes, at) {
  const head = bytes[at];
  if (head < 0x80) {
    cursor = at + 1;
    return head;
  }
  if (head < 0xcc || head > 0xcf) throw new Error(`an integer was expected, not ${head}`);
  const size = 1 << (head - 0xcc);
  let value = 0;
  for (let i = 1; i <= size; i++) value = value * 256 + bytes[at + i];
  cursor = at + 1 + size;
  return value;
}

/** Passes the header of a bin; returns its length. */
export function bin(bytes, at) {
  const head = bytes[at];
  if (head < 0xc4 || head > 0xc6) throw new Error(`bytes were expected, not ${head}`);
  const size = 1 << (head - 0xc4);
  let length = 0;
  for (let i = 1; i <= size; i++) length = length * 256 + bytes[at + i];
  cursor = at + 1 + size;
  return length;
}
