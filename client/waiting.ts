/**
 * Calls that wait for a connection, or on one for code: in order, bounded in number and time.
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

/** What a queue is for. */
export interface WaitingParts {
  /** Calls, at most. */
  readonly most: number;
  /** What they wait for. */
  readonly what: string;
  /** Milliseconds that each waits. By default as long as its own deadline allows. */
  readonly timeout?: number;
  /** Says what there was no connection to, and why. */
  readonly where?: () => string;
  /** Told when the first is given up: those behind it may have waited for that one alone. */
  readonly unblocked?: () => void;
}

/** A queue of one client. None of its calls has been sent, so none is ambiguous. */
export class Waiting {
  readonly #clock: Clock;
  readonly #parts: WaitingParts;
  readonly #deadlines: Deadlines;
  readonly #entries = new Set<Entry>();

  /** Holds none yet. */
  constructor(clock: Clock, parts: WaitingParts) {
    this.#clock = clock;
    this.#parts = parts;
    this.#deadlines = new Deadlines(clock);
  }

  /** How many wait. */
  get size(): number {
    return this.#entries.size;
  }

  /** Queues a call, or rejects it when the queue is full. */
  add(call: OutgoingCall, own: number): void {
    if (call.settled) return;
    const { most, what, timeout = Infinity } = this.#parts;
    if (this.#entries.size >= most) {
      return call.reject(
        new CallError("RESOURCE_EXHAUSTED", `Cannot call: ${most} calls wait for ${what}`),
      );
    }
    const until = this.#clock.now() + timeout;
    const entry: Entry = {
      call,
      own,
      deadline: Math.min(own, until),
      expire: () => this.#giveUp(entry, this.#lateError(own <= until)),
    };
    this.#entries.add(entry);
    this.#deadlines.add(entry);
    call.onCancel = () => this.#giveUp(entry);
  }

  /** Hands all calls on, in order. What the program is giving up at this moment is not sent: its own signal comes to it later. */
  release(send: (call: OutgoingCall, deadline: number) => void): void {
    const all = [...this.#entries];
    this.#entries.clear();
    this.#deadlines.end();
    for (const { call, own } of all) {
      call.onCancel = undefined;
      const { signal } = call.request.options;
      if (signal?.aborted) call.cancel(signal.reason);
      else send(call, own);
    }
  }

  /** What they wait for will not come. */
  end(error: CallError): void {
    this.release((call) => call.reject(error));
  }

  #lateError(own: boolean): CallError {
    return own
      ? new CallError("DEADLINE", undefined, { ambiguous: false })
      : new CallError("UNAVAILABLE", `There was no connection in time ${this.#parts.where?.()}`);
  }

  /** `error` is what ends a call that does not end by itself. */
  #giveUp(entry: Entry, error?: CallError): void {
    const [first] = this.#entries;
    this.#deadlines.remove(entry);
    if (!this.#entries.delete(entry)) return; // handed on meanwhile
    entry.call.onCancel = undefined;
    if (error !== undefined) entry.call.reject(error);
    if (entry === first) this.#parts.unblocked?.();
  }
}

/** The reason for which a connection ended last, as a part of a message. */
export function why(last: ClientState["reason"]): string {
  if (last === undefined) return "";
  return `; the last reason was ${last.code}${last.reason === "" ? "" : `: ${last.reason}`}`;
}
