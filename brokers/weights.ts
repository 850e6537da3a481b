/**
 * What a broker in memory holds weighs more than the bytes it was given. Estimates, so that its bounds are those of the process: the heap after
 * collection with 20,000 to 200,000 of each, without the bytes that are counted beside it, on Deno 2.9.6 and Bun 1.4.5.
 *
 * @module
 */

/** A channel with its stream and its book of producers: 950 and 1,430 bytes, a third less without producers; and 53 and 57 for its name among those of its pattern. */
export const CHANNEL_BYTES = 1_472;

/** An entry with its place and its view: 331 and 236 bytes, of any size. */
export const ENTRY_BYTES = 352;

/** What a change adds to its entry: its own object, its place in the list of its message, and a part of that list. Reckoned, not measured. */
export const CHANGE_BYTES = 160;

/** The record of a producer: 340 and 220 bytes. */
export const RECORD_BYTES = 352;

/** One of its results: 65 and 53 bytes. */
export const RESULT_BYTES = 64;

/** A text at the most: one byte a character where all are Latin-1, which nobody tells. */
export function textBytes(text: string): number {
  return 2 * text.length;
}
