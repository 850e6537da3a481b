/**
 * Makes a list of steps that fails as short as it gets.
 *
 * @module
 */

/** What shrinking may cost. */
export interface ShrinkOptions {
  /** Trials, at most. @default 300 */
  readonly trials?: number;
}

/**
 * Leaves out steps, many at first and single ones at last, as long as what is left still fails. A failure that takes 200 steps to find is read in 5.
 *
 * @param steps They fail.
 * @param fails Says whether these fail in the same way: in a world of their own.
 * @returns The shortest list that was found.
 *
 * @example
 * ```ts
 * import { shrink } from "@millrace/millrace/testing";
 *
 * const steps = ["connect", "call", "cut", "wait", "call", "wait"];
 * const fails = (some: readonly string[]) => some.includes("cut") && some.at(-1) === "wait";
 * console.log(await shrink(steps, fails)); // ["cut", "wait"]
 * ```
 */
export async function shrink<Step>(
  steps: readonly Step[],
  fails: (steps: readonly Step[]) => boolean | Promise<boolean>,
  { trials = 300 }: ShrinkOptions = {},
): Promise<readonly Step[]> {
  let shortest = steps;
  let left = trials;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    // The last first: what comes last is often what shows a bug, not what makes it.
    for (let start = shortest.length - size; start > -size && left > 0; start -= size) {
      const tried = [...shortest.slice(0, Math.max(0, start)), ...shortest.slice(start + size)];
      if (tried.length === shortest.length) continue;
      left--;
      if (await fails(tried)) shortest = tried;
    }
  }
  return shortest;
}
