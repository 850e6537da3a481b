/**
 * Names, codes and keys are short: nobody has a procedure of a longer name.
 *
 * @module
 */

/** Bytes of a name. */
export const LONGEST_NAME = 255;

/** Whether a string has more bytes than a name may have. */
export function isTooLong(name: string): boolean {
  return name.length * 3 > LONGEST_NAME && new TextEncoder().encode(name).length > LONGEST_NAME;
}
