/**
 * What is left out for a subscriber that is slower than what is published: its own choice.
 *
 * @module
 */
import { readPath } from "./filter.ts";
import { FilterMatcher } from "./filter_match.ts";
import type { FilterPath } from "./filter_types.ts";
import { isMap } from "./options.ts";

/** Passes over nothing but what is less than this often: one in so many seconds is the least. */
const LEAST_HZ = 0.01;
/** Times a second, at most: a timer is no better. */
const MOST_HZ = 1_000;

/** A policy that leaves something out. That of everything is none. */
export class Policy {
  /** Equal for equal policies. */
  readonly key: string;
  /** As it was given. */
  readonly given: unknown;
  /** The word in GAP. */
  readonly reason: "conflated" | "sampled" | "dropped";
  /** Milliseconds between what is given; 0 where everything is, as long as it is taken. */
  readonly interval: number;
  /** Publications that are kept for those who are behind, at most. */
  readonly most: number;
  readonly #by: FilterMatcher | undefined;

  /** `by` is the field of which the newest of each value is kept; of which there is one value where it is empty. */
  constructor(
    reason: Policy["reason"],
    { given, interval = 0, most, by }: {
      given: unknown;
      interval?: number;
      most: number;
      by?: FilterPath | undefined;
    },
  ) {
    this.given = given;
    this.reason = reason;
    this.interval = interval;
    this.most = most;
    this.key = JSON.stringify([reason, interval, by]);
    this.#by = by && new FilterMatcher(["exists", by]);
  }

  /** What a publication replaces, or is replaced by: `undefined` for nothing. */
  keyOf(data: Uint8Array): string | undefined {
    if (this.reason === "dropped") return undefined;
    return this.#by === undefined ? "" : this.#by.keyOf(data);
  }
}

/** Keys that are kept apart. Beyond them those that have changed longest ago are left out. */
const MOST_KEYS = 1_000;
/** Publications that are kept where the oldest are dropped. */
const MOST_OLDEST = 64;

/**
 * Checks a policy as a program gives it, or as it comes by the wire.
 *
 * @returns `undefined` where everything is wanted.
 * @throws {TypeError} With the reason, if it is none.
 */
export function readPolicy(given: unknown): Policy | undefined {
  if (given === undefined || given === null || given === "all") return undefined;
  if (given === "drop oldest") return new Policy("dropped", { given, most: MOST_OLDEST });
  if (!isMap(given)) throw bad('it is "all", "drop oldest", { latest } or { sample }');
  const { latest, sample, by, ...others } = given;
  for (const name of Object.keys(others)) throw bad(`it has no "${name.slice(0, 20)}"`);
  const isLatest = latest !== undefined && latest !== null;
  if (isLatest === (sample !== undefined && sample !== null)) throw bad("it has latest, or sample");
  if (isLatest) {
    if (by !== undefined && by !== null) throw bad("latest names its field itself");
    return new Policy("conflated", {
      given,
      most: MOST_KEYS,
      by: latest === true ? undefined : readPath(latest),
    });
  }
  if (typeof sample !== "number" || !(sample >= LEAST_HZ && sample <= MOST_HZ)) {
    throw bad(`sample is a number from ${LEAST_HZ} to ${MOST_HZ}: times a second`);
  }
  const field = by === undefined || by === null ? undefined : readPath(by);
  return new Policy("sampled", { given, interval: 1_000 / sample, most: MOST_KEYS, by: field });
}

function bad(reason: string): TypeError {
  return new TypeError(`Cannot use this policy: ${reason}`);
}
