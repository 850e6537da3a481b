/**
 * What one peer may do: so much a second, twice that at once.
 *
 * @module
 */

/** How far ahead of its rate somebody may be, in ms: two seconds' worth at once. */
const AHEAD = 2_000;
/** Sums of fractions are not exact, the less so the longer the clock has run. A bound against floods needs no more. */
const ROUNDING = 0.001;
/** Of who has used nothing. */
export const UNUSED: number = -Infinity;

/**
 * Uses so much of a rate. Of each peer one number is kept, the moment at which the rate would have come to all that it has used: ten thousand
 * idle connections have two of them each. (The generic cell rate algorithm of ATM: a token bucket without the bucket.)
 *
 * @param usedUp That moment, {@linkcode UNUSED} at first; the new one is returned. A `count` below 0 gives back.
 * @param perSecond The rate, the same each time.
 */
export function use(usedUp: number, count: number, perSecond: number, now: number): number {
  return Math.max(usedUp, now) + count * 1_000 / perSecond;
}

/** Whether that was too much. It is owed where the number is kept all the same. */
export function isTooMuch(usedUp: number, now: number): boolean {
  return usedUp - now > AHEAD + ROUNDING;
}
