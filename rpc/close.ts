/**
 * Close codes and what a client does after each: the table of `docs/protocol.md`.
 *
 * @module
 */

/** Close codes of Millrace beside those of RFC 6455. */
export const CloseCode = {
  /** The client closed. */
  NORMAL: 1000,
  /** The server leaves for good, or the page does. */
  GOING_AWAY: 1001,
  /** No close frame came: the network did it. */
  ABNORMAL: 1006,
  /** A fault of the server. */
  SERVER_FAULT: 1011,
  /** The server restarts: connect again. */
  RESTART: 1012,
  /** The server has too much to do: connect again later. */
  OVERLOAD: 1013,
  /** Undecodable, or against a rule of the protocol. */
  BAD_MESSAGE: 4400,
  /** Authenticate, or authenticate again. */
  UNAUTHENTICATED: 4401,
  /** Known, but not allowed here. */
  FORBIDDEN: 4403,
  /** The protocol version is not spoken here. */
  VERSION: 4406,
  /** Another connection of the same session is newer. */
  TAKEN_OVER: 4409,
  /** A client has given its connection up and comes back: it could not tell that with 1006. */
  GIVEN_UP: 4500,
  /** More than the queue limit waits for this peer. */
  TOO_SLOW: 4503,
  /** Nothing was received for heartbeat and grace. */
  SILENT: 4504,
  /** No HELLO in time. */
  HELLO_TIMEOUT: 4508,
  /** Too many messages or bytes in too little time. */
  RATE: 4529,
  /** A limit was exceeded again and again. */
  LIMIT: 4531,
} as const;

/** What a client does after a close: connect again, connect once more with a new token, or stop. */
export type CloseAdvice = "reconnect" | "reauthenticate" | "final";

const RECONNECT = new Set<number>([1001, 1005, 1006, 1011, 1012, 1013]);

/**
 * Tells what a client does after a close, by the range of the code, so that unknown codes are handled too.
 *
 * @param code The close code: 1000 to 4999.
 * @returns `"reconnect"` for 4500 to 4999, 1001, 1005, 1006, 1011, 1012, 1013; `"reauthenticate"` for 4401; else `"final"`.
 *
 * @example
 * ```ts
 * import { closeAdvice } from "@millrace/millrace";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(closeAdvice(1012), "reconnect");
 * assertEquals(closeAdvice(4403), "final");
 * ```
 */
export function closeAdvice(code: number): CloseAdvice {
  if (code === CloseCode.UNAUTHENTICATED) return "reauthenticate";
  return RECONNECT.has(code) || (code >= 4500 && code <= 4999) ? "reconnect" : "final";
}
