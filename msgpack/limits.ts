/** What a value may be at most. Both sides hold it: the encoder refuses what its peer would refuse. */
export interface DecodeLimits {
  /**
   * Arrays and maps inside one another; a scalar has depth 0, `[[]]` has 2. Reading recurses, so
   * 1,000 is the most that `decode` takes.
   *
   * @default 32
   */
  readonly depth: number;
  /**
   * Keys in one map. Bounds what colliding keys can cost.
   *
   * @default 1024
   */
  readonly keys: number;
}

/** The limits of the wire (`docs/protocol.md`); the encoder holds them where it is given no others. */
export const defaultLimits: DecodeLimits = Object.freeze({ depth: 32, keys: 1024 });

/**
 * The given limits with the defaults for what is left out.
 *
 * @throws {RangeError} for one that is no whole number, or a depth over 1,000
 */
export function resolveLimits(given: Partial<DecodeLimits>): DecodeLimits {
  const { depth = defaultLimits.depth, keys = defaultLimits.keys } = given;
  if (!Number.isInteger(depth) || depth < 0 || depth > 1000) {
    throw new RangeError(`Cannot limit the depth to ${depth}: not a whole number up to 1000`);
  }
  if (!Number.isInteger(keys) || keys < 0) {
    throw new RangeError(`Cannot limit the keys to ${keys}: not a whole number`);
  }
  return { depth, keys };
}
