/**
 * What a program wants of a watch, checked at once: before the code of channels is there, too.
 *
 * @module
 */
import type { WatchWanted } from "./local_watch.ts";
import type { PresenceHandler, WatchPresenceOptions } from "./presence_types.ts";

/** One watch, as the program asked for it. */
export interface WatchArguments extends WatchWanted {
  /** Closes it. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Reads the arguments of `watch`: `(options, handler)` or `(handler)`.
 *
 * @throws {TypeError} If the handler is no function.
 */
export function readWatch(
  given: WatchPresenceOptions | PresenceHandler<unknown>,
  handler: PresenceHandler<unknown> | undefined,
): WatchArguments {
  const [options, run] = typeof given === "function" && !handler
    ? [{}, given]
    : [given as WatchPresenceOptions, handler];
  if (run !== undefined && typeof run !== "function") throw new TypeError("Cannot watch: the handler is no function");
  const { countOnly = false, signal, onError } = options;
  return { countOnly, signal, onError, handler: run };
}
