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
  /** How many of the clients, the first ones, are connections of one user, where clients have to authenticate; 0 where each is one of its own. */
  readonly sharing: number;
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
    sharing: sharing(random.fork("sharing"), tokens !== undefined),
    failing: random.fork("failing").chance(0.2) ? 0.3 : 0,
  };
}

function sharing(random: Random, hasTokens: boolean): number {
  if (!hasTokens || random.chance(0.5)) return 0;
  return random.pick([2, 2, 3]);
}

/** The user that shares its name with more than one client. */
const SHARED = "u0";
/** The client that signs in as nobody, where others share a user. */
const GUEST = 3;

/** Whom a client signs in as, in all its lives; `undefined` where it does not. */
export function userOf(
  client: number,
  { tokens, sharing }: Pick<Traits, "tokens" | "sharing">,
): string | undefined {
  if (tokens === undefined) return undefined;
  if (client < sharing) return SHARED;
  return sharing > 0 && client === GUEST ? undefined : `c${client}`;
}

/** Another client of the same user. */
export function otherOf(client: number, { sharing }: Pick<Traits, "sharing">): number | undefined {
  return client < sharing ? (client + 1) % sharing : undefined;
}
