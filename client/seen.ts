/**
 * When the server is told what the program is done with: often enough that it never stops sending for want of it, seldom enough to cost nothing.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";

/** Publications that may be unacknowledged, those of gaps and skips among them; the server stops at 1,000. */
const COUNT = 250;
/** Bytes of them; the server stops at 1 MiB. */
const BYTES = 256 * 1024;
/** For the server a gap has the bytes of what is in it, which may be as many as it sends unacknowledged: it is told as soon as the program is done. */
export const GAP_BYTES: number = BYTES;
/** How many times as often the server is told where a policy leaves out what is old: it sends less ahead then. */
const OFTEN = 16;
/** Milliseconds after the last publication until the rest is acknowledged. */
const QUIET = 5_000;

/** The acknowledgements of one channel on one connection. */
export class Seen {
  readonly #clock: Clock;
  readonly #send: (offset: number) => void;
  /** What came and is not done: where each ends, and its bytes. */
  readonly #unseen: { readonly offset: number; readonly bytes: number }[] = [];
  #told = 0;
  #done = 0;
  /** Bytes that the program is done with and the server was not told of. */
  #bytes = 0;
  #lastCame = 0;
  #often = 1;
  #timer: unknown;

  /** Sends SEEN by `send`. */
  constructor(clock: Clock, send: (offset: number) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** The server counts from here. */
  begin(offset: number, isLossy = false): void {
    this.stop();
    this.#often = isLossy ? OFTEN : 1;
    this.#told = this.#done = offset;
  }

  /** A publication came, a gap of {@linkcode GAP_BYTES}, or a skip of no bytes. */
  came(offset: number, bytes: number): void {
    this.#unseen.push({ offset, bytes });
    this.#lastCame = this.#clock.now();
  }

  /** The program is done up to here. */
  advanced(done: number): void {
    if (done <= this.#done) return;
    this.#done = done;
    let taken = 0;
    while (taken < this.#unseen.length && this.#unseen[taken]!.offset <= done) {
      this.#bytes += this.#unseen[taken++]!.bytes;
    }
    this.#unseen.splice(0, taken);
    const often = this.#often;
    if (done - this.#told >= COUNT / often || this.#bytes >= BYTES / often) return this.#tell();
    this.#timer ??= this.#clock.setTimeout(() => this.#quiet(), QUIET);
  }

  /** Forgets everything. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unseen.length = 0;
    this.#bytes = 0;
  }

  #quiet(): void {
    this.#timer = undefined;
    const left = this.#lastCame + QUIET - this.#clock.now();
    if (left > 0) this.#timer = this.#clock.setTimeout(() => this.#quiet(), left);
    else this.#tell();
  }

  #tell(): void {
    if (this.#done <= this.#told) return;
    this.#told = this.#done;
    this.#bytes = 0;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#send(this.#done);
  }
}
