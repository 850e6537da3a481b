/**
 * The life of one connection on the server: HELLO, authentication, heartbeat, expiry, goodbye. No I/O: it is given a
 * transport and a clock.
 *
 * @module
 */
import type { Identity } from "./app.ts";
import { authenticate, isRefusal, type Refusal } from "./authentication.ts";
import type { ServerParts } from "./server_parts.ts";
import type { CallerConnection } from "./context.ts";
import { closeAdvice, CloseCode } from "./close.ts";
import type { Greeting } from "./dispatch.ts";
import { CallError } from "./errors.ts";
import { optionalString, readHello, tellServer } from "./greeting.ts";
import type { Cut, Handshake, Wanted } from "./handshake.ts";
import { Heartbeat, type HeartbeatOwner } from "./heartbeat.ts";
import type { IncomingCall } from "./incoming_call.ts";
import { Kind, VERSION } from "./kinds.ts";
import { type ChannelsOwner, LazyChannels } from "./lazy_channels.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { writeEncodedWelcome, writeExpires, writeGoodbye, writeWelcome } from "./messages.ts";
import type { WireMap } from "./options.ts";
import type { Peer } from "./peer.ts";
import type { PeerEvents } from "./peer_parts.ts";
import { asFault, ProtocolError } from "./protocol_error.ts";
import { whenQuiet } from "./quiet.ts";
import { ServerSession, type SessionConnection } from "./server_session.ts";
import type { Transport } from "./transport.ts";
import { wholeMs } from "./uint.ts";
import { freshWelcome } from "./welcome.ts";

/** One connection. */
export class ServerConnection
  implements CallerConnection, SessionConnection, PeerEvents, HeartbeatOwner, ChannelsOwner {
  readonly order: number;
  readonly #parts: ServerParts<ServerConnection>;
  readonly #transport: Transport;
  readonly #handshake: Handshake;
  /** A new one, until it turns out that the client has one. */
  #session: ServerSession;
  #wanted: Wanted | undefined;
  #resumable = false;
  #resumed = false;
  #heartbeat: Heartbeat | undefined;
  #asking: AbortController | undefined;
  #refreshing = false;
  #timer: unknown;
  /** Whether the program was told of it, and whether it was told of its end since. */
  #phase: "greeting" | "known" | "ended" = "greeting";
  #mayRun = false;
  /** Set where the session is not to be kept, whatever the code of the close. */
  #isFinal = false;
  #closed = false;
  #look: (() => void) | undefined;
  #channels: LazyChannels | undefined;

  /** Waits for HELLO. */
  constructor(parts: ServerParts<ServerConnection>, transport: Transport, handshake: Handshake) {
    this.order = parts.sessions.nextOrder();
    this.#parts = parts;
    this.#transport = transport;
    this.#handshake = handshake;
    this.#session = new ServerSession(parts, handshake.id, { connection: this, transport, events: this });
    const late = () => this.close(CloseCode.HELLO_TIMEOUT, "no hello in time");
    this.#timer = parts.clock.setTimeout(late, parts.limits.hello);
  }

  /** The address of the peer. */
  get address(): string {
    return this.#handshake.request.address;
  }

  /** A number of its own, for logs; that of the first connection where it carries on a session. */
  get id(): string {
    return this.#session.id;
  }

  /** Who it is. */
  get subject(): string | undefined {
    return this.#session.subject;
  }

  /** What `authenticate` gave; refreshed in place. */
  get context(): object {
    return this.#session.ownContext;
  }

  /** Calls what the client offers. */
  get client(): object {
    return this.#session.client;
  }

  /** Whether it carries on the session of another. */
  get resumed(): boolean {
    return this.#resumed;
  }

  /** Whether the program was told of it, and not of its end. */
  get isKnown(): boolean {
    return this.#phase === "known";
  }

  /** Calls of both sides that have not ended. */
  get calls(): number {
    return this.#closed ? 0 : this.#session.calls;
  }

  /** Streams that have not ended. */
  get streams(): number {
    return this.#closed ? 0 : this.#session.streams;
  }

  /** Subscriptions that have not ended. */
  get subscriptions(): number {
    return this.#channels?.size ?? 0;
  }

  /** Bytes held for this connection. */
  get held(): number {
    return this.#closed ? 0 : this.#session.held;
  }

  /** See {@linkcode ControlEvents.channels}. The rest of a frame in which it was closed is still read, and finds nothing. */
  get channels(): LazyChannels | undefined {
    if (this.#channels !== undefined || this.#parts.channels === undefined) return this.#channels;
    this.#channels = new LazyChannels(this.#parts, this);
    if (this.#closed) this.#channels.end();
    return this.#channels;
  }

  /** Takes a frame, which is its own from now on. */
  receive(frame: Uint8Array): void {
    if (this.#closed) return;
    const { now } = this.#peer;
    this.#heartbeat?.heard(now);
    this.#peer.receive(frame, now);
  }

  /** The socket has room again. */
  drained(): void {
    if (this.#closed) return;
    this.#peer.drained();
    this.#channels?.drained();
  }

  /** Asks again whether its subscriptions are allowed: all, or that of one channel. */
  reauthorize(channel?: string): void {
    this.#channels?.reauthorize(channel);
    this.#parts.channels?.presence?.members.reauthorize(this.#session.id, this.#session.asker, channel);
  }

  /**
   * Closes it; calls in flight end as they do when a connection is lost. What was answered before still leaves, WELCOME
   * above all, once a call may have run: a client that never saw it takes a refusal to say that none did.
   *
   * @throws {RangeError} When `code` may not be sent.
   */
  close(code: number = CloseCode.NORMAL, reason = ""): void {
    if (this.#closed) return;
    if (this.#mayRun) this.#peer.outbox.flush();
    this.#transport.close(code, reason);
    this.#end(code);
  }

  /** The socket has closed, whoever did it. Called once. */
  closed(code: number, reason: string): void {
    this.#end(code);
    this.#tell(code, reason);
  }

  /** Another connection carries the session. */
  leave(): void {
    this.#transport.close(CloseCode.TAKEN_OVER, "taken over");
    this.#stop();
    this.#tell(CloseCode.TAKEN_OVER, "taken over");
  }

  /** The program is told that it has closed: once, and before it is told of the connection that carries on. */
  #tell(code: number, reason: string): void {
    if (!this.isKnown) return;
    this.#phase = "ended";
    this.#parts.disconnected(this, { code, reason });
  }

  /**
   * Says GOODBYE, lets calls and streams end until `deadline` ms from now, answers the rest `UNAVAILABLE` and ambiguous, and closes.
   *
   * @returns What was cut, when the connection is closing.
   */
  async drain(options: { code: number; deadline: number; retryAfter: number | undefined }): Promise<Cut> {
    const { code, deadline, retryAfter } = options;
    const { callee } = this.#peer;
    this.#isFinal = true;
    callee.refuseWith = new CallError("UNAVAILABLE");
    if (this.#phase !== "greeting") {
      this.#peer.send(() => writeGoodbye(code, wholeMs(retryAfter), { deadline: wholeMs(deadline) }));
    }
    const { quiet, look } = whenQuiet({
      clock: this.#parts.clock,
      peer: this.#peer,
      buffered: () => this.#transport.buffered,
      isClosed: () => this.#closed,
    }, deadline);
    this.#look = look;
    await quiet;
    if (this.#closed) return { calls: 0 };
    const calls = callee.cut(
      new CallError("UNAVAILABLE", "The server stopped while the call ran", { ambiguous: true }),
    );
    this.close(code, code === CloseCode.RESTART ? "restart" : "leaving");
    return { calls };
  }

  get #peer(): Peer {
    return this.#session.peer;
  }

  /** See {@linkcode ChannelsOwner.carrier}. */
  get carrier(): ChannelsOwner["carrier"] {
    const { connection, peer } = this.#session;
    return { connection, outbox: peer.outbox, transport: this.#transport };
  }

  /** PONG: PING was sent behind WELCOME, as what is acknowledged was. */
  pong(): void {
    this.#parts.sessions.confirmed(this.#session);
  }

  /** ACK. */
  ack(): void {
    this.pong();
  }

  /** What callers are not told. */
  failed(error: unknown, call: IncomingCall): void {
    this.#parts.report(error, { connection: this, procedure: call.registered.name });
  }

  /** A rule was broken: what the session is in is not known any more, but for a client that was slow. */
  fault(thrown: unknown): void {
    const error = asFault(thrown);
    if (error.code === CloseCode.SERVER_FAULT) this.#parts.report(error.cause ?? error, { connection: this });
    if (error.code !== CloseCode.TOO_SLOW) this.#isFinal = true;
    if (this.#closed && this.#isFinal) this.#session.end();
    this.close(error.code, error.message);
  }

  /** It is over. Its session waits for another where the client is expected back. */
  #end(code: number): void {
    if (this.#closed) return;
    this.#stop();
    if (this.#isFinal || closeAdvice(code) !== "reconnect") this.#session.end();
    else this.#session.lost();
    this.#parts.channels?.presence?.members.closed(this.#session.id, code);
    this.#look?.();
  }

  #stop(): void {
    this.#closed = true;
    this.#timer = this.#parts.clock.clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#heartbeat?.stop();
    this.#channels?.end();
  }

  /** HELLO. */
  hello({ version, session, received, payload }: Greeting): void {
    if (version !== VERSION) return this.close(CloseCode.VERSION, `version ${VERSION} is spoken here`);
    const hello = readHello(payload);
    this.#resumable = hello.resumable && this.#parts.limits.session > 0;
    this.#session.producer = hello.producer;
    if (this.#resumable) this.#wanted = { ...hello, session, received };
    this.#peer.outbox.peer = hello.limits;
    const identity = this.#authenticate(hello.token ?? this.#handshake.token);
    // What follows HELLO in its frame has to be seen before a session is taken over: after the frame.
    if (!(identity instanceof Promise) && this.#wanted?.session === undefined) return this.#admit(identity);
    this.#peer.hold();
    void Promise.resolve(identity).then((later) => this.#admit(later)).catch((error) => this.fault(error));
  }

  #admit(identity: Identity | undefined): void {
    if (identity !== undefined && !this.#closed) this.#welcome(identity);
  }

  #welcome(identity: Identity): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (wanted?.session === undefined) return this.#begin(identity, wanted?.opening);
    if (this.#peer.holdsFrames) return this.close(CloseCode.BAD_MESSAGE, "a message before WELCOME");
    const session = this.#parts.sessions.find(wanted.session);
    if (session === undefined) return this.#begin(identity);
    if (session.subject !== identity.subject) {
      return this.close(CloseCode.FORBIDDEN, "the session is somebody else's");
    }
    if (!session.mayBeTaken(this.order)) return this.close(CloseCode.TAKEN_OVER, "taken over");
    if (!session.fits(wanted.limits)) {
      session.end();
      return this.#begin(identity);
    }
    this.#carryOn(session, wanted, identity);
  }

  /** A session of its own; `opening` is what the client calls it until it has WELCOME. */
  #begin(identity: Identity, opening?: Uint8Array): void {
    const { newSession, sessions, connected } = this.#parts;
    if (opening !== undefined && sessions.find(opening) !== undefined) {
      return this.close(CloseCode.BAD_MESSAGE, "another session was opened by this name");
    }
    if (this.#resumable) this.#peer.keepSession();
    const id = this.#resumable ? sessions.name(this.#session, opening) : newSession();
    const expires = this.#open(identity);
    const told = freshWelcome(this.#parts.limits, this.#resumable, expires);
    this.#peer.send(() => writeEncodedWelcome(id, told));
    this.#phase = "known";
    connected(this);
    this.#mayRun = true;
    this.#peer.resume();
  }

  /** The session of another connection, which was lost or loses it now. */
  #carryOn(session: ServerSession, wanted: Wanted, identity: Identity): void {
    const { sessions, connected } = this.#parts;
    this.#session.end();
    this.#session = session;
    this.#resumed = true;
    const expires = this.#open(identity);
    const { peer } = session;
    const greet = () => {
      const { received, units } = peer;
      const streams = peer.madeStreams?.tell() ?? [];
      const told = tellServer(this.#parts.limits, this.#resumable);
      const id = sessions.name(session, wanted.session);
      writeWelcome(id, received, { resumed: true, units, streams, ...told, expires });
    };
    const by = { transport: this.#transport, events: this, peer: wanted.limits, greet };
    try {
      session.take(this, { ...wanted, ...by });
    } catch (error) {
      return this.fault(error);
    }
    this.#mayRun = true;
    this.#parts.channels?.presence?.members.back(session.id, session.asker);
    this.#phase = "known";
    connected(this);
  }

  /** It has said who it is. Returns the ms that this holds. */
  #open(identity: Identity): number | undefined {
    this.#timer = this.#parts.clock.clearTimeout(this.#timer);
    this.#heartbeat = new Heartbeat(this.#parts.heartbeat, this);
    return this.#session.identify(identity);
  }

  /** See {@linkcode HeartbeatOwner.beat}. */
  beat(): void {
    this.#peer.sendHeartbeat(Kind.PING);
  }

  /** Who has stopped reading acknowledges nothing and answers no PING: what is told is the cause. */
  silent(): void {
    if (this.#channels?.isSlow) this.close(CloseCode.TOO_SLOW, "nothing was read");
    else this.close(CloseCode.SILENT, "nothing was received");
  }

  /** Asks the program. Closes, and gives `undefined`, when it says no. */
  #authenticate(token: string | undefined): MaybePromise<Identity | undefined> {
    const { request } = this.#handshake;
    const signal = () => (this.#asking = new AbortController()).signal;
    const answer = authenticate(this.#parts, { connection: this, request, token, signal });
    return answer instanceof Promise ? answer.then((later) => this.#answered(later)) : this.#answered(answer);
  }

  #answered(answer: Identity | Refusal): Identity | undefined {
    this.#asking = undefined;
    if (!isRefusal(answer)) return answer;
    this.close(...answer);
    return undefined;
  }

  /** TOKEN. */
  token(payload: WireMap): void {
    if (this.#refreshing) throw new ProtocolError("A token while another is checked");
    void this.#refresh(optionalString(payload, "token")).catch((error) => this.fault(error));
  }

  async #refresh(token: string | undefined): Promise<void> {
    this.#refreshing = true;
    const identity = await this.#authenticate(token);
    this.#refreshing = false;
    if (identity === undefined || this.#closed) return;
    if (identity.subject !== this.subject) {
      return this.close(CloseCode.FORBIDDEN, "the token is somebody else's");
    }
    const remaining = this.#session.identify(identity);
    this.#peer.send(() => writeExpires(remaining));
    this.reauthorize();
  }
}
