/**
 * How much a channel reads, and holds, at once.
 *
 * @module
 */

/** What is read at once. */
export const PAGE: { readonly messages: number; readonly bytes: number } = {
  messages: 1_000,
  bytes: 256 * 1024,
};
/** Beyond every stream: a read that wants to know the top alone. */
export const NOTHING: { readonly after: number; readonly messages: number; readonly bytes: number } = {
  after: Number.MAX_SAFE_INTEGER,
  messages: 1,
  bytes: 1,
};
/** Milliseconds that a push may come later than the answer to a read that has seen it. */
export const LATE_PUSH: number = 1_000;
/** Signals of one turn; more are lost. */
export const MOST_SIGNALS: number = 1_024;

/** Holes in a row that a subscription takes for a broker that is behind; then it starts again. */
export const MOST_HOLES: number = 3;
