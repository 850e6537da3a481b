/**
 * What was published, as it waits for the program.
 *
 * @module
 */
import type { ChangeHead } from "../rpc/dispatch_channels.ts";
import { keep } from "../rpc/keep.ts";
import type { Unit } from "../rpc/receiver.ts";

/** One message, for all subscriptions of its channel: in the frame it came in as long as nobody has to wait for it. */
export class Payload implements Unit {
  bytes: Uint8Array;
  start: number;
  end: number;
  /** What it changes, where it is no message. */
  readonly change: ChangeHead | undefined;
  #kept = false;

  /** Of a frame. */
  constructor({ bytes, start, end }: Unit, change?: ChangeHead) {
    this.change = change;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** Its bytes, as the server counts them. */
  get length(): number {
    return this.end - this.start;
  }

  /** It will be wanted later: from now on it does not hold a frame of which it is a small part. */
  keep(): void {
    if (this.#kept) return;
    this.#kept = true;
    this.bytes = keep(this);
    this.end = this.bytes.length;
    this.start = 0;
  }
}
