/**
 * The seam between what has bulk to send and the outbox that lets it: one unit at a time, as window and socket have room.
 *
 * @module
 */
import type { PeerLimits } from "./limits.ts";
import type { Slice } from "./slices.ts";
import type { Window } from "./window.ts";

/** Something that has bulk to send: an item stream, a byte stream, or the fragments of one message. */
export interface BulkSource {
  /**
   * Sends the next unit of at most `piece` bytes of payload.
   *
   * @returns Whether more is ready now. A source that returns `false` queues itself again when more is.
   */
  sendNext(piece: number): boolean;
}

/** What the fragments of large messages need of an outbox. */
export interface BulkLane {
  /** What may be on its way. */
  readonly window: Window;
  /** What the peer accepts. */
  readonly peer: PeerLimits;
  /** The moment of this turn. */
  readonly now: number;
  /** Queues a source; each is asked in turn. */
  enqueue(source: BulkSource): void;
  /** Gives the next reliable message its sequence. */
  takeSequence(): number;
  /** Sends a part of a large message, in a frame of its own. */
  sendSlice(slice: Slice): void;
}
