/**
 * What presence needs of the client, and what a program wants of a watch.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import type { Limits } from "../rpc/limits.ts";
import type { WatchWanted } from "./local_watch.ts";
import type { PresenceHandler, WatchPresenceOptions } from "./presence_types.ts";

/** What presence needs of the client. */
export interface PresencesParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Bounds of this side. */
  readonly limits: Limits;
  /** Calls a procedure of the library. */
  readonly call: (name: string, input: unknown) => PromiseLike<unknown>;
  /** Told of what handlers threw. */
  readonly report: (error: unknown) => void;
}

/** `(options, handler)` or `(handler)`. */
export type WatchArguments = readonly [
  given?: WatchPresenceOptions | PresenceHandler<unknown>,
  handler?: PresenceHandler<unknown>,
];

/**
 * Reads the arguments of `watch`.
 *
 * @throws {TypeError} If the handler is no function, or the signal none.
 */
export function readWatch(
  [given = {}, handler]: WatchArguments,
): WatchWanted & { readonly signal: AbortSignal | undefined } {
  const [options, run] = typeof given === "function" && !handler
    ? [{}, given]
    : [given as WatchPresenceOptions, handler];
  if (run !== undefined && typeof run !== "function") {
    throw new TypeError("Cannot watch: the handler is no function");
  }
  const { countOnly = false, signal, onError } = options;
  if (signal && !signal.addEventListener) {
    throw new TypeError("Cannot watch: the signal is no AbortSignal");
  }
  return { countOnly, signal, onError, handler: run };
}
