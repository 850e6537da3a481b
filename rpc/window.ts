/**
 * How many bytes of streams and fragments may be on their way at once. What is in a socket cannot be overtaken, so this
 * is what a small call can be delayed by: on a link of 2 MiB/s its p99 was 32 ms with 64 KiB on the way, 126 ms with
 * 256 KiB and 501 ms with 1 MiB. Hence the window follows delay, not throughput.
 *
 * @module
 */

const LEAST = 64 * 1024;
const MOST = 1024 * 1024;
/** Milliseconds over the idle round trip up to which the window grows. */
const TOLERANCE = 50;
/** Pieces are large only where the window is, since a piece is what a small message waits for. */
const LARGE_FROM = 256 * 1024;

/** Bytes that were sent in one turn and wait for their acknowledgement. */
interface Mark {
  /** Number of the last unit. */
  last: number;
  bytes: number;
  sentAt: number;
}

/** The window of one connection, shared by all its streams and fragments. */
export class Window {
  #size = LEAST;
  #inFlight = 0;
  #arrived = 0;
  #idle = Infinity;
  #shrunkAt = -Infinity;

  /** Whether another unit may leave. At least one always may when nothing is on its way. */
  get open(): boolean {
    return this.#inFlight < this.#size;
  }

  /** Bytes that have been acknowledged since the beginning. */
  get arrived(): number {
    return this.#arrived;
  }

  /** Bytes on their way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Bytes that a piece should have: 16 KiB while the window is small, 64 KiB above. */
  get piece(): number {
    return this.#size < LARGE_FROM ? 16 * 1024 : 64 * 1024;
  }

  /** Another connection, of which nothing is known. What is on its way stays so. */
  restart(): void {
    this.#size = LEAST;
    this.#idle = Infinity;
    this.#shrunkAt = -Infinity;
  }

  /** Counts bytes that leave. */
  sent(bytes: number): void {
    this.#inFlight += bytes;
  }

  /** Counts bytes that will not be acknowledged any more. */
  released(bytes: number): void {
    this.#inFlight -= bytes;
  }

  /** Counts bytes that have arrived, `roundTrip` ms after they left. */
  acknowledged(bytes: number, at: { now: number; sentAt: number }): void {
    const roundTrip = at.now - at.sentAt;
    this.#inFlight -= bytes;
    this.#arrived += bytes;
    if (roundTrip < this.#idle) this.#idle = roundTrip;
    if (roundTrip <= this.#idle + TOLERANCE) {
      this.#size = Math.min(MOST, this.#size + bytes);
    } else if (at.sentAt > this.#shrunkAt) {
      // Once a round trip: everything sent before the last shrinking met the old window's delay.
      this.#size = Math.max(LEAST, this.#size / 2);
      this.#shrunkAt = at.now;
    }
  }
}

/** What one sender of numbered units has on its way, in the order in which it left. */
export class InFlight {
  readonly #window: Window;
  readonly #marks: Mark[] = [];

  /** Counts into `window`. */
  constructor(window: Window) {
    this.#window = window;
  }

  /** Unit `n` leaves with `bytes`. Units of the same moment share a mark. */
  sent(n: number, bytes: number, now: number): void {
    this.#window.sent(bytes);
    const mark = this.#marks.at(-1);
    if (mark !== undefined && mark.sentAt === now) {
      mark.last = n;
      mark.bytes += bytes;
    } else {
      this.#marks.push({ last: n, bytes, sentAt: now });
    }
  }

  /** All units up to `n` have arrived. */
  acknowledged(n: number, now: number): void {
    let count = 0;
    while (count < this.#marks.length && this.#marks[count]!.last <= n) {
      const { bytes, sentAt } = this.#marks[count++]!;
      this.#window.acknowledged(bytes, { now, sentAt });
    }
    if (count > 0) this.#marks.splice(0, count);
  }

  /** All of it was sent again. */
  sentAgain(now: number): void {
    for (const mark of this.#marks) mark.sentAt = now;
  }

  /** Nothing more will be acknowledged. */
  release(): void {
    for (const { bytes } of this.#marks) this.#window.released(bytes);
    this.#marks.length = 0;
  }
}
