/**
 * The presence of a channel as an app declares it.
 *
 * @module
 */
import { isSchema, type Schema } from "./schema.ts";

/** What members tell of themselves: data of a schema, or `"count"`: nothing, and only how many there are is told. */
export type PresenceKind = Schema | "count";

/** Presence with other bounds than the defaults. */
export interface PresenceOptions<Presence> {
  /** The schema of what members tell of themselves, or `"count"`. */
  readonly data: Presence;
  /** Members up to which all of them are told to who watches; above it the exact count, and a sample of 50. @default 200 */
  readonly members?: number;
  /**
   * Seconds that a member stays whose connection was lost; who comes back within them was never away. Less where it was silent before: a client that has vanished is gone within 30
   * seconds. @default 15
   */
  readonly grace?: number;
}

/** Presence at run time. */
export interface PresenceDefinition {
  /** What members tell; `undefined` where they are only counted. */
  readonly schema: Schema | undefined;
  /** Members up to which all are told. */
  readonly members: number;
  /** Milliseconds that a member without a connection stays. */
  readonly grace: number;
}

const MEMBERS = 200;
/** All of them are held by each who watches. */
const MOST_MEMBERS = 1_000;
const GRACE = 15;
const MOST_GRACE = 3_600;

/**
 * Reads what a channel says of presence.
 *
 * @throws {TypeError} What is neither a schema nor `"count"`, or an option that there is none.
 * @throws {RangeError} A bound that is no number.
 */
export function presenceOf(given: unknown): PresenceDefinition | undefined {
  if (given === undefined) return undefined;
  if (given === "count" || isSchema(given)) return presenceOf({ data: given });
  if (typeof given !== "object" || given === null || !Object.hasOwn(given, "data")) {
    throw cannotMake('its presence is neither a Standard Schema nor "count"');
  }
  const { data, members = MEMBERS, grace = GRACE, ...others } = given as PresenceOptions<unknown>;
  for (const name of Object.keys(others)) throw cannotMake(`its presence has no option named "${name}"`);
  if (data !== "count" && !isSchema(data)) {
    throw cannotMake('the data of its presence is neither a Standard Schema nor "count"');
  }
  if (!Number.isInteger(members) || members < 0 || members > MOST_MEMBERS) {
    throw new RangeError(`Cannot make a channel: ${members} is no number of members up to ${MOST_MEMBERS}`);
  }
  if (!(grace >= 0 && grace <= MOST_GRACE)) {
    throw new RangeError(`Cannot make a channel: ${grace} is no number of seconds up to ${MOST_GRACE}`);
  }
  const schema = data === "count" ? undefined : data;
  return Object.freeze({ schema, members, grace: Math.ceil(grace * 1_000) });
}

function cannotMake(reason: string): TypeError {
  return new TypeError(`Cannot make a channel: ${reason}`);
}
