/**
 * What sets the whole run of a seed apart: each in some seeds only, since it costs time or hides other things.
 */
import type { Random } from "../../testing/random.ts";

/** What sets a run apart. */
export interface Traits {
  /** Publications, answers and items are of up to 200 KB: they go in pieces, and 1 MiB that nobody has seen is soon reached. */
  readonly isLarge: boolean;
  /** More is published at once than a subscriber may leave unseen. */
  readonly isFlood: boolean;
  /** Milliseconds that rules, hooks and authentication take, at most; 0 for at once. */
  readonly rules: number;
  /** Milliseconds that an authentication holds, where clients have to authenticate. */
  readonly tokens: number | undefined;
  /** Seconds that channels keep what was published. */
  readonly seconds: number;
  /** How often a rule fails before the faults are over: 0 to 1. */
  readonly failing: number;
}

/** What a seed decides. */
export function traitsOf(random: Random): Traits {
  const isLarge = random.chance(0.06);
  const tokens = random.chance(0.15) ? random.pick([4_000, 15_000]) : undefined;
  return {
    isLarge,
    isFlood: random.chance(0.008),
    rules: random.chance(0.3) ? random.pick([1, 40]) : 0,
    // A large message takes longer than four seconds on a slow way, and its parts are gone with a session that ends in 4401.
    tokens: isLarge && tokens !== undefined ? 15_000 : tokens,
    seconds: random.chance(0.1) ? 4 : 300,
    failing: random.fork("failing").chance(0.2) ? 0.3 : 0,
  };
}
