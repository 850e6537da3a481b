/**
 * What the answering half of a connection is made of.
 *
 * @module
 */
import type { AnsweringPeer } from "./answers.ts";
import type { CallError } from "./errors.ts";
import type { CallSurroundings, Received, Registered } from "./incoming_call.ts";
import type { KeyedCalls } from "./ledger.ts";
import type { Limits } from "./limits.ts";
import type { ProtocolError } from "./protocol_error.ts";
import type { Reporter } from "./telling.ts";

/** What is answered, and with what: the same for all connections of a session. */
export interface CalleeParts extends Omit<CallSurroundings, "decode"> {
  /** Bounds. */
  readonly limits: Limits;
  /** What may be called, by name. */
  readonly procedures: ReadonlyMap<string, Registered>;
  /** Runs calls with a key; `undefined` where keys mean nothing. */
  readonly keyed?: KeyedCalls | undefined;
}

/** The answering half of a connection. */
export interface Answering {
  /** Set while the connection drains: new calls are refused with it. */
  refuseWith: CallError | undefined;
  /** Called whenever a call has ended. */
  onEnd: (() => void) | undefined;
  /** Calls that wait or run. */
  readonly inFlight: number;
  /** Bytes of the inputs of calls that wait or run. */
  readonly held: number;
  /** CALL. `method` is a name, or a number that was announced. */
  accept(method: string | number, received: Received): void;
  /**
   * A CALL without options, of a number that was announced, where nothing stands between it and its handler; it is run.
   *
   * @returns `false`, and nothing was done, when it is not like that: {@linkcode Answering.accept} takes it.
   */
  acceptPlain(number: number, id: number, bytes: Uint8Array, start: number, end: number): boolean;
  /** CANCEL. */
  cancel(id: number): void;
  /** Answers every call that has not ended with `error`, and tells the handlers. Gives how many there were. */
  cut(error: CallError): number;
  /** The connection is lost, and the session is kept: answers that wait are encoded, so that their bytes count. */
  detach(): void;
  /** Another connection carries on. */
  attach(): void;
  /** The connection is gone. */
  end(error: CallError): void;
}

/** The end of a connection that calls come to. */
export interface CalledPeer extends Reporter, AnsweringPeer {
  /** The other side broke a rule: the connection ends. */
  fault(error: ProtocolError): void;
}
