/**
 * The seam between a runtime and the policy above it: what a runtime's file does for us ({@linkcode Link}) and
 * what it tells us ({@linkcode LinkEvents}). `deno.ts` and `bun.ts` translate between these and the
 * runtime's own API and decide nothing.
 */

/** {@linkcode Link.send} took the frame and cannot say how much waits: count it yourself. */
export const unknownBuffered = -1;
/** {@linkcode Link.send} dropped the frame: the socket is closed, or about to say so. */
export const linkGone = -2;

/** One open WebSocket of a runtime. No member throws. */
export interface Link {
  /**
   * True when the runtime calls {@linkcode LinkEvents.drained} as its buffer empties (Bun); false when
   * `buffered()` has to be asked again and again (Deno).
   */
  readonly announcesDrain: boolean;
  /**
   * Sends one binary frame. `frame` is borrowed until the call returns: both runtimes copy what they could not
   * write at once. Returns the bytes that now wait in the runtime, {@linkcode unknownBuffered} or
   * {@linkcode linkGone}. It never drops in silence.
   */
  send(frame: Uint8Array): number;
  /** Bytes that wait in the runtime's buffer; what the kernel holds is not counted. */
  buffered(): number;
  /** Starts the close handshake behind everything sent so far. Bun calls `closed` before this returns. */
  close(code: number, reason: string): void;
  /**
   * Ends the connection at once, drops what waits and forgets the {@linkcode LinkEvents}. `gone` is called once when
   * the runtime has let go of it: before this returns on Bun; on Deno, which cannot cut a connection, some time
   * later or never.
   */
  terminate(gone: () => void): void;
  /** Stops or resumes reading; false where the runtime cannot (Deno). */
  setPaused(paused: boolean): boolean;
}

/** What happens on one WebSocket, in the order `opened`, then the others, then `closed`. No member throws. */
export interface LinkEvents {
  /** The handshake is done. Never called when the client left during the upgrade. */
  opened(link: Link): void;
  /** A frame arrived. The bytes are the receiver's own: a fresh buffer, exactly this long. Undefined: a text frame. */
  received(frame: Uint8Array | undefined): void;
  /** Some of the runtime's buffer was written: ask `buffered()` again. */
  drained(): void;
  /** The connection ended. May come twice on Deno, and may never come for a stalled peer there. */
  closed(code: number, reason: string): void;
}

/** What an adapter needs to turn a request into an open socket. */
export interface Acceptance {
  /** The second argument of `fetch`: Deno's `ServeHandlerInfo` or Bun's `Server`. */
  readonly info: unknown;
  /** The selected subprotocol; undefined selects none. Already checked to be one that the client offered. */
  readonly protocol: string | undefined;
  /** Headers of the 101 response, if it has any. */
  readonly headers: Headers | undefined;
  /** Seconds without a sign of the peer until the runtime gives up; 0: never. Bun takes it from `bunWebSocket`. */
  readonly idle: number;
  /** Who hears of the socket. */
  readonly events: LinkEvents;
}

/** One runtime. */
export interface Adapter {
  /** True when this process runs on it. */
  readonly present: boolean;
  /** The client's address without the port, or "" when the runtime does not say (a unix socket). */
  address(request: Request, info: unknown): string;
  /**
   * Upgrades the request. Returns the response that `fetch` must return, or undefined when the client has gone or
   * the runtime finds no WebSocket handshake in the request.
   *
   * @throws {TypeError} When `info` lacks what the runtime needs to upgrade.
   */
  accept(request: Request, acceptance: Acceptance): Response | undefined;
}
