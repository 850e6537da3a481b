/**
 * Entries as text: in the stream, in pushes, in answers. Data is base64, since Bun's own client gives replies and pushes as UTF-8 and nothing else
 * (`docs/decisions.md`, "Redis holds text").
 *
 * @module
 */
import { PUBLICATION_HEAD } from "../rpc/channel_messages.ts";
import type { Append, ChangeKind, Entry, Reactions, Version } from "../rpc/broker.ts";
import { growthOf, joined } from "../rpc/message_pieces.ts";
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

const KINDS: readonly ChangeKind[] = ["edit", "append", "delete", "react"];
/** Words of a push, without and with what heads of changeable channels have. */
const WORDS = [7, 11];

/** What a script is told of an append to a channel whose messages may change; nothing where they may not. */
export function changeArguments({ data, by, change }: Append): string[] {
  if (by === undefined) return [];
  const own = [encodeURIComponent(by), growthOf(data), String(data.length)];
  if (change === undefined) return own;
  const { kind, target, epoch = "", most, reactions } = change;
  const kept = reactions === undefined ? [] : [String(reactions.expects), textOf(reactions.state)];
  return [...own, String(KINDS.indexOf(kind) + 1), String(target), epoch, String(most), ...kept];
}

/**
 * Reads a push: `e EPOCH OFFSET FINGERPRINT PREVIOUS AT DATA`, with `KIND TARGET PRIOR BY` before the data where messages may change, or `s FROM DATA`. `undefined` for what is neither.
 *
 * @throws {Error} Numbers that are none, or data that is not base64: somebody else has written it.
 */
export function readPush(text: string): Pushed | undefined {
  const parts = text.split(" ");
  if (parts[0] === "s" && parts.length === 3) {
    const [, from, data] = parts as [string, string, string];
    return { signal: bytesOf(data), from: from === "" ? undefined : decodeURIComponent(from) };
  }
  if (parts[0] !== "e" || !WORDS.includes(parts.length)) return undefined;
  const [, epoch, offset] = parts as string[];
  return { epoch: epoch!, entry: entryOf(Number(offset), parts.slice(3, -1).join(" "), parts.at(-1)!) };
}

/**
 * An entry of its number, its head (`FINGERPRINT PREVIOUS AT`, and `KIND TARGET PRIOR BY` where messages may change), its data, and what became of it.
 *
 * @throws {Error} What was not written by this package.
 */
export function entryOf(offset: number, head: string, data: string, fate: Fate = NO_FATE): Entry {
  const [fingerprint, previous, at, kind, target, , by] = head.split(" ");
  const numbers = { offset, fingerprint: Number(fingerprint), previous: Number(previous), at: Number(at) };
  const isOurs = isUint(offset) && isUint(numbers.at) && is32(numbers.fingerprint) && is32(numbers.previous);
  if (!isOurs) throw new Error(`Redis: "${offset} ${head}" is no entry`);
  if (kind === undefined) {
    return { ...numbers, data: bytesOf(data, PUBLICATION_HEAD), room: PUBLICATION_HEAD };
  }
  const pieces = data.split(",");
  const bytes = pieces.length === 1
    ? { data: bytesOf(data, PUBLICATION_HEAD), room: PUBLICATION_HEAD }
    : { data: joined(pieces.map((piece) => bytesOf(piece))), room: 0 };
  return { ...numbers, ...bytes, ...fateOf(kind, target!, by!, fate) };
}

/** What became of an entry, as a read tells it. */
export interface Fate {
  /** `!` where it was deleted, and `VERSION AT BY` of the last change. */
  readonly state: string;
  /** `OFFSET SUMMARY STATE`. */
  readonly reactions: string;
}

const NO_FATE: Fate = { state: "", reactions: "" };

/** What an entry has besides where messages may change. */
function fateOf(
  kind: string,
  target: string,
  by: string,
  { state, reactions }: Fate,
): Pick<Entry, "by" | "change" | "isGone" | "version" | "reactions"> {
  const changed = KINDS[Number(kind) - 1];
  const version = versionOf(state.replace(/^!/, ""));
  return {
    by: decodeURIComponent(by),
    ...changed === undefined ? {} : { change: { kind: changed, target: Number(target) } },
    ...state.startsWith("!") ? { isGone: true } : {},
    ...version === undefined ? {} : { version },
    ...reactions === "" ? {} : { reactions: reactionsOf(reactions) },
  };
}

function reactionsOf(text: string): Reactions {
  const [offset, summary, state] = text.split(" ") as [string, string, string];
  return {
    offset: Number(offset),
    summary: bytesOf(summary),
    ...state === "" ? {} : { state: bytesOf(state) },
  };
}

function versionOf(state: string): Version | undefined {
  if (state === "") return undefined;
  const [offset, at, by] = state.split(" ") as [string, string, string];
  return { offset: Number(offset), at: Number(at), by: decodeURIComponent(by) };
}

function is32(value: number): boolean {
  return isUint(value) && value <= 0xffff_ffff;
}
