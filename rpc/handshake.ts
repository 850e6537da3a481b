/**
 * What a connection begins with, and what is left of it.
 *
 * @module
 */
import type { RequestCopy } from "./app.ts";
import type { Hello } from "./greeting.ts";

/** What is known of a connection before its first message. */
export interface Handshake {
  /** A number of its own. */
  readonly id: string;
  /** The request's URL, method, headers and address, copied before the upgrade. */
  readonly request: RequestCopy;
  /** The token of the subprotocol. */
  readonly token: string | undefined;
}

/** What was still going on when a connection was closed. */
export interface Cut {
  /** Calls that were answered `ambiguous`. */
  readonly calls: number;
}

/** A HELLO that asks for a session which is kept. */
export interface Wanted extends Hello {
  /** The id of one that there is; `undefined` for a new one. */
  readonly session: Uint8Array | undefined;
  /** The highest sequence that the client has processed in it. */
  readonly received: number;
}
