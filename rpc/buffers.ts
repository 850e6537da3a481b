/**
 * Buffers in which frames are built. A connection holds one only between its first message of a turn and the flush, so
 * ten thousand idle connections hold none.
 *
 * @module
 */

/**
 * Bytes left free in front of a frame: room for the header of a fragment that starts there, and more, because of a trap in AMD's
 * processors (Zen 3: 64 KiB in 25 µs instead of 1.5): a large copy to where the offset in its page is up to 32 bytes above that of its
 * source. Payloads come right behind a header of about 20 bytes, so they must go further in. https://sourceware.org/bugzilla/show_bug.cgi?id=30994
 */
export const HEADROOM = 128;
/** The header of a fragment has at most so many bytes. */
export const FRAGMENT_HEAD = 32;

const SIZE = 8 * 1024;
const MOST_OF_ONE = 256 * 1024;
/** Of all together: as many as have something to say in one turn, or new ones are made and collected in each (3 % of a small call). */
const MOST_OF_ALL = 4 * 1024 * 1024;
const pool: Uint8Array[] = [];
let kept = 0;

/** A buffer of at least 8 KiB, the caller's until {@linkcode giveBuffer}. Its contents are old bytes. */
export function takeBuffer(): Uint8Array {
  const buffer = pool.pop();
  if (buffer === undefined) return new Uint8Array(SIZE);
  kept -= buffer.length;
  return buffer;
}

/** Gives a buffer back; nobody may hold a view of it. Large ones and what is over 4 MiB together are left to the collector. */
export function giveBuffer(buffer: Uint8Array): void {
  if (buffer.length > MOST_OF_ONE || kept + buffer.length > MOST_OF_ALL) return;
  kept += buffer.length;
  pool.push(buffer);
}
