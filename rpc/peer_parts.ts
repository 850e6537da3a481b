/**
 * What one end of a connection is made of, and whose it is.
 *
 * @module
 */
import type { BulkSource } from "./bulk_source.ts";
import type { Answering, CalledPeer } from "./callee_parts.ts";
import type { Clock } from "./clock.ts";
import type { ControlEvents } from "./dispatch.ts";
import type { Limits } from "./limits.ts";
import type { Attachment } from "./outbox_parts.ts";
import type { ProtocolError } from "./protocol_error.ts";
import type { ToldOfStream } from "./sender.ts";
import type { Reporter } from "./telling.ts";
import type { Transport } from "./transport.ts";

/** A connection that carries on where another was lost. */
export interface Continuation extends Omit<Attachment, "arrived"> {
  /** What happens. */
  readonly events: PeerEvents;
  /** The highest sequence that the other side has processed. */
  readonly received: number;
  /** How many units of our streams have come there, END and FAIL among them. */
  readonly units: number;
  /** What it tells of our streams. */
  readonly streams: ReadonlyMap<number, ToldOfStream>;
}

/** What happens beside calls and streams. */
export interface PeerEvents extends ControlEvents, Reporter {
  /** A rule was broken, or something of ours failed: the connection is to be closed with the error's code. */
  fault(error: ProtocolError): void;
}

/** Whose end of a connection it is. */
export interface PeerOwner {
  /** Makes what answers the calls of the other side; called when the first one comes. */
  makeCallee(peer: CalledPeer): Answering;
  /** The code of streams and large messages. */
  readonly bulk: BulkSource;
}

/** What a peer is made of. */
export interface PeerParts {
  /** Which end this is. */
  readonly role: "server" | "client";
  /** Time and chance. */
  readonly clock: Clock;
  /** What carries frames. */
  readonly transport: Transport;
  /** Bounds of this side. */
  readonly limits: Limits;
  /** What happens. */
  readonly events: PeerEvents;
  /** Whose end it is. */
  readonly owner: PeerOwner;
}
