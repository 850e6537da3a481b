// Reads the headers of Millrace's messages: integers, strings, bytes and nil, and nothing else.

/** Where the element after the one that was read begins. */
export let cursor = 0;

/** Reads an unsigned integer. */
export function integer(bytes, at) {
  const head = bytes[at];
  if (head < 0x80) {
    cursor = at + 1;
    return head;
  }
  const size = head === 0xcc ? 1 : head === 0xcd ? 2 : head === 0xce ? 4 : head === 0xcf ? 8 : 0;
  if (size === 0) throw new Error(`No integer: ${head}`);
  let value = 0;
  for (let i = 1; i <= size; i++) value = value * 256 + bytes[at + i];
  cursor = at + 1 + size;
  return value;
}

/** Passes the header of a bin; returns its length. */
export function bin(bytes, at) {
  const size = bytes[at] === 0xc4 ? 1 : bytes[at] === 0xc5 ? 2 : bytes[at] === 0xc6 ? 4 : 0;
  if (size === 0) throw new Error(`No bin: ${bytes[at]}`);
  let length = 0;
  for (let i = 1; i <= size; i++) length = length * 256 + bytes[at + i];
  cursor = at + 1 + size;
  return length;
}

/** Reads a whole message; bins are views. */
export function message(bytes, at) {
  const elements = [];
  cursor = at + 1;
  for (let left = bytes[at] & 0x0f; left > 0; left--) elements.push(element(bytes, cursor));
  return elements;
}

function element(bytes, at) {
  const head = bytes[at];
  if (head >= 0xc4 && head <= 0xc6) {
    const length = bin(bytes, at);
    cursor += length;
    return bytes.subarray(cursor - length, cursor);
  }
  if ((head & 0xe0) === 0xa0 || head === 0xd9) {
    const start = head === 0xd9 ? at + 2 : at + 1;
    cursor = start + (head === 0xd9 ? bytes[at + 1] : head & 0x1f);
    return bytes.toString("utf8", start, cursor);
  }
  if (head !== 0xc0) return integer(bytes, at);
  cursor = at + 1;
  return null;
}
