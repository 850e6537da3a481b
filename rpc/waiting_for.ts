/**
 * Waits for an end that may not come.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Resolves `over` when `ended` is called, or after `ms`. */
export function waitingFor(
  clock: Pick<Clock, "setTimeout" | "clearTimeout">,
  ms: number,
): { readonly over: Promise<void>; readonly ended: () => void } {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimeout(resolve, ms);
  const ended = () => {
    clock.clearTimeout(timer);
    resolve();
  };
  return { over, ended };
}
