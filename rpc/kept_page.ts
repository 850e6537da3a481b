/**
 * What those who do not want everything are given.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import { writeGap, writeSkip } from "./channel_messages.ts";
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
