/**
 * The life of one connection on the server: HELLO, authentication, heartbeat, expiry, goodbye. No I/O: it is given a
 * transport and a clock.
 *
 * @module
 */
import type { Identity } from "./app.ts";
import type { ServerParts } from "./server_parts.ts";
import type { CallerConnection } from "./context.ts";
import { CloseCode } from "./close.ts";
import type { Greeting, WireMap } from "./dispatch.ts";
import { CallError } from "./errors.ts";
import { optionalString, readHello, toldLimits } from "./greeting.ts";
import { Heartbeat } from "./heartbeat.ts";
import { identify } from "./identity.ts";
import { Kind, VERSION } from "./kinds.ts";
import { writeExpires, writeGoodbye, writeWelcome } from "./messages.ts";
import { offeredCalls } from "./offered.ts";
import { Peer } from "./peer.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { Transport } from "./transport.ts";
import { type Turn, turnOf } from "./turn.ts";

/** What is known of a connection before its first message. */
export interface Handshake {
  /** A number of its own. */
  readonly id: string;
  /** The request's URL, method, headers and address, copied before the upgrade. */
  readonly request: {
    readonly url: string;
    readonly method: string;
    readonly headers: Headers;
    readonly address: string;
  };
  /** The token of the subprotocol. */
  readonly token: string | undefined;
}

/** What was still going on when a connection was closed. */
export interface Cut {
  /** Calls that were answered `ambiguous`. */
  readonly calls: number;
}

/** Timers count in 32 bits, and the date may be set: a far expiry is looked at again every hour. */
const LONGEST_TIMER = 3_600_000;
/** How often a connection that drains looks whether its last bytes have left, in ms. */
const LOOK = 20;

/** One connection. */
export class ServerConnection implements CallerConnection {
  /** A number of its own, for logs. */
  readonly id: string;
  /** The address of the peer. */
  readonly address: string;
  /** Who it is. */
  subject: string | undefined;
  /** What `authenticate` gave; refreshed in place. */
  context: object = {};
  /** Calls what the client offers. */
  readonly client: object;
  readonly #parts: ServerParts<ServerConnection>;
  readonly #transport: Transport;
  readonly #handshake: Handshake;
  readonly #peer: Peer;
  readonly #turn: Turn;
  #heartbeat: Heartbeat | undefined;
  #timer: unknown;
  #authenticating: AbortController | undefined;
  #welcomed = false;
  #mayRun = false;
  #closed = false;
  #look: (() => void) | undefined;

  /** Waits for HELLO. */
  constructor(parts: ServerParts<ServerConnection>, transport: Transport, handshake: Handshake) {
    this.id = handshake.id;
    this.address = handshake.request.address;
    this.#parts = parts;
    this.#transport = transport;
    this.#handshake = handshake;
    const { clock, limits, procedures } = parts;
    this.#turn = turnOf(clock);
    this.#peer = new Peer({
      role: "server",
      clock,
      transport,
      limits,
      procedures,
      connection: this.#forHandlers(),
      context: () => this.context,
      offered: (call) => offeredCalls(parts.offered, this.#peer, call),
      events: {
        hello: (greeting) => this.#hello(greeting),
        pong: () => {},
        token: (payload) => this.#token(payload),
        fault: (error) => this.#fault(error),
        failed: (error, call) => parts.report(error, { connection: this, procedure: call.registered.name }),
      },
    });
    this.client = offeredCalls(parts.offered, this.#peer, undefined);
    this.#timer = clock.setTimeout(
      () => this.close(CloseCode.HELLO_TIMEOUT, "no hello in time"),
      limits.hello,
    );
  }

  /** Whether WELCOME was sent. */
  get welcomed(): boolean {
    return this.#welcomed;
  }

  /** Calls of both sides that have not ended. */
  get calls(): number {
    return this.#peer.callee.inFlight + this.#peer.caller.inFlight;
  }

  /** Streams that have not ended. */
  get streams(): number {
    return this.#peer.streams.open;
  }

  /** Bytes held for this connection. */
  get held(): number {
    return this.#peer.held;
  }

  /** Takes a frame, which is its own from now on. */
  receive(frame: Uint8Array): void {
    const now = this.#turn.now();
    this.#heartbeat?.heard(now);
    this.#peer.receive(frame, now);
  }

  /** The socket has room again. */
  drained(): void {
    this.#peer.drained();
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
    this.#end();
  }

  /** The socket has closed, whoever did it. Called once. */
  closed(code: number, reason: string): void {
    this.#end();
    if (this.#welcomed) this.#parts.disconnected(this, { code, reason });
  }

  /**
   * Says GOODBYE, lets calls and streams end until `deadline` ms from now, answers the rest `UNAVAILABLE` and ambiguous, and closes.
   *
   * @returns What was cut, when the connection is closing.
   */
  async drain(options: { code: number; deadline: number; retryAfter: number | undefined }): Promise<Cut> {
    const { code, deadline, retryAfter } = options;
    const { callee } = this.#peer;
    callee.refuseWith = new CallError("UNAVAILABLE");
    if (this.#welcomed) {
      this.#peer.send(() => writeGoodbye(code, wholeMs(retryAfter), { deadline: wholeMs(deadline) }));
    }
    await this.#quiet(deadline);
    if (this.#closed) return { calls: 0 };
    const calls = callee.cut(
      new CallError("UNAVAILABLE", "The server stopped while the call ran", { ambiguous: true }),
    );
    this.close(code, code === CloseCode.RESTART ? "restart" : "leaving");
    return { calls };
  }

  /** Resolves when nothing is under way any more, or after `ms`. */
  #quiet(ms: number): Promise<void> {
    const { clock } = this.#parts;
    const { callee } = this.#peer;
    const until = clock.now() + ms;
    const { promise, resolve } = Promise.withResolvers<void>();
    let timer: unknown;
    const look = this.#look = callee.onEnd = () => {
      clock.clearTimeout(timer);
      const left = until - clock.now();
      if (this.#closed || left <= 0 || !this.#isBusy) return resolve();
      // The end of a call is told; that of a stream, or of a large answer on its way, is not.
      timer = clock.setTimeout(look, callee.inFlight > 0 ? left : Math.min(left, LOOK));
    };
    look();
    return promise;
  }

  /** Whether a call or stream goes on, or part of an answer has not been handed to the socket. */
  get #isBusy(): boolean {
    const { callee, outbox, streams } = this.#peer;
    return callee.inFlight > 0 || streams.open > 0 || outbox.waiting > this.#transport.buffered;
  }

  /** The part of it that handlers see. */
  #forHandlers(): CallerConnection {
    const owner = (): ServerConnection => this;
    return {
      id: this.#handshake.id,
      address: this.#handshake.request.address,
      get subject() {
        return owner().subject;
      },
      close: (code, reason) => this.close(code, reason),
    };
  }

  #fault(error: ProtocolError): void {
    if (error.code === CloseCode.SERVER_FAULT) this.#parts.report(error.cause ?? error, { connection: this });
    this.close(error.code, error.message);
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.clock.clearTimeout(this.#timer);
    this.#authenticating?.abort();
    this.#heartbeat?.stop();
    this.#peer.end(new CallError("DISCONNECTED"));
    this.#look?.();
  }

  #hello({ version, payload }: Greeting): void {
    if (version !== VERSION) return this.close(CloseCode.VERSION, `version ${VERSION} is spoken here`);
    const { token, limits } = readHello(payload);
    this.#peer.outbox.peer = limits;
    this.#peer.hold();
    void this.#admit(token ?? this.#handshake.token);
  }

  async #admit(token: string | undefined): Promise<void> {
    const identity = await this.#authenticate(token);
    if (identity !== undefined && !this.#closed) this.#welcome(identity);
  }

  #welcome(identity: Identity): void {
    const { clock, limits, newSession, connected } = this.#parts;
    this.#welcomed = true;
    clock.clearTimeout(this.#timer);
    this.#heartbeat = new Heartbeat({
      clock,
      interval: limits.heartbeat,
      patience: limits.heartbeat + limits.grace,
      beat: () => this.#peer.sendHeartbeat(Kind.PING),
      silent: () => this.close(CloseCode.SILENT, "nothing was received"),
    });
    const { heartbeat, grace } = limits;
    const expires = this.#expire(identity);
    this.#peer.send(() =>
      writeWelcome(newSession(), 0, { resumed: false, heartbeat, grace, limits: toldLimits(limits), expires })
    );
    connected(this);
    this.#mayRun = true;
    this.#peer.resume();
  }

  /** Takes over what `authenticate` gave, and closes when it ends. Returns the ms that it holds. */
  #expire(identity: Identity): number | undefined {
    const { clock } = this.#parts;
    this.context = identity;
    this.subject = identity.subject;
    clock.clearTimeout(this.#timer);
    const { expires } = identity;
    if (expires === undefined) return undefined;
    const remaining = Math.max(0, Math.floor(expires - this.#parts.date()));
    this.#timer = clock.setTimeout(() => this.#checkExpiry(expires), Math.min(remaining, LONGEST_TIMER));
    return remaining;
  }

  #checkExpiry(expires: number): void {
    const remaining = expires - this.#parts.date();
    if (remaining <= 0) return this.close(CloseCode.UNAUTHENTICATED, "the authentication has expired");
    this.#timer = this.#parts.clock.setTimeout(
      () => this.#checkExpiry(expires),
      Math.min(remaining, LONGEST_TIMER),
    );
  }

  #token(payload: WireMap): void {
    if (this.#authenticating !== undefined) throw new ProtocolError("A token while another is checked");
    void this.#refresh(optionalString(payload, "token"));
  }

  async #refresh(token: string | undefined): Promise<void> {
    const identity = await this.#authenticate(token);
    if (identity === undefined || this.#closed) return;
    if (identity.subject !== this.subject) {
      return this.close(CloseCode.FORBIDDEN, "the token is somebody else's");
    }
    const remaining = this.#expire(identity);
    this.#peer.send(() => writeExpires(remaining));
  }

  /** Asks the program. Closes, and gives `undefined`, when it says no. */
  async #authenticate(token: string | undefined): Promise<Identity | undefined> {
    const { signal } = this.#authenticating = new AbortController();
    try {
      const given = { request: this.#handshake.request, token };
      return await identify(this.#parts, { given, place: { connection: this }, signal });
    } catch (error) {
      this.close(...refusal((error as CallError).code));
      return undefined;
    } finally {
      this.#authenticating = undefined;
    }
  }
}

function refusal(code: string): [code: number, reason: string] {
  if (code === "FORBIDDEN") return [CloseCode.FORBIDDEN, "forbidden"];
  if (code === "INTERNAL") return [CloseCode.SERVER_FAULT, "internal error"];
  if (code === "DEADLINE") return [CloseCode.UNAUTHENTICATED, "not authenticated in time"];
  return [CloseCode.UNAUTHENTICATED, "not authenticated"];
}

/** A time as the wire has it. */
function wholeMs(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER);
}
