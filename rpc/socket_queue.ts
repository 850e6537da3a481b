/**
 * Those who wait until what was sent has left the socket.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Limits } from "./limits.ts";
import type { Transport } from "./transport.ts";

/** Somebody who waits. */
interface Waiting {
  /** There is room. */
  goOn(): void;
}

/** What it looks at. */
export interface SocketQueueParts {
  /** Time. */
  readonly clock: Clock;
  /** The socket. */
  readonly transport: Transport;
  /** Bounds. */
  readonly limits: Pick<Limits, "queue" | "grace">;
  /** The peer has read nothing for a while, and more waits for it. */
  readonly stalled: () => void;
}

/**
 * Publications are not queued for who does not read: the history has them. 192 KiB, and the one frame that goes beyond them, stay within the 256 KiB
 * that a stalled peer may cost, however many channels it has; calls and streams may still use the rest of `limits.queue`.
 */
const MOST = 192 * 1024;

/** The subscriptions of one connection that wait for its socket. */
export class SocketQueue {
  readonly #parts: SocketQueueParts;
  readonly #waiting = new Set<Waiting>();
  /** Bytes in the socket above which publications wait. */
  readonly most: number;
  #timer: unknown;
  #buffered = 0;

  /** Nobody waits. */
  constructor(parts: SocketQueueParts) {
    this.#parts = parts;
    this.most = Math.min(parts.limits.queue / 2, MOST);
  }

  /** Calls `one.goOn` when the socket is empty. */
  wait(one: Waiting): void {
    this.#waiting.add(one);
    if (this.#timer !== undefined) return;
    this.#parts.transport.requestDrain?.();
    this.#buffered = this.#parts.transport.buffered;
    this.#watch();
  }

  /** It waits no more. */
  forget(one: Waiting): void {
    this.#waiting.delete(one);
    if (this.#waiting.size === 0) this.#stop();
  }

  /** What was in the socket has left. */
  drained(): void {
    if (this.#waiting.size === 0) return;
    const { transport } = this.#parts;
    if (transport.buffered > this.most) return transport.requestDrain?.();
    this.#stop();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const one of waiting) one.goOn();
  }

  /** The connection is gone. */
  end(): void {
    this.#waiting.clear();
    this.#stop();
  }

  #stop(): void {
    this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** A peer that reads slowly is waited for; one that reads nothing is cut, and goes on from its position when it is back. */
  #watch(): void {
    const { clock, limits, transport, stalled } = this.#parts;
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined;
      if (this.#waiting.size === 0) return;
      const { buffered } = transport;
      if (buffered >= this.#buffered && buffered > 0) return stalled();
      this.#buffered = buffered;
      this.#watch();
    }, Math.max(limits.grace, 1_000));
  }
}
