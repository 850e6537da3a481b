/**
 * Close codes of WebSockets: the ones this layer uses, what may be sent, and how long a reason may be.
 *
 * The code says what the peer should do next. 4500 to 4999, 1001, 1005, 1006, 1011, 1012 and 1013: connect
 * again. 4400 to 4499, 1002, 1003, 1007 and 1009: do not.
 */

/** The close codes that the socket layer itself sends or reports, each with its meaning. */
export interface CloseCodes {
  /** The conversation is over; the default of `close()`. */
  readonly normal: 1000;
  /** This server is leaving, or the browser left the page. */
  readonly goingAway: 1001;
  /** The peer broke the framing rules of RFC 6455. */
  readonly protocolError: 1002;
  /** A text frame on this binary protocol. */
  readonly unsupported: 1003;
  /** Reported, never sent: the peer closed without a code. */
  readonly noStatus: 1005;
  /** Reported, never sent: the connection ended without a close handshake. */
  readonly abnormal: 1006;
  /** Text that is not UTF-8. */
  readonly invalidPayload: 1007;
  /** A message larger than `limits.message`. */
  readonly tooBig: 1009;
  /** A handler of ours threw. */
  readonly internalError: 1011;
  /** This server restarts: connect again, with jitter. */
  readonly restart: 1012;
  /** This server is overloaded: connect again later. */
  readonly tryAgainLater: 1013;
  /** The peer reads slower than we send: more than `limits.queue` bytes wait for it. */
  readonly tooSlow: 4503;
}

/** The close codes of the socket layer by name; {@linkcode CloseCodes} says what each means. */
export const closeCodes: CloseCodes = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupported: 1003,
  noStatus: 1005,
  abnormal: 1006,
  invalidPayload: 1007,
  tooBig: 1009,
  internalError: 1011,
  restart: 1012,
  tryAgainLater: 1013,
  tooSlow: 4503,
};

/** RFC 6455, 5.5: a control frame carries 125 bytes, two of them the code. */
const maxReasonBytes = 123;
const reasonBytes = new Uint8Array(maxReasonBytes);
const encoder = new TextEncoder();

/**
 * Throws unless a server may send `code` in a close frame: 1000 to 1014 without 1004, 1005 and 1006, or 3000 to
 * 4999. Both runtimes would take any number and send another one (Deno 70000 as 65535, Bun as 4464).
 *
 * @throws {RangeError} When the code may not be sent.
 */
export function assertCloseCode(code: number): void {
  const registered = code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
  const free = code >= 3000 && code <= 4999;
  if (!Number.isInteger(code) || !(registered || free)) {
    throw new RangeError(`Cannot close with code ${code}: not a code that may be sent`);
  }
}

/** The longest start of `reason` that fits a close frame, cut between characters: Deno throws above 123 bytes. */
export function fitReason(reason: string): string {
  if (reason.length * 3 <= maxReasonBytes) return reason;
  return reason.slice(0, encoder.encodeInto(reason, reasonBytes).read);
}
