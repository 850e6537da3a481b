/**
 * What a program asks of a history, checked: in server code and at the client alike. What a client sends is checked where it arrives.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import { isPosition } from "./positions.ts";
import type { HistoryQuery } from "./publisher.ts";
import { isUint } from "./uint.ts";

/**
 * Checks a query.
 *
 * @throws {TypeError | RangeError} If it has two places, one that is none, or a limit that is no whole number.
 */
export function checkHistoryQuery({ before, after, limit }: HistoryQuery): void {
  if (before !== undefined && after !== undefined) {
    throw new TypeError("Cannot read a history before one place and after another");
  }
  const from = before ?? after;
  if (from !== undefined && !(typeof from === "object" ? isPosition(from ?? {}) : isUint(from))) {
    throw new TypeError("Cannot read a history: the place is none");
  }
  if (limit !== undefined && !isUint(limit)) {
    throw new RangeError("limit must be a whole number, not below 0");
  }
}

/** The offset of a place. */
export function offsetOfPlace(place: number | Position): number {
  return typeof place === "number" ? place : place.offset;
}

/** Where a page without entries ends: the next one begins there again. */
export function nextOf(
  { after, before }: HistoryQuery,
  { top }: { readonly top: { readonly offset: number } },
): number {
  const from = after ?? before;
  return from === undefined ? top.offset + 1 : offsetOfPlace(from);
}
