/**
 * When what belongs together is sent.
 *
 * @module
 */

interface Globals {
  readonly setImmediate?: (run: () => void) => unknown;
}

/**
 * Runs `run` at the end of this turn: `setImmediate` where there is one, so that an acknowledgement shares the frame with
 * what the program does about what came; a microtask in browsers. It matters most on Deno (2.9.6), whose client leaves Nagle's algorithm on: the
 * second of two small frames within a round trip waits 44 ms there.
 */
export const endOfTurn: (run: () => void) => void = pick(globalThis as Globals);

function pick({ setImmediate }: Globals): (run: () => void) => void {
  if (setImmediate !== undefined) return (run) => void setImmediate(run);
  return (run) => queueMicrotask(run);
}
