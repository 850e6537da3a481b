/**
 * What a client has on the server over all its connections: its calls and streams, and who it is.
 *
 * @module
 */
import type { Identity } from "./app.ts";
import type { Clock } from "./clock.ts";
import { BULK } from "./bulk_code.ts";
import type { BulkSource } from "./bulk_source.ts";
import { Callee } from "./callee.ts";
import type { CalledPeer, CalleeParts } from "./callee_parts.ts";
import type { Asker } from "./channel_rules.ts";
import { CloseCode } from "./close.ts";
import { ConnectionOrigin } from "./connection_origin.ts";
import { NOBODY } from "./context.ts";
import { CallError } from "./errors.ts";
import { Expiry } from "./expiry.ts";
import type { IncomingCall, Registered } from "./incoming_call.ts";
import type { Limits, PeerLimits } from "./limits.ts";
import type { KeyedCalls } from "./ledger.ts";
import { offeredCalls } from "./offered.ts";
import { ORIGIN, type Origin, type Originating } from "./origin.ts";
import { Peer } from "./peer.ts";
import type { Continuation, PeerEvents, PeerOwner } from "./peer_parts.ts";
import type { ProcedureDefinition } from "./procedure.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { Publisher } from "./publisher.ts";
import type { Sender } from "./sender.ts";
import type { KeptSession, Sessions } from "./sessions.ts";
import { type AddressKey, ownerOf } from "./shares.ts";
import type { Transport } from "./transport.ts";

/** Bytes of WELCOME without streams, and of four numbers for each, at most. */
const [WELCOME_BYTES, STREAM_BYTES] = [512, 36];

/** What sessions share. */
export interface SessionParts {
  /** Bounds. */
  readonly limits: Limits;
  /** Time. */
  readonly clock: Clock;
  /** Milliseconds since 1970: expiry is told as a date. */
  readonly date: () => number;
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
  /** What to count an address under; itself by default. */
  readonly addressKey?: AddressKey | undefined;
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

/** What the end of a session is that nobody waits for. */
const FOR_NOBODY = new CallError("DISCONNECTED");

/** What is made when it is first used, and most sessions never use. */
interface Rare {
  /** Where an authentication ends. */
  expiry?: Expiry;
  /** Where it publishes. */
  origin?: ConnectionOrigin;
  /** Where what the client offers is called beside its own calls. */
  client?: object;
}

/** One session. */
export class ServerSession implements KeptSession, PeerOwner, CalleeParts {
  /** That of its first connection. */
  readonly id: string;
  /** Its calls and streams. */
  readonly peer: Peer;
  newest: string | undefined;
  former: string | undefined;
  /** Who it is. */
  subject: string | undefined;
  /** The client's own bytes, as HELLO gave them. */
  producer: string | undefined;
  /** What `authenticate` gave last. */
  identity: object = NOBODY;
  readonly #parts: SessionParts;
  #carrier: SessionConnection;
  #isLost = false;
  #connection: Originating | undefined;
  #rare: Rare | undefined;

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
    const { clock, limits } = parts;
    this.id = id;
    this.#parts = parts;
    this.#carrier = connection;
    this.peer = new Peer({ role: "server", clock, transport, limits, events, owner: this });
  }

  /** See {@linkcode PeerOwner.bulk}. */
  get bulk(): BulkSource {
    return BULK;
  }

  /** See {@linkcode PeerOwner.makeCallee}. */
  makeCallee(peer: CalledPeer): Callee {
    return new Callee(this, peer);
  }

  /** Time. */
  get clock(): Clock {
    return this.#parts.clock;
  }

  /** Bounds. */
  get limits(): Limits {
    return this.#parts.limits;
  }

  /** What may be called, by name. */
  get procedures(): ReadonlyMap<string, Registered> {
    return this.#parts.procedures;
  }

  /** Runs calls with a key. */
  get keyed(): KeyedCalls {
    return this.#parts.keyed;
  }

  /** The channels that handlers find, where there are any. */
  get channels(): Publisher | undefined {
    return this.#parts.channels;
  }

  /** The connection as handlers see it: the one that carries the session at the moment. */
  get connection(): Originating {
    return this.#connection ??= new SessionView(this);
  }

  /** Whom rules are asked about, now and later. */
  get asker(): Asker {
    const session = this as Pick<ServerSession, "connection" | "identity">;
    return {
      connection: session.connection,
      get context() {
        return session.identity;
      },
    };
  }

  /** Whose publications come by it. */
  get origin(): ConnectionOrigin {
    return this.#used.origin ??= new ConnectionOrigin(this, this.#parts.limits);
  }

  /** Calls what the client offers. */
  get client(): object {
    return this.#used.client ??= offeredCalls(this.#parts.offered, this.peer, undefined);
  }

  /** What `authenticate` gave last, as the program sees it, which may write to it. */
  get ownContext(): object {
    return this.identity === NOBODY ? this.identity = {} : this.identity;
  }

  /** What handlers get beside, to be copied. */
  context(): object {
    return this.identity;
  }

  /** Calls what the client offers, within a call of its own. */
  offered(call: IncomingCall): object {
    return offeredCalls(this.#parts.offered, this.peer, call);
  }

  /** The address of the peer. */
  get address(): string {
    return this.#carrier.address;
  }

  /** Calls of both sides that have not ended. */
  get calls(): number {
    return this.peer.calls;
  }

  /** Streams that have not ended. */
  get streams(): number {
    return this.peer.openStreams;
  }

  /** Bytes held for it. */
  get held(): number {
    let held = this.peer.held + (this.#rare?.origin?.held ?? 0);
    for (const sender of this.#senders) held += sender.held;
    return held;
  }

  get #used(): Rare {
    return this.#rare ??= {};
  }

  /** Streams that are sent. */
  get #senders(): Iterable<Sender> {
    return this.peer.openStreams > 0 ? this.peer.streams.senders : [];
  }

  /** See {@linkcode KeptSession.owner}. */
  get owner(): string {
    return ownerOf(this, this.#parts.addressKey);
  }

  /** Whether a connection of this order may carry it: none that came later does. */
  mayBeTaken(order: number): boolean {
    return this.#carrier.order < order;
  }

  /** Whether WELCOME, which tells of streams that are received (all are counted here), is no larger than a client of these limits takes. */
  fits({ message }: PeerLimits): boolean {
    return WELCOME_BYTES + this.peer.openStreams * STREAM_BYTES <= message;
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
    this.peer.outbox.kept = undefined;
    this.#parts.sessions.found(this);
    if (continuation.peer.message < this.peer.outbox.peer.message) { // what was sent is kept as it left
      throw new ProtocolError("limits.message is less than it was in this session");
    }
    this.peer.attach(continuation);
  }

  /** Whether it has no connection: it waits for another, or is over. */
  get isLost(): boolean {
    return this.#isLost || this.peer.ended;
  }

  /**
   * Who it is, by the latest token. When that ends its connection is closed, or it is over where it has none: nothing starts any more.
   *
   * @returns The ms that it holds.
   */
  identify(identity: Identity): number | undefined {
    this.identity = identity;
    this.subject = identity.subject;
    if (identity.expires === undefined && this.#rare?.expiry === undefined) return undefined;
    const { clock, date } = this.#parts;
    const expired = () => this.close(CloseCode.UNAUTHENTICATED, "the authentication has expired");
    const expiry = this.#used.expiry ??= new Expiry(clock, date, expired);
    return expiry.holdUntil(identity.expires);
  }

  /** Its connection is lost. It waits for another, if it is one that is kept. */
  lost(): void {
    if (this.peer.ended || this.#isLost) return;
    if (this.newest === undefined) return this.end();
    this.#isLost = true;
    this.peer.detach();
    this.peer.outbox.kept = () => this.#waits();
    this.#waits();
    // Not now: it may be an accessor of a value that is being encoded which closes the connection.
    if (!this.peer.isIdle) queueMicrotask(() => this.#encodeWaiting());
  }

  /** What it holds counts, as it grows. */
  #waits(): void {
    if (this.#isLost && !this.peer.ended) this.#parts.sessions.waits(this);
  }

  /** Without a connection nobody knows how long things wait: they do so as bytes, which count. */
  #encodeWaiting(): void {
    if (!this.#isLost || this.peer.ended) return;
    this.peer.encodeWaiting();
    this.#waits();
  }

  /** It has waited too long. */
  expire(): void {
    this.end();
  }

  /** It is over: calls in flight end as they do when a connection is lost. */
  end(): void {
    this.#rare?.expiry?.stop();
    this.#parts.sessions.ended(this);
    // With its stack an error was 7 % of a handshake in memory.
    this.peer.end(this.peer.isIdle ? FOR_NOBODY : new CallError("DISCONNECTED"));
  }

  /** Closes its connection, or ends it where it has none. */
  close(code?: number, reason?: string): void {
    if (this.#isLost) this.end();
    else this.#carrier.close(code, reason);
  }
}

/** A session as handlers see it. */
class SessionView implements Originating {
  readonly id: string;
  readonly #session: ServerSession;

  constructor(session: ServerSession) {
    this.id = session.id;
    this.#session = session;
  }

  get address(): string {
    return this.#session.address;
  }

  get subject(): string | undefined {
    return this.#session.subject;
  }

  get [ORIGIN](): Origin {
    return this.#session.origin;
  }

  close(code?: number, reason?: string): void {
    this.#session.close(code, reason);
  }
}
