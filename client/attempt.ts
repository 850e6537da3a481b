/**
 * One connection of a client, from the opening of its socket to its end.
 *
 * @module
 */
import type { BulkSource } from "../rpc/bulk_source.ts";
import type { Greeting } from "../rpc/dispatch.ts";
import { type CloseAdvice, closeAdvice, CloseCode } from "../rpc/close.ts";
import type { Clock } from "../rpc/clock.ts";
import { CallError } from "../rpc/errors.ts";
import { readWelcome, type Welcome } from "../rpc/greeting.ts";
import { Heartbeat } from "../rpc/heartbeat.ts";
import { Kind, SUBPROTOCOL, TOKEN_PROTOCOL, VERSION } from "../rpc/kinds.ts";
import { type Limits, peerLimits } from "../rpc/limits.ts";
import { writeHello, writeToken } from "../rpc/messages.ts";
import { type CallRequest, OutgoingCall } from "../rpc/outgoing_call.ts";
import { Peer } from "../rpc/peer.ts";
import type { PeerEvents, PeerOwner } from "../rpc/peer_parts.ts";
import { ProtocolError } from "../rpc/protocol_error.ts";
import { Refusing } from "../rpc/refusing.ts";
import type { Offered } from "./offers.ts";
import type { Again, ClientSession } from "./session.ts";
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
  /** 16 random bytes: who publishes, over all connections of a client. */
  readonly producer: Uint8Array;
  /** Bytes that nobody can guess. */
  readonly randomBytes: (length: number) => Uint8Array;
  /** What the server may call, if anything: its code is there before there is a connection. */
  readonly offered: () => Offered | undefined;
  /** The code of streams and large messages. */
  readonly bulk: BulkSource;
  /** Told of what an offered function threw. */
  readonly onError: (error: unknown) => void;
  /** Takes calls that can go on by another connection. */
  readonly again: Again;
  /** The session that a new connection may carry on. */
  readonly session: () => ClientSession | undefined;
  /** Ends the present connection. */
  readonly drop: (code: number, reason: string) => void;
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
  /** The socket is open and HELLO is on its way, without a session: calls may be sent behind it. `session` is what it opens, if that is kept. */
  opened(peer: Peer, session: ClientSession | undefined): void;
  /** WELCOME came. `peer` is that of the session when it is resumed, else a new one. */
  welcomed(welcome: Welcome, peer: Peer, session: Uint8Array | undefined): void;
  /** The authentication now holds this long; `undefined` for no end. */
  expires(remaining: number | undefined): void;
  /** The server is going to close: new calls should wait for the next connection. */
  goodbye(): void;
  /** It is over. Called once. */
  ended(end: AttemptEnd): void;
}

/** Milliseconds that a server has to be heard in after a sleep: what it sent before is read at once. */
const SECOND_CHANCE = 250;
/** Milliseconds that a server has for a sign of life when it is in doubt, where another connection would carry on. */
const DOUBT = 2_500;
/** The same where calls would be lost with this one. */
const LAST_DOUBT = 5_000;
/** What nobody offers, and every server answers at once: NOT_FOUND. */
const SIGN: CallRequest = { method: "@sign", input: undefined, items: undefined, options: {} };

/** One connection. */
export class Attempt {
  readonly #parts: AttemptParts;
  readonly #events: AttemptEvents;
  readonly #socket: WebSocketLike;
  readonly #token: string | undefined;
  #peer: Peer | undefined;
  /** The session that HELLO has asked for. */
  #wanted: ClientSession | undefined;
  /** WELCOME of a session that goes on, until the frame that it came in was read. */
  #resumed: { readonly greeting: Greeting; readonly welcome: Welcome } | undefined;
  /** Whether another connection may carry on. */
  #isKept = false;
  #heartbeat: Heartbeat | undefined;
  #heardAt = 0;
  /** When WELCOME has to be there. */
  readonly #lateAt: number;
  /** Until WELCOME, and then while the connection is in doubt. */
  #deadline: unknown;
  /** The call for a sign, until it has ended. */
  #sign: OutgoingCall | undefined;
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
    this.#lateAt = parts.clock.now() + parts.limits.hello;
    this.#await(parts.limits.hello);
  }

  /** Whether HELLO has asked for a session, and WELCOME has not answered. */
  get isResuming(): boolean {
    return this.#wanted !== undefined && !this.#welcomed && !this.#ended;
  }

  /** The machine may have been asleep. */
  woke(): void {
    this.#heartbeat?.woke();
    this.#doubt();
  }

  /** A connection of another network is dead, or will be: it is given up at once where nothing is lost with it. */
  networkChanged(): void {
    if (this.#losesNothing) this.drop(CloseCode.ABNORMAL, "the network changed");
    else this.#doubt();
  }

  /** Sends a new token; EXPIRES answers. */
  refresh(token: string): void {
    this.#peer?.send(() => writeToken(token));
  }

  /** Ends it from here. Calls in flight end with `error`. */
  close(error: CallError): void {
    this.#isKept = false;
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

  /** Whether another connection carries on, or nothing was sent. */
  get #losesNothing(): boolean {
    return this.#isKept || this.isResuming || this.#peer === undefined;
  }

  /** Gives it up if nothing comes soon. What had come before is read at once, and is no sign. */
  #doubt(): void {
    if (this.#ended) return;
    const { clock } = this.#parts;
    const now = clock.now();
    const patience = this.#losesNothing ? DOUBT : LAST_DOUBT;
    if (this.#sign !== undefined) return; // it is asked already, and has no more time than that
    clock.clearTimeout(this.#deadline);
    if (!this.#welcomed) return this.#await(Math.min(patience, this.#lateAt - now));
    this.#deadline = clock.setTimeout(() => {
      this.#sign = undefined; // something else may have come: the next doubt asks anew
      if (this.#heardAt < now + SECOND_CHANCE) this.#silent();
    }, patience);
    const sign = this.#sign = new OutgoingCall(SIGN);
    void sign.result().then(({ error }) => {
      if (this.#sign !== sign) return;
      this.#sign = undefined;
      // Others may be of our own making, as RESOURCE_EXHAUSTED is: where all calls are taken, heartbeats have to do.
      if (error?.code === "NOT_FOUND" || error?.code === "RESOURCE_EXHAUSTED") {
        clock.clearTimeout(this.#deadline);
      }
    });
    this.#peer!.call(sign, Infinity);
  }

  #await(ms: number): void {
    const late = () => this.drop(CloseCode.ABNORMAL, "no welcome in time");
    this.#deadline = this.#parts.clock.setTimeout(late, ms);
  }

  #silent(): void {
    this.drop(CloseCode.SILENT, "nothing was received");
  }

  #listen(socket: WebSocketLike): void {
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#open();
    socket.onmessage = ({ data }: { data: unknown }) => this.#receive(data);
    // Before it is open nothing more may come: Node 22's WebSocket that is refused tells an error, never closes, and tells another one within each close() of it.
    socket.onerror = () => {
      if (!this.#ended && this.#peer === undefined) {
        this.drop(CloseCode.ABNORMAL, "the connection could not be made");
      }
    };
    socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
      this.#end(code || CloseCode.ABNORMAL, reason);
  }

  #open(): void {
    if (this.#ended) return;
    const peer = this.#peer = this.#makePeer();
    const { limits, producer, tokenInSubprotocol, session } = this.#parts;
    const resumable = limits.session > 0;
    const token = tokenInSubprotocol ? undefined : this.#token;
    const told = { token, limits: peerLimits(limits), producer, resumable };
    const wanted = this.#wanted = session();
    if (wanted === undefined) {
      const session = resumable ? this.#asksToKeep(peer) : undefined;
      peer.send(() => writeHello(undefined, 0, { ...told, opening: session?.id }));
      this.#events.opened(peer, session);
    } else {
      const { received, units, streams } = wanted.peer;
      peer.send(() => writeHello(wanted.id, received, { ...told, units, streams: streams.tell() }));
    }
    peer.outbox.flush();
  }

  /** The server may open the session and its WELCOME be lost: then another connection asks for it by a name of ours. */
  #asksToKeep(peer: Peer): ClientSession {
    peer.keepSession();
    this.#isKept = true;
    return { id: this.#parts.randomBytes(16), peer, window: this.#parts.limits.session };
  }

  #makePeer(): Peer {
    const { clock, limits, offered, bulk, drop } = this.#parts;
    const close = (code?: number, reason?: string) => drop(code ?? 1000, reason ?? "");
    const connection = { id: "server", address: "", subject: undefined, close };
    const makeCallee: PeerOwner["makeCallee"] = (peer) =>
      offered()?.callee({ clock, limits, connection }, peer) ?? new Refusing(peer);
    return new Peer({
      role: "client",
      clock,
      transport: transportOf(this.#socket),
      limits,
      owner: { makeCallee, bulk },
      events: this.#peerEvents(),
    });
  }

  #peerEvents(): PeerEvents {
    return {
      welcome: (greeting) => this.#welcome(greeting, readWelcome(greeting.payload)),
      ping: () => this.#peer?.sendHeartbeat(Kind.PONG),
      goodbye: (code, retryAfter) => this.#goodbye(code, retryAfter),
      expires: (remaining) => this.#events.expires(remaining),
      fault: (error) => this.#fault(error),
      failed: (error) => this.#parts.onError(error),
    };
  }

  #receive(data: unknown): void {
    if (this.#ended) return; // what still comes is for nobody: another connection may carry on
    const frame = frameOf(data);
    if (frame === undefined) return this.#fault(new ProtocolError("a text frame", 1003));
    this.#heardAt = this.#parts.clock.now();
    this.#heartbeat?.heard(this.#heardAt);
    this.#peer?.receive(frame);
    if (this.#resumed !== undefined) this.#carryOn(this.#resumed);
  }

  #welcome(greeting: Greeting, welcome: Welcome): void {
    const { version } = greeting;
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
      secondChance: SECOND_CHANCE,
    }, { silent: () => this.#silent() });
    if (welcome.resumed && this.#wanted !== undefined) {
      if (greeting.session === undefined) throw new ProtocolError("A session without an id");
      this.#resumed = { greeting, welcome };
      return this.#peer!.hold(Infinity);
    }
    const peer = this.#peer!;
    this.#isKept = welcome.window > 0 && this.#parts.limits.session > 0;
    if (!this.#isKept) peer.forgetSession();
    else if (this.#wanted !== undefined) peer.keepSession(); // this is another session, and it is to outlive its connection too
    peer.outbox.welcomed(welcome.limits);
    this.#events.welcomed(welcome, peer, this.#isKept ? greeting.session : undefined);
  }

  /** The peer of the session takes the place of the one that has read WELCOME. */
  #carryOn({ greeting, welcome }: { greeting: Greeting; welcome: Welcome }): void {
    this.#resumed = undefined;
    if (this.#ended) return;
    const frames = this.#peer!.handOver();
    const { peer } = this.#wanted!;
    if (peer.ended) return this.drop(CloseCode.ABNORMAL, "the session has ended");
    this.#peer = peer;
    this.#isKept = true;
    const { limits, units, streams } = welcome;
    const [transport, events] = [transportOf(this.#socket), this.#peerEvents()];
    try {
      peer.attach({ transport, events, peer: limits, received: greeting.received, units, streams });
    } catch (error) {
      return this.#fault(error as ProtocolError);
    }
    this.#events.welcomed(welcome, peer, greeting.session);
    for (const frame of frames) peer.receive(frame);
  }

  #goodbye(code: number, retryAfter: number | undefined): void {
    this.#retryAfter = retryAfter;
    this.#isKept = false; // a server that leaves keeps no session
    if (closeAdvice(code) !== "final") this.#events.goodbye();
  }

  /** A rule was broken: what the session is in is not known any more, but for a server that was slow. */
  #fault(error: ProtocolError): void {
    if (error.code !== CloseCode.TOO_SLOW) this.#isKept = false;
    if (error.code === CloseCode.SERVER_FAULT) this.#parts.onError(error.cause ?? error);
    this.drop(error.code, error.message);
  }

  /** Gives the connection up from here, for a reason that is told like one of the server's. */
  drop(code: number, reason: string): void {
    this.#end(code, reason);
    closeQuietly(this.#socket, code, reason);
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    const advice = closeAdvice(code);
    const mayHaveRun = this.#welcomed || REFUSALS[code] === undefined;
    if (advice !== "reconnect" || !mayHaveRun) this.#isKept = false;
    this.#finish(
      endError({ code, reason }, mayHaveRun),
      advice === "final" ? undefined : this.#parts.again,
    );
    this.#events.ended({ code, reason, advice, retryAfter: this.#retryAfter, welcomed: this.#welcomed });
  }

  #finish(error: CallError, again?: Again): void {
    this.#ended = true;
    this.#parts.clock.clearTimeout(this.#deadline);
    this.#heartbeat?.stop();
    if (this.#isKept) this.#peer?.detach();
    else this.#peer?.end(error, again);
    this.#peer = undefined;
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
