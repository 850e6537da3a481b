/**
 * A runtime's socket whose peer reads only when the test says so.
 */

import { type Link, linkGone, unknownBuffered } from "../../src/link.ts";

/** A link that keeps what it is sent. Behaves like Deno, or like Bun with `announcesDrain`. */
export class FakeLink implements Link {
  readonly announcesDrain: boolean;
  /** Copies of the frames that the peer has read. */
  readonly received: Uint8Array[] = [];
  /** Close frames sent, as `code reason`. */
  readonly closes: string[] = [];
  terminated = 0;
  paused = false;
  /** True: `send` reports that the socket is gone. */
  gone = false;
  /** What the runtime calls once it has let go; the test does. */
  letGo: (() => void) | undefined;
  readonly #waiting: Uint8Array[] = [];

  constructor({ announcesDrain = false } = {}) {
    this.announcesDrain = announcesDrain;
  }

  send(frame: Uint8Array): number {
    if (this.gone) return linkGone;
    this.#waiting.push(frame.slice());
    return this.announcesDrain ? this.buffered() : unknownBuffered;
  }

  buffered(): number {
    return this.#waiting.reduce((sum, frame) => sum + frame.byteLength, 0);
  }

  close(code: number, reason: string): void {
    this.closes.push(`${code} ${reason}`);
  }

  terminate(gone: () => void): void {
    this.terminated++;
    this.letGo = gone;
  }

  setPaused(paused: boolean): boolean {
    this.paused = paused;
    return this.announcesDrain;
  }

  /** The peer reads `frames` frames, or all. */
  read(frames: number = Infinity): void {
    this.received.push(...this.#waiting.splice(0, frames));
  }
}
