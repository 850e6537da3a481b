/**
 * Who watches a channel's members, as the channel sees it.
 *
 * @module
 */

/** Somebody who watches. None of its methods throws. */
export interface PresenceWatcher {
  /** Whether it wants numbers alone. */
  readonly isCounting: boolean;
  /** It is known who is there. Called once, perhaps at once. */
  ready(): void;
  /** Takes what has changed. `false`: it has no room, and is to be told the whole later. */
  deliver(frames: readonly Uint8Array[]): boolean;
}
