/**
 * One end of one connection: bytes in, bytes out, calls and streams between. It does no I/O and knows no runtime; the
 * server and the client give it a transport, a clock and what may be called.
 *
 * @module
 */
import { DecodeError } from "../msgpack/errors.ts";
import { Callee } from "./callee.ts";
import { Caller } from "./caller.ts";
import type { Clock } from "./clock.ts";
import { CloseCode } from "./close.ts";
import type { CallerConnection } from "./context.ts";
import type { ControlEvents } from "./dispatch.ts";
import { CallError } from "./errors.ts";
import { Inbox } from "./inbox.ts";
import type { IncomingCall, Registered } from "./incoming_call.ts";
import { Kind } from "./kinds.ts";
import { DEFAULT_LIMITS, type Limits, type PeerLimits, peerLimits } from "./limits.ts";
import { writeReceived } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import type { OutgoingCall } from "./outgoing_call.ts";
import { ProtocolError } from "./protocol_error.ts";
import { Streams } from "./streams.ts";
import type { Transport } from "./transport.ts";
import { type Turn, turnOf } from "./turn.ts";

/** What happens beside calls and streams. */
export interface PeerEvents extends ControlEvents {
  /** A rule was broken, or something of ours failed: the connection is to be closed with the error's code. */
  fault(error: ProtocolError): void;
  /** A handler failed for a reason that its caller is not told. */
  failed(error: unknown, call: IncomingCall): void;
}

/** What a peer is made of. */
export interface PeerParts {
  /** Which end this is. */
  readonly role: "server" | "client";
  /** Time and chance. */
  readonly clock: Clock;
  /** What carries frames. */
  readonly transport: Transport;
  /** Bounds of this side. */
  readonly limits: Limits;
  /** What the other side may call. */
  readonly procedures: ReadonlyMap<string, Registered>;
  /** What handlers see of the connection. */
  readonly connection: CallerConnection;
  /** What handlers get beside. */
  readonly context: () => object;
  /** What handlers get as `client`. */
  readonly offered: (call: IncomingCall) => unknown;
  /** What happens. */
  readonly events: PeerEvents;
}

/** One end of a connection. */
export class Peer {
  /** What is sent. */
  readonly outbox: Outbox;
  /** What is called from here. */
  readonly caller: Caller;
  /** What is called here. */
  readonly callee: Callee;
  /** All streams. */
  readonly streams: Streams;
  readonly #clock: Clock;
  readonly #events: PeerEvents;
  readonly #inbox: Inbox;
  readonly #turn: Turn;
  /** A client waits until its turn ends: an acknowledgement shares the frame with what the program does about what came. */
  readonly #answersAtOnce: boolean;
  #acknowledgeSoon = false;
  #ended = false;

  /** Waits for frames. */
  constructor(parts: PeerParts) {
    const { role, clock, transport, limits, events } = parts;
    this.#clock = clock;
    this.#events = events;
    this.#turn = turnOf(clock);
    this.#answersAtOnce = role === "server";
    this.outbox = new Outbox({
      clock,
      transport,
      owner: {
        beforeFlush: () => this.#beforeFlush(),
        stalled: () => this.#fault(new ProtocolError("nothing was acknowledged", CloseCode.TOO_SLOW)),
      },
      peer: assumedLimits(),
      patience: limits.heartbeat + limits.grace,
      welcomed: role === "server",
    });
    this.streams = new Streams(this.outbox, limits, (error) => this.#fault(error));
    this.caller = new Caller({ clock, outbox: this.outbox, streams: this.streams });
    this.callee = new Callee({
      limits,
      outbox: this.outbox,
      streams: this.streams,
      procedures: parts.procedures,
      surroundings: { clock, connection: parts.connection, context: parts.context, offered: parts.offered },
      onError: (error, call) => events.failed(error, call),
      fault: (error) => this.#fault(error),
    });
    const { caller, callee, streams } = this;
    const acknowledged = (received: number) => this.#acknowledged(received);
    this.#inbox = new Inbox({
      targets: { clock, limits, events, caller, callee, streams, acknowledged },
      first: role === "server" ? Kind.HELLO : Kind.WELCOME,
      acknowledgeSoon: () => {
        this.#acknowledgeSoon = true;
        this.outbox.schedule();
      },
    });
  }

  /** Highest sequence processed: what HELLO, WELCOME, PING and PONG tell. */
  get received(): number {
    return this.#inbox.received;
  }

  /** Bytes held here that came from the other side, or wait to go there. */
  get held(): number {
    return this.streams.held + this.callee.held + this.#inbox.heldBytes + this.outbox.waiting;
  }

  /** Whether this end is over. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Takes one frame. Nothing escapes: what goes wrong is a fault.
   *
   * @param frame Belongs to the peer from now on: values that handlers get are views of it.
   * @param now When it came, as {@linkcode Turn.now} tells.
   */
  receive(frame: Uint8Array, now: number = this.#turn.now()): void {
    if (this.#ended) return;
    if (this.#answersAtOnce) this.outbox.reading();
    try {
      this.#inbox.receive(frame, now);
    } catch (error) {
      this.#failed(error);
    }
    if (this.#answersAtOnce) this.outbox.read(now);
  }

  /** Frames are kept from now on, the rest of the present one too, until {@linkcode Peer.resume}. */
  hold(): void {
    this.#inbox.hold();
  }

  /** Reads what was kept, and frames as they come. */
  resume(): void {
    if (this.#ended) return;
    try {
      this.#inbox.resume();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Sends a call, or settles it with what prevents that. `deadline` is on the clock of the connection. */
  call(call: OutgoingCall, deadline: number): void {
    if (this.#ended) return call.reject(new CallError("DISCONNECTED", undefined, { ambiguous: false }));
    this.caller.send(call, deadline);
  }

  /** A deadline on the clock of the connection: `timeout` ms from now, or `bound` where that is sooner. */
  deadlineAfter(timeout: number | undefined, bound: number = Infinity): number {
    return timeout === undefined ? bound : Math.min(bound, this.#clock.now() + timeout);
  }

  /** Sends a message that carries no sequence; `write` is one of `messages.ts`. */
  send(write: () => void): void {
    if (this.#ended) return;
    this.outbox.open();
    write();
    this.outbox.seal();
  }

  /** Sends PING or PONG with what was processed. */
  sendHeartbeat(kind: typeof Kind.PING | typeof Kind.PONG): void {
    this.send(() => writeReceived(kind, this.received));
  }

  /** The socket has room again. */
  drained(): void {
    this.outbox.flush();
  }

  /** The connection is gone: everything that waits ends with `error`. */
  end(error: CallError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#inbox.close();
    this.outbox.end();
    this.callee.end(error);
    this.caller.end(error);
    this.streams.end(error);
  }

  #failed(error: unknown): void {
    if (error instanceof ProtocolError) return this.#fault(error);
    if (error instanceof DecodeError) return this.#fault(new ProtocolError(error.message));
    this.#fault(new ProtocolError("internal error", CloseCode.SERVER_FAULT, { cause: error }));
  }

  #fault(error: ProtocolError): void {
    if (!this.#ended) this.#events.fault(error);
  }

  #acknowledged(received: number): void {
    if (received > this.outbox.sequence) throw new ProtocolError("Acknowledges what was never sent");
    this.outbox.acknowledged(received);
  }

  #beforeFlush(): void {
    if (this.#acknowledgeSoon) {
      this.#acknowledgeSoon = false;
      this.outbox.open();
      writeReceived(Kind.ACK, this.received);
      this.outbox.seal();
    }
    this.streams.writeDue();
  }
}

/** Messages in a frame of a client that does not know the limits of its server yet. */
const MESSAGES_BEFORE_WELCOME = 64;

/** What is assumed of the other side until HELLO or WELCOME tells. */
function assumedLimits(): PeerLimits {
  return { ...peerLimits(DEFAULT_LIMITS), messages: MESSAGES_BEFORE_WELCOME };
}
