/**
 * Has V8 free the memory of received frames before there is much of it.
 *
 * @module
 */

/** Smaller frames bring objects enough. */
const LARGE = 8 * 1024;
/** For so many bytes of frames there is one object, of so many elements (16 KiB). */
const [STEP, ELEMENTS] = [64 * 1024, 2 * 1024];

interface Globals {
  readonly navigator?: { readonly userAgent?: string };
}

/** JavaScriptCore counts the memory of buffers itself. There it would be in vain: p99 4.9 ms instead of 3.4. */
export const isV8: boolean = /Chrome|Deno|Node/.test((globalThis as Globals).navigator?.userAgent ?? "");

let bytes = 0;
/** The last object: the compiler would leave out one that nobody keeps. */
const last: { object?: unknown[] } = {};

/**
 * A frame of `size` bytes came. Its memory is outside of V8's heap and is freed when young objects are collected, which only more objects
 * bring about: beside an upload of 500 MiB/s, 40 MiB of dead frames were there before, and V8 marked all of its heap for them. That took 20 ms on Deno
 * (2.9.6), which reads no frame meanwhile. So large frames bring an object of a quarter of their size, and young objects are collected ten times
 * as often. See "Upload while calling" in bench/README.md.
 */
export function frameCame(size: number): void {
  if (size < LARGE || !isV8) return;
  bytes += size;
  if (bytes < STEP) return;
  bytes %= STEP;
  last.object = new Array(ELEMENTS);
}
