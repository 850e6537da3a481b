/**
 * The life of one connection on the server: HELLO, authentication, heartbeat, expiry, goodbye. No I/O: it is given a
 * transport and a clock.
 *
 * @module
 */
import type { Identity } from "./app.ts";
import type { ServerParts } from "./server_parts.ts";
import type { CallerConnection } from "./context.ts";
import { RESERVED_NAMES } from "./context.ts";
import { CloseCode } from "./close.ts";
import type { Greeting, WireMap } from "./dispatch.ts";
import { CallError } from "./errors.ts";
import { optionalString, readHello, toldLimits } from "./greeting.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Kind, VERSION } from "./kinds.ts";
import { writeExpires, writeGoodbye, writeWelcome } from "./messages.ts";
import { offeredCalls } from "./offered.ts";
import { Peer } from "./peer.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { Transport } from "./transport.ts";

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
  #heartbeat: Heartbeat | undefined;
  #timer: unknown;
  #authenticating = false;
  #welcomed = false;
  #closed = false;
  #drained: (() => void) | undefined;

  /** Waits for HELLO. */
  constructor(parts: ServerParts<ServerConnection>, transport: Transport, handshake: Handshake) {
    this.id = handshake.id;
    this.address = handshake.request.address;
    this.#parts = parts;
    this.#transport = transport;
    this.#handshake = handshake;
    const { clock, limits, procedures } = parts;
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
    this.#heartbeat?.heard(this.#parts.clock.now());
    this.#peer.receive(frame);
  }

  /** The socket has room again. */
  drained(): void {
    this.#peer.drained();
  }

  /** Closes it; calls in flight end as they do when a connection is lost. */
  close(code: number = CloseCode.NORMAL, reason = ""): void {
    if (this.#closed) return;
    this.#end();
    this.#transport.close(code, reason);
  }

  /** The socket has closed, whoever did it. Called once. */
  closed(code: number, reason: string): void {
    this.#end();
    if (this.#welcomed) this.#parts.disconnected(this, { code, reason });
  }

  /**
   * Says GOODBYE, lets calls end until `deadline` ms from now, answers the rest `UNAVAILABLE` and ambiguous, and closes.
   *
   * @returns What was cut, when the connection is closing.
   */
  async drain(options: { code: number; deadline: number; retryAfter: number | undefined }): Promise<Cut> {
    const { code, deadline, retryAfter } = options;
    const { callee } = this.#peer;
    callee.refuseWith = new CallError("UNAVAILABLE");
    if (this.#welcomed) this.#peer.send(() => writeGoodbye(code, retryAfter, { deadline }));
    if (callee.inFlight > 0 && deadline > 0 && !this.#closed) await this.#idle(deadline);
    const calls = callee.cut(
      new CallError("UNAVAILABLE", "The server stopped while the call ran", { ambiguous: true }),
    );
    this.#peer.outbox.flush();
    this.close(code, code === CloseCode.RESTART ? "restart" : "leaving");
    return { calls };
  }

  #idle(deadline: number): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      const timer = clock.setTimeout(resolve, deadline);
      this.#drained = () => {
        clock.clearTimeout(timer);
        resolve();
      };
      this.#peer.callee.onEnd = () => {
        if (this.#peer.callee.inFlight === 0) this.#drained?.();
      };
    });
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
    this.#heartbeat?.stop();
    this.#peer.end(new CallError("DISCONNECTED"));
    this.#drained?.();
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
    if (this.#authenticating) throw new ProtocolError("A token while another is checked");
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
    this.#authenticating = true;
    try {
      const identity = await this.#parts.authenticate({ request: this.#handshake.request, token });
      const taken = Object.keys(identity).find((name) => RESERVED_NAMES.has(name));
      if (taken !== undefined) throw new ProtocolError("internal error", 1011, { cause: reserved(taken) });
      return identity;
    } catch (error) {
      this.#refused(error);
      return undefined;
    } finally {
      this.#authenticating = false;
    }
  }

  #refused(error: unknown): void {
    if (error instanceof ProtocolError) return this.#fault(error);
    const forbidden = error instanceof CallError && error.code === "FORBIDDEN";
    if (!(error instanceof CallError)) this.#parts.report(error, { connection: this });
    this.#parts.authenticationFailed(this.address);
    this.close(
      forbidden ? CloseCode.FORBIDDEN : CloseCode.UNAUTHENTICATED,
      forbidden ? "forbidden" : "not authenticated",
    );
  }
}

function reserved(name: string): TypeError {
  return new TypeError(`Cannot use "${name}" in the context that authenticate gives: the name is taken`);
}
