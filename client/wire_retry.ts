/**
 * When a channel on the wire is subscribed to again by itself.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import type { Clock } from "../rpc/clock.ts";

/** Waits after a refusal, in milliseconds, double from the first to the last, of which a random part is waited. */
const FIRST_WAIT = 500;
const LAST_WAIT = 20_000;

/** Milliseconds without a publication after which those who are further on are asked about again. */
const AHEAD_WAIT = 2_000;

/** What a watch over those who are further on needs of its channel. */
export interface AheadOwner {
  /** Up to where publications have come, while it is live. */
  at(): Position | undefined;
  /** Whether somebody is further on. */
  isAnyAhead(at: Position): boolean;
  /** Nothing comes: asks again. */
  ask(): void;
}

/** One timer, and how often it was refused. */
export class WireRetry {
  /** Failures since something has come. */
  failures = 0;
  readonly #clock: Clock;
  #timer: unknown;

  /** Waits for nothing. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `run` after a random part of a time that doubles. */
  wait(run: () => void): void {
    const bound = Math.min(LAST_WAIT, FIRST_WAIT * 2 ** Math.min(this.failures++, 16));
    this.#after(this.#clock.random() * bound, run);
  }

  /**
   * While some are further on than the stream, it may have been cut back behind them after they were asked about: then nothing would come
   * for them, in silence. Where nothing comes at all, they are asked about again.
   */
  watch(since: Position, owner: AheadOwner): void {
    this.stop();
    if (!owner.isAnyAhead(since)) return;
    this.#after(AHEAD_WAIT, () => {
      const at = owner.at();
      if (at === undefined) return;
      if (at !== since) this.watch(at, owner);
      else owner.ask();
    });
  }

  /** It was live since then. That was good for long: earlier failures do not matter, even if nothing was published. */
  wasLive(since: number): void {
    if (this.#clock.now() - since > LAST_WAIT) this.failures = 0;
  }

  /** Waits no more. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #after(ms: number, run: () => void): void {
    this.stop();
    this.#timer = this.#clock.setTimeout(run, ms);
  }
}
