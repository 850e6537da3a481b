/**
 * Calls that wait for a connection: in order, bounded in number and time.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import { Deadlines, type Expiring } from "../rpc/deadlines.ts";
import { CallError } from "../rpc/errors.ts";
import type { OutgoingCall } from "../rpc/outgoing_call.ts";
import type { ClientState } from "./connect_options.ts";

/** A call in the queue. */
interface Entry extends Expiring {
  readonly call: OutgoingCall;
  /** The call's own deadline; `deadline` may be sooner. */
  readonly own: number;
}

/** The queue of one client. None of its calls has been sent, so none is ambiguous. */
export class Waiting {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #timeout: number;
  readonly #where: () => string;
  readonly #deadlines: Deadlines;
  readonly #entries = new Set<Entry>();

  /** Holds `most` calls, each for `timeout` ms. `where` says what there was no connection to, and why. */
  constructor(
    clock: Clock,
    { most, timeout, where }: { most: number; timeout: number; where: () => string },
  ) {
    this.#clock = clock;
    this.#most = most;
    this.#timeout = timeout;
    this.#where = where;
    this.#deadlines = new Deadlines(clock);
  }

  /** Queues a call, or rejects it when the queue is full. */
  add(call: OutgoingCall, own: number): void {
    if (call.settled) return;
    if (this.#entries.size >= this.#most) {
      return call.reject(
        new CallError("RESOURCE_EXHAUSTED", `Cannot call: ${this.#most} calls wait for a connection`),
      );
    }
    const until = this.#clock.now() + this.#timeout;
    const entry: Entry = {
      call,
      own,
      deadline: Math.min(own, until),
      expire: () => this.#reject(entry, this.#lateError(own <= until)),
    };
    this.#entries.add(entry);
    this.#deadlines.add(entry);
    call.onCancel = () => this.#remove(entry);
  }

  /** Hands all calls on, in order. */
  release(send: (call: OutgoingCall, deadline: number) => void): void {
    for (const entry of [...this.#entries]) {
      this.#remove(entry);
      entry.call.onCancel = undefined;
      send(entry.call, entry.own);
    }
  }

  /** There will be no connection. */
  end(error: CallError): void {
    for (const entry of [...this.#entries]) this.#reject(entry, error);
  }

  #lateError(own: boolean): CallError {
    return own
      ? new CallError("DEADLINE", undefined, { ambiguous: false })
      : new CallError("UNAVAILABLE", `There was no connection in time ${this.#where()}`);
  }

  #reject(entry: Entry, error: CallError): void {
    this.#remove(entry);
    entry.call.onCancel = undefined;
    entry.call.reject(error);
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry);
    this.#deadlines.remove(entry);
  }
}

/** The reason for which a connection ended last, as a part of a message. */
export function why(last: ClientState["reason"]): string {
  if (last === undefined) return "";
  return `; the last reason was ${last.code}${last.reason === "" ? "" : `: ${last.reason}`}`;
}
