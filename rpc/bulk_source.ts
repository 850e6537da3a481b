/**
 * Where the code of streams and of large messages comes from. A client may have to load it: what needs it waits.
 *
 * @module
 */
import type { Assembly } from "./assembly.ts";
import type { CallError } from "./errors.ts";
import type { OutgoingCall } from "./outgoing_call.ts";
import type { Streams } from "./streams.ts";

/** The code. */
export interface BulkCode {
  /** Streams both ways. */
  readonly Streams: typeof Streams;
  /** Puts fragments together. */
  readonly Assembly: typeof Assembly;
}

/** A connection that keeps what it receives until there is the code for it. */
export interface AwaitingCode {
  /** It is there. */
  codeArrived(): void;
  /** It will not come: no answer that was not read will be. */
  codeFailed(error: CallError): void;
}

/** Where it comes from. */
export interface BulkSource {
  /** The code, if it is there. */
  readonly code: BulkCode | undefined;
  /** A message has come that needs it. */
  await(peer: AwaitingCode): void;
  /** A call needs it: it is sent when it is there. */
  postpone(call: OutgoingCall, deadline: number): void;
}

/** Thrown where the code is missing, before anything was done. What was begun is done again when it is there. */
export const CODE_NEEDED: Error = new Error("The code of streams is not loaded");
