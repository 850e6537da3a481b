/**
 * One connection of a client, from the opening of its socket to its end.
 *
 * @module
 */
import { type CloseAdvice, closeAdvice, CloseCode } from "../rpc/close.ts";
import type { Clock } from "../rpc/clock.ts";
import { CallError } from "../rpc/errors.ts";
import { readWelcome, type Welcome } from "../rpc/greeting.ts";
import { Heartbeat } from "../rpc/heartbeat.ts";
import type { Registered } from "../rpc/incoming_call.ts";
import { Kind, SUBPROTOCOL, TOKEN_PROTOCOL, VERSION } from "../rpc/kinds.ts";
import { type Limits, peerLimits } from "../rpc/limits.ts";
import { writeHello, writeToken } from "../rpc/messages.ts";
import { Peer } from "../rpc/peer.ts";
import { ProtocolError } from "../rpc/protocol_error.ts";
import {
  closeQuietly,
  frameOf,
  transportOf,
  type WebSocketFactory,
  type WebSocketLike,
} from "./web_socket.ts";

/** What attempts share. */
export interface AttemptParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Bounds of this side. */
  readonly limits: Limits;
  /** Where. */
  readonly url: string;
  /** How. */
  readonly webSocket: WebSocketFactory;
  /** Whether the token rides in the subprotocol instead of the first message. */
  readonly tokenInSubprotocol: boolean;
  /** What the server may call. */
  readonly offers: ReadonlyMap<string, Registered>;
  /** Told of what an offered function threw. */
  readonly onError: (error: unknown) => void;
}

/** How a connection ended. */
export interface AttemptEnd {
  /** The close code, or 1006 where none came. */
  readonly code: number;
  /** The reason of the close. */
  readonly reason: string;
  /** What to do now. */
  readonly advice: CloseAdvice;
  /** The server's bound for the wait. */
  readonly retryAfter: number | undefined;
  /** Whether WELCOME had come. */
  readonly welcomed: boolean;
}

/** What happens to an attempt. */
export interface AttemptEvents {
  /** The socket is open and HELLO is on its way: calls may be sent behind it. */
  opened(peer: Peer): void;
  /** WELCOME came. */
  welcomed(welcome: Welcome): void;
  /** The authentication now holds this long; `undefined` for no end. */
  expires(remaining: number | undefined): void;
  /** The server is going to close: new calls should wait for the next connection. */
  goodbye(): void;
  /** It is over. Called once. */
  ended(end: AttemptEnd): void;
}

/** One connection. */
export class Attempt {
  readonly #parts: AttemptParts;
  readonly #events: AttemptEvents;
  readonly #socket: WebSocketLike;
  readonly #token: string | undefined;
  #peer: Peer | undefined;
  #heartbeat: Heartbeat | undefined;
  #deadline: unknown;
  #retryAfter: number | undefined;
  #welcomed = false;
  #ended = false;

  /** Connects at once. */
  constructor(parts: AttemptParts, events: AttemptEvents, token: string | undefined) {
    this.#parts = parts;
    this.#events = events;
    this.#token = token;
    const inProtocol = token !== undefined && parts.tokenInSubprotocol;
    this.#socket = parts.webSocket(
      parts.url,
      inProtocol ? [SUBPROTOCOL, TOKEN_PROTOCOL + token] : [SUBPROTOCOL],
    );
    this.#listen(this.#socket);
    this.#deadline = parts.clock.setTimeout(
      () => this.#drop(CloseCode.ABNORMAL, "no welcome in time"),
      parts.limits.hello,
    );
  }

  /** Sends a new token; EXPIRES answers. */
  refresh(token: string): void {
    this.#peer?.send(() => writeToken(token));
  }

  /** Ends it from here. Calls in flight end with `error`. */
  close(error: CallError): void {
    this.#finish(error);
    closeQuietly(this.#socket, CloseCode.NORMAL, "");
  }

  /** Resolves when the socket has closed, or after `ms`: nobody waits for a server that does not answer. */
  closed(ms: number): Promise<void> {
    if (this.#socket.readyState === 3) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#parts.clock.setTimeout(resolve, ms);
      this.#socket.onclose = () => {
        this.#parts.clock.clearTimeout(timer);
        resolve();
      };
    });
  }

  #listen(socket: WebSocketLike): void {
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#open();
    socket.onmessage = ({ data }: { data: unknown }) => this.#receive(data);
    // Before it is open nothing more may come: Node 22's WebSocket that is refused tells an error and never closes.
    socket.onerror = () => {
      if (this.#peer === undefined) this.#drop(CloseCode.ABNORMAL, "the connection could not be made");
    };
    socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
      this.#end(code || CloseCode.ABNORMAL, reason);
  }

  #open(): void {
    if (this.#ended) return;
    const peer = this.#peer = this.#makePeer();
    const token = this.#parts.tokenInSubprotocol ? undefined : this.#token;
    peer.send(() => writeHello(undefined, 0, { token, limits: peerLimits(this.#parts.limits) }));
    this.#events.opened(peer);
    peer.outbox.flush();
  }

  #makePeer(): Peer {
    const { clock, limits, offers, onError } = this.#parts;
    return new Peer({
      role: "client",
      clock,
      transport: transportOf(this.#socket),
      limits,
      procedures: offers,
      connection: {
        id: "server",
        address: "",
        subject: undefined,
        close: (code, reason) => this.#drop(code ?? 1000, reason ?? ""),
      },
      context: () => ({}),
      offered: () => ({}),
      events: {
        welcome: ({ version, payload }) => this.#welcome(version, readWelcome(payload)),
        ping: () => this.#peer?.sendHeartbeat(Kind.PONG),
        goodbye: (code, retryAfter) => this.#goodbye(code, retryAfter),
        expires: (remaining) => this.#events.expires(remaining),
        fault: (error) => this.#fault(error),
        failed: (error) => onError(error),
      },
    });
  }

  #receive(data: unknown): void {
    const frame = frameOf(data);
    if (frame === undefined) return this.#fault(new ProtocolError("a text frame", 1003));
    this.#heartbeat?.heard(this.#parts.clock.now());
    this.#peer?.receive(frame);
  }

  #welcome(version: number, welcome: Welcome): void {
    if (version !== VERSION) {
      throw new ProtocolError(`Version ${version} is not spoken here`, CloseCode.VERSION);
    }
    const { clock } = this.#parts;
    clock.clearTimeout(this.#deadline);
    this.#welcomed = true;
    this.#heartbeat = new Heartbeat({
      clock,
      interval: Infinity,
      patience: welcome.heartbeat + welcome.grace,
      silent: () => this.#drop(CloseCode.SILENT, "nothing was received"),
    });
    this.#peer!.outbox.welcomed(welcome.limits);
    this.#events.welcomed(welcome);
  }

  #goodbye(code: number, retryAfter: number | undefined): void {
    this.#retryAfter = retryAfter;
    if (closeAdvice(code) !== "final") this.#events.goodbye();
  }

  #fault(error: ProtocolError): void {
    if (error.code === CloseCode.SERVER_FAULT) this.#parts.onError(error.cause ?? error);
    this.#drop(error.code, error.message);
  }

  /** Gives the connection up from here, for a reason that is told like one of the server's. */
  #drop(code: number, reason: string): void {
    this.#end(code, reason);
    closeQuietly(this.#socket, code, reason);
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    const advice = closeAdvice(code);
    const mayHaveRun = this.#welcomed || REFUSALS[code] === undefined;
    this.#finish(endError({ code, reason }, mayHaveRun));
    this.#events.ended({ code, reason, advice, retryAfter: this.#retryAfter, welcomed: this.#welcomed });
  }

  #finish(error: CallError): void {
    this.#ended = true;
    this.#parts.clock.clearTimeout(this.#deadline);
    this.#heartbeat?.stop();
    this.#peer?.end(error);
  }
}

/** How a server refuses a connection: before WELCOME, none of the calls behind HELLO ran. */
const REFUSALS: Readonly<Record<number, string>> = {
  [CloseCode.UNAUTHENTICATED]: "UNAUTHENTICATED",
  [CloseCode.FORBIDDEN]: "FORBIDDEN",
  [CloseCode.VERSION]: "DISCONNECTED",
  [CloseCode.HELLO_TIMEOUT]: "DISCONNECTED",
};

/** What calls end with after a close; `mayHaveRun` of a call that was never sent is `false`. */
export function endError(
  { code, reason }: { code: number; reason: string },
  mayHaveRun: boolean,
): CallError {
  const why = reason === ""
    ? `The connection closed (${code})`
    : `The connection closed (${code}: ${reason})`;
  return new CallError(REFUSALS[code] ?? "DISCONNECTED", why, { ambiguous: mayHaveRun });
}
