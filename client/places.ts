/**
 * Where the subscriptions of one channel are, and from where the next SUBSCRIBE of all of them goes.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import type { Rewind } from "../rpc/channel_messages.ts";
import type { ResetEvent } from "./channel_types.ts";
import type { LocalSubscription } from "./subscription.ts";

/** Who a SUBSCRIBE is for, and from where. */
export interface Target {
  /** Those whose place it asks for. */
  readonly locals: readonly LocalSubscription[];
  /** The place. */
  readonly position: Position | undefined;
  /** Or how far back. */
  readonly rewind: Rewind | undefined;
}

/** Nobody has a place: from now on. */
export const EVERYBODY: Target = { locals: [], position: undefined, rewind: undefined };

/**
 * Whose place is put to the server next; `undefined` when all are known, and the stream comes from the lowest. The highest comes first, so that the last
 * SUBSCRIBE is the one that serves all.
 *
 * @param at Where the stream comes from as it is subscribed now, if it is.
 */
export function nextTarget(
  locals: Iterable<LocalSubscription>,
  at: Position | undefined,
): Target | undefined {
  const places: LocalSubscription[] = [];
  for (const local of locals) {
    const { received, start: { rewind, rewindMs } } = local;
    if (received !== undefined) places.push(local);
    else if (rewind !== undefined || rewindMs !== undefined) {
      return { locals: [local], position: undefined, rewind: { rewind, rewindMs } };
    }
  }
  const unknown = places.filter(({ verified }) => !verified);
  if (unknown.length > 0) {
    return targetOf(unknown, unknown.reduce((one, other) => offsetOf(other) > offsetOf(one) ? other : one));
  }
  if (places.length === 0) return undefined;
  const lowest = places.reduce((one, other) => offsetOf(other) < offsetOf(one) ? other : one);
  return isSame(lowest.received, at) ? undefined : targetOf(places, lowest);
}

function targetOf(places: readonly LocalSubscription[], { received: position }: LocalSubscription): Target {
  return { locals: places.filter(({ received }) => isSame(received, position)), position, rewind: undefined };
}

/** Up to where all subscriptions are done, in this life of the stream; -1 where one is not in it yet. */
export function lowestDone(locals: Iterable<LocalSubscription>, { epoch, offset }: Position): number {
  let lowest = offset;
  for (const local of locals) lowest = Math.min(lowest, local.doneIn(epoch) ?? -1);
  return lowest;
}

/** Whether one of them holds more than this for the program. */
export function holdMore(
  locals: Iterable<LocalSubscription>,
  { count, bytes }: { readonly count: number; readonly bytes: number },
): boolean {
  for (const { held, heldBytes } of locals) if (held > count || heldBytes > bytes) return true;
  return false;
}

/** Whether one of them was given more than this. */
export function isAnyAhead(locals: Iterable<LocalSubscription>, { offset }: Position): boolean {
  for (const local of locals) if (offsetOf(local) > offset) return true;
  return false;
}

/** Whether it has no place, and wants nothing of the past: it begins wherever its channel is. */
export function isAnywhere({ received, start: { rewind, rewindMs } }: LocalSubscription): boolean {
  return received === undefined && rewind === undefined && rewindMs === undefined;
}

/**
 * Of those that are further on than the stream, whether some are within what it passes over now: whether their past is its own cannot be seen, and is to be
 * asked again.
 */
export function doubtInside(locals: Iterable<LocalSubscription>, from: number, to: number): boolean {
  let are = false;
  for (const local of locals) {
    const offset = offsetOf(local);
    if (!local.verified || offset <= from || offset >= to) continue;
    local.verified = false;
    are = true;
  }
  return are;
}

/**
 * Gives what begins at an offset, and ends at a position, to those for whom it is the next. Nothing to those that are further on, unless the stream has come to
 * where one is and is another one.
 */
export function giveNext(
  locals: Iterable<LocalSubscription>,
  { position, from }: { readonly position: Position; readonly from: number },
  give: (local: LocalSubscription) => void,
): void {
  for (const local of locals) {
    if (!local.verified) continue; // it has just come, from another place: a handler may do anything
    const { received } = local;
    const next = offsetOf(local) + 1;
    if (next >= from && next <= position.offset) give(local);
    else if (received?.offset === position.offset && !isSame(received, position)) {
      local.reset(position, "history");
    }
  }
}

/** The offset that it was given last; -1 for none. */
export function offsetOf({ received }: LocalSubscription): number {
  return received?.offset ?? -1;
}

/** Whether two positions are there, and the same. */
export function isSame(one: Position | undefined, other: Position | undefined): boolean {
  return one !== undefined && one.epoch === other?.epoch && one.offset === other.offset &&
    one.fingerprint === other.fingerprint;
}

/** Why a subscription that was at one place goes on at another. */
export function reasonOf(before: Position, after: Position): ResetEvent["reason"] {
  return before.epoch === after.epoch ? "history" : "epoch";
}
