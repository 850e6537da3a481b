/**
 * Waits for the end of what goes on on a connection that is going to close.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Peer } from "./peer.ts";

/** How often a connection that drains looks whether its last bytes have left, in ms. */
const LOOK = 20;

/** What is waited for. */
export interface Busy {
  /** Time. */
  readonly clock: Clock;
  /** Its calls and streams. */
  readonly peer: Peer;
  /** Bytes in the socket. */
  readonly buffered: () => number;
  /** Whether the connection has closed. */
  readonly isClosed: () => boolean;
}

/**
 * Resolves when no call or stream goes on and all answers have been handed to the socket, or after `ms`.
 *
 * @returns The promise, and what looks again when the connection has closed.
 */
export function whenQuiet(
  { clock, peer, buffered, isClosed }: Busy,
  ms: number,
): { quiet: Promise<void>; look: () => void } {
  const { callee, outbox } = peer;
  const until = clock.now() + ms;
  const { promise: quiet, resolve } = Promise.withResolvers<void>();
  let timer: unknown;
  const look = callee.onEnd = () => {
    clock.clearTimeout(timer);
    const left = until - clock.now();
    const isBusy = callee.inFlight > 0 || peer.openStreams > 0 || outbox.waiting > buffered();
    if (isClosed() || left <= 0 || !isBusy) return resolve();
    // The end of a call is told; that of a stream, or of a large answer on its way, is not.
    timer = clock.setTimeout(look, callee.inFlight > 0 ? left : Math.min(left, LOOK));
  };
  look();
  return { quiet, look };
}
