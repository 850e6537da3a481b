/**
 * What all channels of a client have to publish together, and what it may be at most.
 *
 * @module
 */
import { CallError } from "../rpc/errors.ts";
import type { SendingOptions } from "./changes.ts";

/** What all channels of a client share: how much they may hold, and have on its way, together. */
export interface OutboxSize {
  /** Publications. */
  count: number;
  /** Their bytes. */
  bytes: number;
  /** Bounds of both. */
  readonly most: { readonly count: number; readonly bytes: number };
  /** Sendings that are on their way. */
  sent: number;
  /** Sendings at most: half of the calls that the server takes at once, so that those of the program find room. */
  readonly mostSent: () => number;
  /** Channels that have something to send and found no room, in turn. */
  readonly waiting: Set<{ send(): void }>;
  /** Publications that were replaced and wait for the answer of a newer one, as many as `most.count`: what gives each of them up, oldest first. */
  readonly replaced: Set<() => void>;
}

/** Why something is not published, if it is not. `freed` are the bytes of the one whose place it would take. */
export function refusal(
  size: OutboxSize,
  length: number,
  { signal, timeout, key, change, conflate }: SendingOptions,
  freed?: number,
): Error | undefined {
  if (timeout !== undefined && !(timeout >= 0)) {
    return new TypeError(`Cannot publish: timeout ${timeout} is no time`);
  }
  if (conflate !== undefined && typeof conflate !== "string") {
    return new TypeError("Cannot publish: conflate is no string");
  }
  if (conflate !== undefined && (key !== undefined || change !== undefined)) {
    return new TypeError("Cannot publish: what has a key, or changes a message, is not conflated");
  }
  if (signal?.aborted) {
    return new CallError("CANCELLED", undefined, { ambiguous: false, cause: signal.reason });
  }
  const count = size.count - (freed === undefined ? 0 : 1);
  const bytes = size.bytes - (freed ?? 0);
  // One is always admitted where there is nothing.
  if (count === 0 || (count < size.most.count && bytes + length <= size.most.bytes)) return undefined;
  return new CallError(
    "RESOURCE_EXHAUSTED",
    `Cannot publish: ${count} publications of ${bytes} bytes wait for their answer`,
  );
}
