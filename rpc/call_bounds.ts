/**
 * How long the calls of one connection may take: as their callers and procedures say, and no longer than the default where
 * nobody says.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { Deadlines } from "./deadlines.ts";
import type { IncomingCall } from "./incoming_call.ts";

/** The deadlines of the calls of one connection. */
export class CallBounds {
  readonly #clock: Clock;
  readonly #callTimeout: number;
  /** Made for the first call that is bounded. */
  #deadlines: Deadlines | undefined;

  /** `callTimeout`: ms for calls that nobody bounds; 0 for none. */
  constructor(clock: Clock, callTimeout: number) {
    this.#clock = clock;
    this.#callTimeout = callTimeout;
  }

  /** A call has come: its caller and its procedure bound it. */
  arrived(call: IncomingCall): void {
    const { timeout } = call.procedure;
    if (timeout !== undefined) {
      call.bound = this.#clock.now() + timeout;
      call.deadline = Math.min(call.deadline, call.bound);
    }
    this.#watch(call);
  }

  /** A call must not wait for ever behind handlers that never end. */
  waits(call: IncomingCall): void {
    if (call.deadline !== Infinity || this.#callTimeout === 0) return;
    call.deadline = this.#clock.now() + this.#callTimeout;
    call.isBoundToStart = true;
    this.#watch(call);
  }

  /** A call starts: it has not waited for ever. */
  starts(call: IncomingCall): void {
    if (call.isBoundToStart) {
      this.#deadlines?.remove(call);
      call.deadline = Infinity;
    }
    if (call.key === undefined || call.bound !== Infinity || this.#callTimeout === 0) return;
    const bound = this.#clock.now() + this.#callTimeout;
    call.bound = call.deadline === Infinity ? bound : Math.max(bound, call.deadline);
  }

  /** Its caller does not wait any more, and it runs on until its own bound. */
  runsOn(call: IncomingCall): void {
    this.over(call);
    call.deadline = call.bound;
    this.#watch(call);
  }

  /** A handler that takes its time gets the default bound, unless its caller set one or streams belong to it. */
  goesOn(call: IncomingCall): void {
    const isBound = call.deadline !== Infinity || call.procedure.shape !== "value" || call.namesStreams;
    if (isBound || this.#callTimeout === 0) return;
    call.deadline = call.key === undefined ? this.#clock.now() + this.#callTimeout : call.bound;
    this.#watch(call);
  }

  /** A call has ended. */
  over(call: IncomingCall): void {
    if (call.deadline !== Infinity) this.#deadlines?.remove(call);
  }

  /** All calls have. */
  end(): void {
    this.#deadlines?.end();
  }

  #watch(call: IncomingCall): void {
    if (call.deadline === Infinity) return;
    this.#deadlines ??= new Deadlines(this.#clock);
    this.#deadlines.add(call);
  }
}
