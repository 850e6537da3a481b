/**
 * Notices that the other side has gone silent. Sockets do not tell: a peer that vanished looks like one with nothing to say.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** What a heartbeat does. */
export interface HeartbeatOptions {
  /** Time. */
  readonly clock: Clock;
  /** Milliseconds between beats; `Infinity` for none. */
  readonly interval: number;
  /** Milliseconds of silence after which the other side is given up. */
  readonly patience: number;
  /** Sends something that will be answered. */
  readonly beat?: () => void;
  /** The other side is given up. Called once. */
  readonly silent: () => void;
  /** Milliseconds in which something has to come when a timer fired late. By default half the patience. */
  readonly secondChance?: number;
}

/** A timer that fired later than this tells of a blocked process or a sleeping machine, not of the other side. */
const LATE = 1_000;

/** The heartbeat of one connection. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #heardAt: number;
  #beatAt: number;
  #due = 0;
  #timer: unknown;

  /** Starts at once. */
  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#heardAt = options.clock.now();
    this.#beatAt = this.#heardAt + options.interval;
    this.#arm();
  }

  /** Something was received. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** Time may have passed in which nothing could be received: whether it was too long is decided by what comes now. */
  woke(): void {
    const { clock, patience } = this.#options;
    if (clock.now() - this.#heardAt < patience) return;
    this.stop();
    this.#giveSecondChance(clock.now());
    this.#arm();
  }

  /** Ends it. */
  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
  }

  #arm(): void {
    const { clock, patience } = this.#options;
    this.#due = Math.min(this.#beatAt, this.#heardAt + patience);
    this.#timer = clock.setTimeout(this.#fire, Math.max(0, this.#due - clock.now()));
  }

  #giveSecondChance(now: number): void {
    const { patience, secondChance = patience / 2 } = this.#options;
    this.#heardAt = now - patience + secondChance;
  }

  readonly #fire = (): void => {
    const { clock, interval, patience, beat, silent } = this.#options;
    const now = clock.now();
    if (now - this.#heardAt >= patience) {
      if (now - this.#due < LATE) return silent();
      // What arrived while the process was blocked has not been read yet: it gets one more interval.
      this.#giveSecondChance(now);
    }
    if (now >= this.#beatAt) {
      this.#beatAt = now + interval;
      beat?.();
    }
    this.#arm();
  };
}
