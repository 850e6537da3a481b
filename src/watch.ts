/**
 * Looks after sockets that have bytes waiting, with shared timers that run only while there are any: a slow sweep
 * that notices peers without progress, and polls for runtimes that do not say when their buffer empties (Deno).
 */

import type { Timers } from "./timers.ts";

/** What a poll found: nothing left to poll for, the peer took nothing, or the peer took something. */
export type Polled = "done" | "idle" | "moving";

/** A socket with bytes waiting. */
export interface Watched {
  /** Called a few times in each stall deadline, with the time; false: nothing waits any more, stop watching. */
  swept(now: number): boolean;
  /** Hands over what fits now. */
  polled(): Polled;
}

/**
 * Turns without progress until a socket counts as idle. Deno needs a few turns of the event loop to write a frame:
 * after a single one, a peer that reads as fast as it can would wait for the timer at each `runtimeBuffer`.
 */
const patience = 8;

/** Pause between polls of an idle socket: seldom enough to be cheap with thousands of them. */
const idlePollMs = 10;

/** The watch over the sockets of one server. */
export class Watch {
  readonly #timers: Timers;
  readonly #sweepMs: number;
  readonly #waiting = new Set<Watched>();
  /** Polled in each turn; with the turns since the last progress. */
  #moving = new Map<Watched, number>();
  #idle = new Set<Watched>();
  #sweepTimer: unknown;
  #pollTimer: unknown;
  #turnAsked = false;

  /** `stall` in milliseconds: sockets are looked at four times in that, and at least once a second. */
  constructor(timers: Timers, stall: number) {
    this.#timers = timers;
    this.#sweepMs = Math.min(1_000, stall / 4);
  }

  /** Sweeps `socket` until its `swept` returns false. */
  add(socket: Watched): void {
    this.#waiting.add(socket);
    this.#sweepTimer ??= this.#timers.setTimeout(this.#onSweep, this.#sweepMs);
  }

  /** Polls `socket` in each turn while it moves, then every 10 ms while it is idle, until `polled` says it is done. */
  poll(socket: Watched): void {
    if (this.#idle.has(socket)) return;
    if (!this.#moving.has(socket)) this.#moving.set(socket, 0);
    this.#askTurn();
  }

  /** Forgets a socket that has closed. */
  remove(socket: Watched): void {
    this.#waiting.delete(socket);
    this.#moving.delete(socket);
    this.#idle.delete(socket);
    if (this.#waiting.size === 0) this.#sweepTimer = this.#clear(this.#sweepTimer);
    if (this.#idle.size === 0) this.#pollTimer = this.#clear(this.#pollTimer);
  }

  #clear(timer: unknown): undefined {
    if (timer !== undefined) this.#timers.clearTimeout(timer);
  }

  #askTurn(): void {
    if (this.#turnAsked) return;
    this.#turnAsked = true;
    this.#timers.immediate(this.#onTurn);
  }

  readonly #onSweep = (): void => {
    this.#sweepTimer = undefined;
    const now = this.#timers.now();
    for (const socket of this.#waiting) {
      if (!socket.swept(now)) this.#waiting.delete(socket);
    }
    if (this.#waiting.size > 0) this.#sweepTimer ??= this.#timers.setTimeout(this.#onSweep, this.#sweepMs);
  };

  readonly #onTurn = (): void => {
    this.#turnAsked = false;
    const moving = this.#moving;
    this.#moving = new Map();
    for (const [socket, turns] of moving) this.#pollOne(socket, turns + 1);
    this.#pollAgain();
  };

  readonly #onIdlePoll = (): void => {
    this.#pollTimer = undefined;
    const idle = this.#idle;
    this.#idle = new Set();
    for (const socket of idle) this.#pollOne(socket, patience);
    this.#pollAgain();
  };

  /** A poll may run handlers that ask for another one: the sets it was taken from are no longer in use. */
  #pollOne(socket: Watched, turns: number): void {
    const found = socket.polled();
    if (found === "done") return;
    if (found === "moving") this.#moving.set(socket, 0);
    else if (turns < patience) this.#moving.set(socket, turns);
    else this.#idle.add(socket);
  }

  #pollAgain(): void {
    if (this.#moving.size > 0) this.#askTurn();
    if (this.#idle.size > 0) this.#pollTimer ??= this.#timers.setTimeout(this.#onIdlePoll, idlePollMs);
  }
}
