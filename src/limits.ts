/**
 * The limits of one socket, their defaults, and their check.
 */

/** What one socket may cost. Every member has a default: {@linkcode socketLimits} fills them in. */
export interface SocketLimits {
  /**
   * Bytes of one received frame; a larger one closes with 1009. Bun refuses it by its header; Deno has received
   * it by then (up to 64 MiB a frame, and any number of fragments): put a proxy in front of Deno where that matters.
   *
   * @default 1_048_576
   */
  readonly message: number;
  /**
   * Bytes that may wait for a peer, in our queue and in the runtime, before it is cut with 4503. An empty queue always
   * takes one frame, however large; a frame of less than 512 bytes counts as 512. Memory for n stalled peers is n
   * times this, except for frames sent as `shared`, which count once.
   *
   * @default 2_097_152
   */
  readonly queue: number;
  /**
   * Bytes handed to the runtime before our queue takes over; one larger frame is handed over when nothing waits.
   * What is there can be neither overtaken nor taken back, and Deno never frees it for a stalled peer.
   *
   * @default 262_144
   */
  readonly runtimeBuffer: number;
  /**
   * Milliseconds without any progress, while bytes wait, until the peer is given up: terminated, 1006. On Deno progress
   * shows by whole frames: a frame must be able to leave within this time.
   *
   * @default 30_000
   */
  readonly stall: number;
  /**
   * Milliseconds for the queue and the close handshake after `close()`, then the connection is ended.
   *
   * @default 5_000
   */
  readonly closeTimeout: number;
  /**
   * Seconds without a sign of the peer until the runtime itself gives up; it pings at half of that. Whole, and 8 to 960 for
   * Bun; 0 for who has heartbeats of its own: on Deno this costs a timer at each message, a tenth of a small one. Long, because
   * on Deno one blocked event loop of this length closes every connection at once (1001).
   *
   * @default 120
   */
  readonly idle: number;
}

const defaults: SocketLimits = {
  message: 1 << 20,
  queue: 2 << 20,
  runtimeBuffer: 256 << 10,
  stall: 30_000,
  closeTimeout: 5_000,
  idle: 120,
};

/**
 * All limits, the given ones over the defaults.
 *
 * @throws {RangeError} When a limit is not a positive number; `Infinity` switches `queue` and `runtimeBuffer` off.
 */
export function socketLimits(limits: Partial<SocketLimits> = {}): SocketLimits {
  const all = { ...defaults, ...limits };
  for (const [name, value] of Object.entries(all)) {
    const bounded = name === "queue" || name === "runtimeBuffer" || Number.isFinite(value);
    if (!(value > 0 || (name === "idle" && value === 0)) || !bounded) {
      throw new RangeError(`Cannot use limits.${name} = ${value}: not a positive number`);
    }
  }
  return all;
}
