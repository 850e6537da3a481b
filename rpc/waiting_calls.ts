import type { IncomingCall } from "./incoming_call.ts";
import { keep } from "./keep.ts";

/** Calls that have come and wait for their turn, in the order of their ids. */
export class WaitingCalls {
  readonly #calls: IncomingCall[] = [];

  /** How many there are. */
  get size(): number {
    return this.#calls.length;
  }

  /** Adds one. Its input is kept: see {@linkcode keep}. */
  add(call: IncomingCall): void {
    call.bytes = keep(call);
    call.start = 0;
    call.end = call.bytes.length;
    let at = this.#calls.length;
    while (at > 0 && this.#calls[at - 1]!.id > call.id) at--;
    this.#calls.splice(at, 0, call);
  }

  /** Takes the first that may start. */
  take(rule: { mayStart(call: IncomingCall): boolean }): IncomingCall | undefined {
    const at = this.#calls.findIndex((call) => rule.mayStart(call));
    return at < 0 ? undefined : this.#calls.splice(at, 1)[0];
  }

  /** Takes one out. */
  remove(call: IncomingCall): void {
    const at = this.#calls.indexOf(call);
    if (at >= 0) this.#calls.splice(at, 1);
  }
}
