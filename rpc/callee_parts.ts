/**
 * What the answering half of a connection is made of.
 *
 * @module
 */
import type { CallSurroundings, Registered } from "./incoming_call.ts";
import type { KeyedCalls } from "./ledger.ts";
import type { Limits } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import type { ProtocolError } from "./protocol_error.ts";
import type { Streams } from "./streams.ts";
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

/** The end of a connection that calls come to. */
export interface CalledPeer extends Reporter {
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Its streams. */
  readonly streams: Streams;
  /** The other side broke a rule: the connection ends. */
  fault(error: ProtocolError): void;
}
