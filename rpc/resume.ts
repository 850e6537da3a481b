/**
 * Whether a position is a place in a stream from which everything can still be sent: the table in `docs/protocol.md`, row by row.
 *
 * @module
 */
import type { Page, Position } from "./broker.ts";

/** What decides. */
export type View = Pick<Page, "epoch" | "top" | "oldest" | "boundary">;

/** What a position is to a stream; all but `recovered` lead to a reset. */
export type Verdict =
  /** Everything after it is there. */
  | "recovered"
  /** It belongs to another life of the stream. */
  | "other epoch"
  /** The stream has not come so far. */
  | "ahead"
  /** Something else was published there. */
  | "other past"
  /** What came after it is gone. */
  | "trimmed";

/** Judges a position. `view` was read with `after` the position's offset. */
export function judge({ epoch, offset, fingerprint }: Position, view: View): Verdict {
  const { top, oldest } = view;
  if (epoch !== view.epoch) return "other epoch";
  if (offset > top.offset) return "ahead";
  // The top keeps its fingerprint longer than any entry: who has it needs no history.
  if (offset === top.offset) return fingerprint === top.fingerprint ? "recovered" : "other past";
  const boundary = offset === 0 ? 0 : view.boundary;
  if (boundary !== undefined && boundary !== fingerprint) return "other past";
  if (oldest > offset + 1) return "trimmed";
  return boundary === undefined ? "trimmed" : "recovered"; // what nothing proves is not recovered
}

/**
 * Whether a position is no place in the stream at all: it belongs to another, or something else was published there. One from which not everything
 * can be sent any more is a place.
 */
export function isElsewhere(position: Position, view: View): boolean {
  const verdict = judge(position, view);
  return verdict !== "recovered" && verdict !== "trimmed";
}
