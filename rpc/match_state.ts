/**
 * What MATCHED says. A file of its own: the client's core has the kinds.
 *
 * @module
 */

/** `state` of MATCHED. */
export const MatchState = {
  /** There is this channel, and the client may subscribe to it. */
  THERE: 0,
  /** It is gone: nothing was published to it for as long as it is known. */
  GONE: 1,
  /** All that there are have been told. */
  ALL: 2,
  /** The same, but for some of which it cannot be said now whether the client may know of them: they are asked about again. */
  SOME: 3,
  /** There are more than one connection may be told of. */
  FULL: 4,
} as const;
