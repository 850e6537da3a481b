/**
 * The names of the lives of streams.
 *
 * @module
 */

/** Fills the bytes with chance, as `crypto.getRandomValues` does. */
export type Randomness = (bytes: Uint8Array<ArrayBuffer>) => void;

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Chance from the runtime. */
export const systemRandomness: Randomness = (bytes) => void crypto.getRandomValues(bytes);

/** A new epoch: 96 random bits, 16 characters of base64url. */
export function newEpoch(random: Randomness = systemRandomness): string {
  const bytes = new Uint8Array(12);
  random(bytes);
  let epoch = "";
  for (let i = 0; i < 12; i += 3) {
    const bits = bytes[i]! << 16 | bytes[i + 1]! << 8 | bytes[i + 2]!;
    epoch += LETTERS[bits >> 18]! + LETTERS[bits >> 12 & 63]! + LETTERS[bits >> 6 & 63]! +
      LETTERS[bits & 63]!;
  }
  return epoch;
}
