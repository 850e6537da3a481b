// What is sent. Every contender gets the same values.

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

/** Small messages, all of one size in any encoding, and different: `variants` of them for the connection with this number. */
export function smallValues(variants, connection) {
  return Array.from({ length: variants }, (_, i) => smallValue(connection * variants + i));
}

/** `{ n, s }`: an integer of 6 digits and 16 characters. */
export function smallValue(i) {
  return { n: 100_000 + i * 37 % 800_000, s: (LETTERS + LETTERS).slice(i % 36, i % 36 + 16) };
}

/** Bytes that no compression and no short cut makes smaller. */
export function blob(size, seed) {
  const bytes = new Uint8Array(size);
  let state = seed + 1;
  for (let i = 0; i < size; i++) {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
