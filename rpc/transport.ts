/**
 * The seam between the protocol core and whatever carries frames: a WebSocket of either runtime or of a browser,
 * later streamed HTTP, and in tests a pipe in memory.
 *
 * @module
 */

/** A pipe that carries frames in order, until it is closed. */
export interface Transport {
  /**
   * Sends one frame, or queues it. Nothing is returned: what a peer that does not read leads to is the
   * transport's business (its queue is bounded, and it closes when the bound is passed).
   *
   * @param frame Borrowed until the call returns: the caller overwrites it at once.
   * @param options With `shared` nobody writes to `frame` any more: it may be kept instead of copied.
   */
  send(frame: Uint8Array, options?: { readonly shared?: boolean }): void;
  /** Bytes given to {@linkcode Transport.send} that have not reached the kernel, as far as the runtime tells. */
  readonly buffered: number;
  /**
   * Asks for one call of `Peer.drained` as soon as {@linkcode Transport.buffered} is zero. Left out where nobody tells (browsers):
   * the outbox then looks again by a timer.
   */
  requestDrain?(): void;
  /** Closes after what was sent. Calls after the first do nothing. */
  close(code: number, reason: string): void;
}
