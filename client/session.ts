/**
 * What a client has on its server over all its connections: calls and streams that go on when one is lost.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import { CallError } from "../rpc/errors.ts";
import type { Welcome } from "../rpc/greeting.ts";
import type { OutgoingCall } from "../rpc/outgoing_call.ts";
import type { Peer } from "../rpc/peer.ts";

/** Takes a call of a session that is over, to send it in another. */
export type Again = (call: OutgoingCall, deadline: number) => void;

/** A session that its server keeps, as far as its client knows. */
export interface ClientSession {
  /** What WELCOME called it last; before the first one, what HELLO did. */
  readonly id: Uint8Array;
  /** Its calls and streams. */
  readonly peer: Peer;
  /** Milliseconds that it is kept without a connection. */
  readonly window: number;
}

/** The session of a client, as long as there is one. */
export class SessionHolder {
  readonly #clock: Clock;
  readonly #isResuming: () => boolean;
  readonly #again: Again;
  #session: ClientSession | undefined;
  #timer: unknown;
  #isOver = false;

  /** `isResuming` tells whether a connection has asked for the session and waits for the answer; `again` takes calls that can go on without. */
  constructor(clock: Clock, isResuming: () => boolean, again: Again) {
    this.#clock = clock;
    this.#again = again;
    this.#isResuming = isResuming;
  }

  /** The one that a new connection may carry on. */
  get session(): ClientSession | undefined {
    return this.#session;
  }

  /** Whether this is its peer. */
  has(peer: Peer | undefined): boolean {
    return peer !== undefined && this.#session?.peer === peer;
  }

  /** HELLO has asked for a session, if it is to be kept. The server may have opened it, even if WELCOME never comes. */
  opened(session: ClientSession | undefined): void {
    this.#session = session;
  }

  /** A connection was welcomed: with the peer of the session, or with another one. `id` is that of a session which is kept. */
  welcomed({ window }: Welcome, peer: Peer, id: Uint8Array | undefined): void {
    if (!this.has(peer)) this.end();
    this.#forget();
    this.#session = id && { id, peer, window };
  }

  /** Its connection is lost. It ends when there is no other in time. */
  connectionLost(): void {
    const session = this.#session;
    if (session === undefined) return;
    if (session.peer.ended) return this.#leave();
    if (this.#isOver) return this.end();
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#isOver = true; // but the server may have another opinion, if it was asked
      if (!this.#isResuming()) this.end();
    }, session.window);
  }

  /** It is over. Calls that were sent may have run; what can be sent again, or never was, goes on. */
  end(): void {
    const session = this.#session;
    this.#leave();
    const why = "The connection was lost, and the session with it";
    session?.peer.end(new CallError("DISCONNECTED", why, { ambiguous: true }), this.#again);
  }

  /** Nothing goes on. */
  close(error: CallError): void {
    const session = this.#session;
    this.#leave();
    session?.peer.end(error);
  }

  #leave(): void {
    this.#forget();
    this.#session = undefined;
  }

  #forget(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isOver = false;
  }
}
