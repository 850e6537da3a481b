/**
 * Notices that the other side has gone silent. Sockets do not tell: a peer that vanished looks like one with nothing to say.
 *
 * @module
 */
import { type Alarm, type Clock, setAlarm } from "./clock.ts";
import type { Limits } from "./limits.ts";

/** When a heartbeat beats: the same for all connections of a server. */
export interface HeartbeatRules {
  /** Time. */
  readonly clock: Clock;
  /** Milliseconds between beats; `Infinity` for none. */
  readonly interval: number;
  /** Milliseconds of silence after which the other side is given up. */
  readonly patience: number;
  /** Milliseconds in which something has to come when a timer fired late. By default half the patience. */
  readonly secondChance?: number;
}

/** The rules of a server with these limits. */
export function heartbeatRules(clock: Clock, { heartbeat, grace }: Limits): HeartbeatRules {
  return { clock, interval: heartbeat, patience: heartbeat + grace };
}

/** Whose heartbeat it is. */
export interface HeartbeatOwner {
  /** Sends something that will be answered. */
  beat?(): void;
  /** The other side is given up. Called once. */
  silent(): void;
}

/** A timer that fired later than this tells of a blocked process or a sleeping machine, not of the other side. */
const LATE = 1_000;

/** The heartbeat of one connection. */
export class Heartbeat implements Alarm {
  readonly #rules: HeartbeatRules;
  readonly #owner: HeartbeatOwner;
  #heardAt: number;
  #beatAt: number;
  /** See {@linkcode Alarm.at}. */
  at = 0;
  order = 0;
  place = -1;
  #timer: unknown;

  /** Starts at once. */
  constructor(rules: HeartbeatRules, owner: HeartbeatOwner) {
    this.#rules = rules;
    this.#owner = owner;
    this.#heardAt = rules.clock.now();
    this.#beatAt = this.#heardAt + rules.interval;
    this.#arm();
  }

  /** Something was received. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** Time may have passed in which nothing could be received: whether it was too long is decided by what comes now. */
  woke(): void {
    const { clock, patience } = this.#rules;
    if (clock.now() - this.#heardAt < patience) return;
    this.stop();
    this.#giveSecondChance(clock.now());
    this.#arm();
  }

  /** Ends it. */
  stop(): void {
    this.#rules.clock.clearTimeout(this.#timer);
  }

  #arm(): void {
    const { clock, patience } = this.#rules;
    this.at = Math.min(this.#beatAt, this.#heardAt + patience);
    this.#timer = setAlarm(clock, this);
  }

  #giveSecondChance(now: number): void {
    const { patience, secondChance = patience / 2 } = this.#rules;
    this.#heardAt = now - patience + secondChance;
  }

  /** See {@linkcode Alarm.ring}. */
  ring(): void {
    const { clock, interval, patience } = this.#rules;
    const now = clock.now();
    if (now - this.#heardAt >= patience) {
      if (now - this.at < LATE) return this.#owner.silent();
      // What arrived while the process was blocked has not been read yet: it gets one more interval.
      this.#giveSecondChance(now);
    }
    if (now >= this.#beatAt) {
      this.#beatAt = now + interval;
      this.#owner.beat?.();
    }
    this.#arm();
  }
}
