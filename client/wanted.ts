/**
 * What a program wants of a subscription, checked at once: before the code of channels is there, too.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import { isPosition } from "../rpc/positions.ts";
import { isUint } from "../rpc/uint.ts";
import type { EventHandler, SelectiveOptions } from "./channel_types.ts";

/** Where a subscription wants to begin. */
export interface Start {
  readonly position?: Position | undefined;
  readonly rewind?: number | undefined;
  readonly rewindMs?: number | undefined;
}

/** One subscription, as the program asked for it. What it wants of the publications is checked where the code of channels is. */
export interface Wanted extends Pick<SelectiveOptions<unknown>, "filter" | "policy"> {
  /** Where it begins. */
  readonly start: Start;
  /** Takes the events; without one they are read. */
  readonly handler: EventHandler<unknown> | undefined;
  /** Whether messages may come as differences. */
  readonly delta: boolean;
  /** Closes it. */
  readonly signal?: AbortSignal | undefined;
  /** Told how one with a handler failed. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Reads the arguments of `subscribe`: `(options, handler)` or `(handler)`.
 *
 * @throws {TypeError} If the handler is no function, as options behind a handler are none, or the beginning none: a position may come from a store.
 */
export function readWanted(
  given: SelectiveOptions<unknown> | EventHandler<unknown>,
  handler: EventHandler<unknown> | undefined,
): Wanted {
  const [options, run] = typeof given === "function" && !handler
    ? [{}, given]
    : [given as SelectiveOptions<unknown>, handler];
  if (run !== undefined && typeof run !== "function") {
    throw new TypeError("Cannot subscribe: the handler is no function");
  }
  const { delta = false } = options;
  if (typeof delta !== "boolean") throw new TypeError("Cannot subscribe: delta is no boolean");
  return { ...options, start: readStart(options), handler: run, delta };
}

function readStart({ position, rewind, rewindMs }: SelectiveOptions<unknown>): Start {
  if (position !== undefined) {
    if (!isPosition(position ?? {})) throw new TypeError("Cannot subscribe: the position is none");
    const { epoch, offset, fingerprint } = position;
    return { position: { epoch, offset, fingerprint } };
  }
  for (const [name, value] of Object.entries({ rewind, rewindMs })) {
    if (value !== undefined && !isUint(value)) {
      throw new TypeError(`Cannot subscribe: ${name} must be a whole number of at least 0`);
    }
  }
  return { rewind, rewindMs };
}
