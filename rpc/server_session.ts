/**
 * What a client has on the server over all its connections: its calls and streams, and who it is.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { ConnectionOrigin } from "./connection_origin.ts";
import { CallError } from "./errors.ts";
import type { Registered } from "./incoming_call.ts";
import type { Limits } from "./limits.ts";
import type { KeyedCalls } from "./ledger.ts";
import { offeredCalls } from "./offered.ts";
import { ORIGIN, type Originating } from "./origin.ts";
import { type Continuation, Peer, type PeerEvents } from "./peer.ts";
import type { ProcedureDefinition } from "./procedure.ts";
import type { Publisher } from "./publisher.ts";
import type { KeptSession, Sessions } from "./sessions.ts";
import type { Transport } from "./transport.ts";

/** What sessions share. */
export interface SessionParts {
  /** Bounds. */
  readonly limits: Limits;
  /** Time. */
  readonly clock: Clock;
  /** Sessions that may be resumed. */
  readonly sessions: Sessions<ServerSession>;
  /** What clients may call. */
  readonly procedures: ReadonlyMap<string, Registered>;
  /** What clients offer. */
  readonly offered: ReadonlyMap<string, ProcedureDefinition>;
  /** The channels, where the app has any. */
  readonly channels: Publisher | undefined;
  /** Runs calls with a key. */
  readonly keyed: KeyedCalls;
}

/** The connection that carries a session, or was the last to do so. */
export interface SessionConnection {
  /** The address of the peer. */
  readonly address: string;
  /** Connections are numbered as they come: the newest wins. */
  readonly order: number;
  /** Closes it. */
  close(code?: number, reason?: string): void;
  /** Another connection carries the session: nothing that comes by this one counts any more. */
  leave(): void;
}

const NONE: readonly string[] = [];

/** One session. */
export class ServerSession implements KeptSession {
  /** That of its first connection. */
  readonly id: string;
  /** Its calls and streams. */
  readonly peer: Peer;
  /** Calls what the client offers. */
  readonly client: object;
  ids: readonly string[] = NONE;
  /** Who it is. */
  subject: string | undefined;
  /** Whose publications come by it. */
  readonly origin: ConnectionOrigin;
  /** The connection as handlers see it: the one that carries the session at the moment. */
  readonly connection: Originating;
  /** What `authenticate` gave last. */
  context: object = {};
  readonly #parts: SessionParts;
  #carrier: SessionConnection;
  #isLost = false;

  /** The session of a new connection. */
  constructor(
    parts: SessionParts,
    id: string,
    { connection, transport, events }: {
      connection: SessionConnection;
      transport: Transport;
      events: PeerEvents;
    },
  ) {
    const { clock, limits, procedures } = parts;
    this.id = id;
    this.#parts = parts;
    this.#carrier = connection;
    this.origin = new ConnectionOrigin(() => this.subject, limits.concurrency);
    this.connection = this.#forHandlers();
    this.peer = new Peer({
      role: "server",
      clock,
      transport,
      limits,
      procedures,
      connection: this.connection,
      context: () => this.context,
      offered: (call) => offeredCalls(parts.offered, this.peer, call),
      channels: parts.channels,
      events,
      keyed: parts.keyed,
    });
    this.client = offeredCalls(parts.offered, this.peer, undefined);
  }

  /** Calls of both sides that have not ended. */
  get calls(): number {
    return this.peer.callee.inFlight + this.peer.caller.inFlight;
  }

  /** Streams that have not ended. */
  get streams(): number {
    return this.peer.streams.open;
  }

  /** Bytes held for it. */
  get held(): number {
    return this.peer.held;
  }

  /** Whether a connection of this order may carry it: none that came later does. */
  mayBeTaken(order: number): boolean {
    return this.#carrier.order < order;
  }

  /**
   * Another connection carries it.
   *
   * @throws {ProtocolError} If the client has what cannot be.
   */
  take(connection: SessionConnection, continuation: Continuation): void {
    this.#carrier.leave();
    this.#carrier = connection;
    this.#isLost = false;
    this.#parts.sessions.found(this);
    this.peer.attach(continuation);
  }

  /** Its connection is lost. It waits for another, if it is one that is kept. */
  lost(): void {
    if (this.peer.ended || this.#isLost) return;
    if (this.ids.length === 0) return this.end();
    this.#isLost = true;
    this.peer.detach();
    this.#parts.sessions.lost(this);
  }

  /** It has waited too long. */
  expire(): void {
    this.end();
  }

  /** It is over: calls in flight end as they do when a connection is lost. */
  end(error: CallError = new CallError("DISCONNECTED")): void {
    this.#parts.sessions.ended(this);
    this.peer.end(error);
  }

  #forHandlers(): Originating {
    const session = (): ServerSession => this;
    return {
      id: this.id,
      get address() {
        return session().#carrier.address;
      },
      get subject() {
        return session().subject;
      },
      close: (code, reason) => {
        if (this.#isLost) this.end();
        else this.#carrier.close(code, reason);
      },
      [ORIGIN]: this.origin,
    };
  }
}
