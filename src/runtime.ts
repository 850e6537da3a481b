/**
 * The one file that asks which runtime this is. Everything else is told.
 */

import { bun } from "./bun.ts";
import { deno } from "./deno.ts";
import type { Adapter } from "./link.ts";

/** What a runtime offers natively for strings; each member is absent where the runtime lacks it. */
export interface NativeText {
  /** Reads bytes `start` to `end` of `this` as UTF-8, with U+FFFD for what is none. */
  readonly utf8Slice?: (this: Uint8Array, start: number, end: number) => string;
  /**
   * Writes `text` as UTF-8 into `this` at `offset`, at most `length` bytes and never half a character, and
   * returns the bytes written. Lone surrogates become U+FFFD.
   */
  readonly utf8Write?: (this: Uint8Array, text: string, offset: number, length: number) => number;
  /**
   * Bytes up to which ASCII is faster built from character codes than by a call into the runtime: 12 on Deno, where
   * `bench/codec.ts` shows it; none on Bun.
   */
  readonly built?: number;
}

/** The adapter of the runtime this is; undefined outside Deno and Bun, where nothing can be upgraded. */
export const adapter: Adapter | undefined = [deno, bun].find(({ present }) => present);

interface Globals {
  readonly Buffer?: { readonly prototype: NativeText };
  readonly process?: { getBuiltinModule?(name: "node:buffer"): Globals | undefined };
  readonly setImmediate?: (run: () => void) => unknown;
}

/**
 * Native string reading and writing, for `msgpack/` to use. Taken from `Buffer.prototype` by shape, so that no
 * module of ours imports `node:buffer` and a browser bundle stays clean; empty where there is no Buffer.
 */
export const text: NativeText = nativeText(globalThis as Globals);

function nativeText(globals: Globals): NativeText {
  const buffer = globals.Buffer ?? globals.process?.getBuiltinModule?.("node:buffer")?.Buffer;
  const { utf8Slice, utf8Write } = buffer?.prototype ?? {};
  if (typeof utf8Slice !== "function" || typeof utf8Write !== "function") return {};
  return { utf8Slice, utf8Write, ...(deno.present ? { built: 12 } : {}) };
}

/**
 * Runs `run` after the input and output of this turn of the event loop: `setImmediate`, which both runtimes
 * have, or a zero timeout elsewhere. It cannot be cancelled.
 */
export const immediate: (run: () => void) => void = pickImmediate(globalThis as Globals);

/**
 * The same for a turn in which many connections have something to send: a zero timeout on Deno, `undefined` elsewhere. There `setImmediate` comes
 * before all sockets were read, some connections are served again and again, and others wait: with 500 calls on 500 connections
 * p99 was 329 and 352 ms with it, 64 and 98 without (the bare echo: 221 and 148), for up to a tenth of the rate. A single call would wait 2.4 ms.
 */
export const immediateInCrowd: ((run: () => void) => void) | undefined = deno.present
  ? (run) => void setTimeout(run, 0)
  : undefined;

function pickImmediate({ setImmediate }: Globals): (run: () => void) => void {
  if (setImmediate !== undefined) return (run) => void setImmediate(run);
  return (run) => void setTimeout(run, 0);
}
