/**
 * Entries as text: in the stream, in pushes, in answers. Data is base64, since Bun's own client gives replies and pushes as UTF-8 and nothing else
 * (`docs/decisions.md`, "Redis holds text").
 *
 * @module
 */
import { PUBLICATION_HEAD } from "../rpc/channel_messages.ts";
import type { Entry } from "../rpc/broker.ts";
import { isUint } from "../rpc/uint.ts";

/** The part of `Uint8Array` that the types of some runtimes do not have yet (ES2026). */
interface Base64Bytes {
  toBase64(options: { omitPadding: boolean }): string;
  setFromBase64(text: string): unknown;
}

/** Bytes as text. The bytes are read before this returns. */
export function textOf(data: Uint8Array): string {
  return (data as unknown as Base64Bytes).toBase64({ omitPadding: true });
}

/** Text as bytes, in a buffer of their own with `room` in front of them. */
export function bytesOf(text: string, room = 0): Uint8Array {
  const buffer = new Uint8Array(room + Math.floor(text.length * 3 / 4));
  const data = buffer.subarray(room);
  (data as unknown as Base64Bytes).setFromBase64(text);
  return data;
}

/** What was pushed. */
export type Pushed =
  | { readonly epoch: string; readonly entry: Entry }
  | { readonly signal: Uint8Array; readonly from: string | undefined };

/** How a signal is pushed. */
export function signalText(data: Uint8Array, from: string | undefined): string {
  return `s ${from === undefined ? "" : encodeURIComponent(from)} ${textOf(data)}`;
}

/**
 * Reads a push: `e EPOCH OFFSET FINGERPRINT PREVIOUS AT DATA` or `s FROM DATA`. `undefined` for what is neither.
 *
 * @throws {Error} Numbers that are none, or data that is not base64: somebody else has written it.
 */
export function readPush(text: string): Pushed | undefined {
  const parts = text.split(" ");
  if (parts[0] === "s" && parts.length === 3) {
    const [, from, data] = parts as [string, string, string];
    return { signal: bytesOf(data), from: from === "" ? undefined : decodeURIComponent(from) };
  }
  if (parts[0] !== "e" || parts.length !== 7) return undefined;
  const [, epoch, offset, fingerprint, previous, at, data] = parts as string[];
  const head = `${fingerprint} ${previous} ${at}`;
  return { epoch: epoch!, entry: entryOf(Number(offset), head, data!) };
}

/**
 * An entry of its number, its head (`FINGERPRINT PREVIOUS AT`) and its data.
 *
 * @throws {Error} What was not written by this package.
 */
export function entryOf(offset: number, head: string, data: string): Entry {
  const [fingerprint, previous, at] = head.split(" ").map(Number) as [number, number, number];
  const isOurs = isUint(offset) && isUint(at) && is32(fingerprint) && is32(previous);
  if (!isOurs) throw new Error(`Redis: "${offset} ${head}" is no entry`);
  return { offset, fingerprint, previous, at, data: bytesOf(data, PUBLICATION_HEAD), room: PUBLICATION_HEAD };
}

function is32(value: number): boolean {
  return isUint(value) && value <= 0xffff_ffff;
}
