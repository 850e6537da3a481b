/**
 * What those who do not want everything are given.
 *
 * @module
 */
import { begin, end, written } from "../msgpack/encoder.ts";
import type { Position } from "./broker.ts";
import { PUBLICATION_HEAD, writeGap, writePublication, writeSkip } from "./channel_messages.ts";
import type { Given } from "./newest.ts";

/** A part of the stream from which some are left out. */
export interface KeptPage {
  /** The word for what is left out. */
  readonly reason: string;
  /** Publications, and whether some are left out before each. */
  readonly given: readonly Given[];
  /** There is nothing else up to here. */
  readonly end: Pick<Position, "offset" | "fingerprint">;
}

/** So many offsets up to this one are not counted as sent. */
export interface Excused {
  /** The last of them. */
  readonly to: number;
  /** How many. */
  readonly count: number;
}

/** Messages that somebody is sent. */
export interface Messages {
  /** The bytes of them. */
  readonly bytes: Uint8Array;
  /** How many. */
  readonly messages: number;
}

/** Writes what tells of the hole before a publication. Gives the offsets of it that need not be counted: `0` where there is none, or a filter has made it. */
export function writeHole(
  alias: number,
  from: number,
  { given: { entry, isGap }, reason }: { readonly given: Given; readonly reason: string },
): number {
  const to = entry.offset - 1;
  if (from > to) return 0;
  if (isGap) writeGap(alias, { from, to, fingerprint: entry.previous, reason });
  else writeSkip(alias, to, entry.previous);
  return isGap ? to - from + 1 : 0;
}

/** The messages of a page for all who are at an offset. */
export function keptMessages(
  alias: number,
  after: number,
  { given, reason }: KeptPage,
): Messages & { readonly excused: readonly Excused[] } {
  const size = given.reduce((sum, { entry }) => sum + entry.data.length, 0);
  const excused: Excused[] = [];
  let [messages, at] = [0, after];
  begin(new Uint8Array(size + given.length * (2 * PUBLICATION_HEAD + 32)), 0);
  for (const one of given) {
    if (one.entry.offset > at + 1) messages++;
    const count = writeHole(alias, at + 1, { given: one, reason });
    if (count > 0) excused.push({ to: one.entry.offset - 1, count });
    writePublication(alias, one.entry);
    messages++;
    at = one.entry.offset;
  }
  const length = end();
  return { bytes: written().subarray(0, length), messages, excused };
}
