/**
 * One end of one connection: bytes in, bytes out, calls and streams between. It does no I/O and knows no runtime; the
 * server and the client give it a transport, a clock and what may be called.
 *
 * @module
 */
import { DecodeError } from "../msgpack/errors.ts";
import { Acknowledger, PromptAcknowledger } from "./acknowledger.ts";
import type { Assembly } from "./assembly.ts";
import { type AwaitingCode, CODE_NEEDED } from "./bulk_source.ts";
import type { Answering, CalledPeer } from "./callee_parts.ts";
import { Caller } from "./caller.ts";
import type { Clock } from "./clock.ts";
import { CloseCode } from "./close.ts";
import type { ChannelReader, Targets } from "./dispatch.ts";
import { CallError } from "./errors.ts";
import { Inbox, type InboxOwner } from "./inbox.ts";
import type { IncomingCall } from "./incoming_call.ts";
import { Kind } from "./kinds.ts";
import { DEFAULT_LIMITS, type Limits, type PeerLimits, peerLimits } from "./limits.ts";
import { writeReceived } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { type OutboxOwner, writeMessage } from "./outbox_parts.ts";
import type { Continuation, PeerEvents, PeerOwner, PeerParts } from "./peer_parts.ts";
import { NoStreams } from "./no_streams.ts";
import type { OutgoingCall } from "./outgoing_call.ts";
import { ProtocolError } from "./protocol_error.ts";
import { Replay } from "./replay.ts";
import type { Streams, StreamsOwner } from "./streams.ts";

/** One end of a connection. Its parts are made when they are first used: an idle connection has few of them. */
export class Peer implements Targets, InboxOwner, OutboxOwner, CalledPeer, StreamsOwner, AwaitingCode {
  /** What is sent. */
  readonly outbox: Outbox;
  /** Bounds of this side. */
  readonly limits: Limits;
  /** What happens: to the present connection. */
  events: PeerEvents;
  /** Who takes the messages of channels; unlike calls they belong to the present connection alone. */
  channels: ChannelReader | undefined;
  readonly #owner: PeerOwner;
  readonly #inbox: Inbox;
  readonly #acknowledger: Acknowledger;
  /** A client waits until its turn ends: an acknowledgement shares the frame with what the program does about what came. */
  readonly #answersAtOnce: boolean;
  #caller: Caller | undefined;
  #callee: Answering | undefined;
  /** See {@linkcode MayHaveStreams.madeStreams}. */
  madeStreams: Streams | undefined;
  #ended = false;

  /** Waits for frames. */
  constructor({ role, clock, transport, limits, events, owner }: PeerParts) {
    this.limits = limits;
    this.events = events;
    this.#owner = owner;
    this.#answersAtOnce = role === "server";
    this.#acknowledger = role === "server"
      ? new Acknowledger()
      : new PromptAcknowledger(clock, () => this.outbox.schedule());
    this.outbox = new Outbox({
      clock,
      transport,
      owner: this,
      peer: ASSUMED,
      welcomed: role === "server",
    });
    this.#inbox = new Inbox(this, role === "server" ? Kind.HELLO : Kind.WELCOME);
  }

  /** Time and chance. */
  get clock(): Clock {
    return this.outbox.clock;
  }

  /** See {@linkcode InboxOwner.now}. */
  get now(): number {
    return this.outbox.now;
  }

  /** What is called from here. */
  get caller(): Caller {
    return this.#caller ??= new Caller(this);
  }

  /** What is called here. */
  get callee(): Answering {
    return this.#callee ??= this.#owner.makeCallee(this);
  }

  /** All streams. */
  get streams(): Streams {
    if (this.madeStreams !== undefined) return this.madeStreams;
    const { code } = this.#owner.bulk;
    // It has the same members; what it cannot be is the class, whose code is not there.
    if (code === undefined) return new NoStreams(this.limits) as unknown as Streams;
    return this.madeStreams = new code.Streams(this);
  }

  /** Calls of both sides that have not ended. */
  get calls(): number {
    return (this.#callee?.inFlight ?? 0) + (this.#caller?.inFlight ?? 0);
  }

  /** Streams that have not ended. */
  get openStreams(): number {
    return this.madeStreams?.open ?? 0;
  }

  /** Highest sequence processed: what HELLO, WELCOME, PING and PONG tell. */
  get received(): number {
    return this.#inbox.received;
  }

  /** Units of streams that have come, END and FAIL among them: what HELLO and WELCOME tell. */
  get units(): number {
    return this.#inbox.units;
  }

  /** Whether nobody waits for anything of it: not for an answer, nor for a stream. */
  get isIdle(): boolean {
    return this.calls === 0 && (this.madeStreams === undefined || this.madeStreams.known === 0);
  }

  /** Bytes held here that came from the other side, or wait to go there. */
  get held(): number {
    const { outbox } = this;
    const units = (this.madeStreams?.held ?? 0) + (this.#callee?.held ?? 0);
    return units + this.#inbox.heldBytes + outbox.waiting + (outbox.replay?.held ?? 0);
  }

  /** Whether this end is over. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Takes one frame, which belongs to the peer from now on, as {@linkcode Inbox.receive} does. Nothing escapes: what goes wrong is a fault. */
  receive(frame: Uint8Array, now: number = this.now): void {
    if (this.#ended) return;
    if (this.#answersAtOnce) this.outbox.reading();
    const isKept = this.outbox.replay !== undefined; // not what comes with the HELLO that asks for it
    try {
      this.#inbox.receive(frame, now);
    } catch (error) {
      this.#broke(error);
    }
    if (
      isKept && this.outbox.replay !== undefined && this.#acknowledger.came(frame.length, this.received, now)
    ) {
      this.outbox.schedule();
    }
    if (this.#answersAtOnce) this.outbox.read(now);
  }

  /** From now on the session is kept over the loss of a connection: see {@linkcode Peer.detach}. */
  keepSession(): void {
    this.outbox.replay = new Replay(this.limits.replay);
  }

  /** The other side keeps no session. */
  forgetSession(): void {
    this.outbox.replay?.end();
    this.outbox.replay = undefined;
    this.madeStreams?.settle();
  }

  /** The connection is lost. Calls and streams go on without one, and wait for {@linkcode Peer.attach}, or for their end. */
  detach(): void {
    if (this.#ended) return;
    this.#acknowledger.stop();
    this.#inbox.forget();
    this.outbox.detach();
  }

  /** What waits to be answered, or read of our streams, becomes bytes: see {@linkcode Answering.detach}. */
  encodeWaiting(): void {
    for (const sender of this.madeStreams?.senders ?? []) sender.detach();
    this.#callee?.detach();
  }

  /**
   * Another connection carries on. What was lost is sent again; what the other side has lost comes again.
   *
   * @throws {ProtocolError} If the other side has what was never sent, or less than it had.
   */
  attach({ events, received, units, streams, ...by }: Continuation): void {
    if (received < (this.outbox.replay?.arrived ?? 0)) {
      throw new ProtocolError("A session has less than it had");
    }
    this.acknowledged(received);
    if (units > (this.outbox.replay?.units ?? 0)) {
      throw new ProtocolError("A session has what was never sent");
    }
    const stop = this.madeStreams === undefined && streams.size === 0
      ? undefined
      : this.streams.resume(streams, units);
    this.events = events;
    const hasUnit = (stream: number, n: number) => this.madeStreams?.hasUnit(stream, n) ?? true;
    this.#inbox.greeted();
    this.outbox.attach({ ...by, arrived: { received, hasUnit } });
    stop?.();
    this.#callee?.attach();
  }

  /** Ends a peer that has only read the greeting of a connection that another one goes on with. Gives what it kept. */
  handOver(): Uint8Array[] {
    const frames = this.#inbox.handOver();
    this.end(new CallError("DISCONNECTED"));
    return frames;
  }

  /** Frames are kept from now on, and the rest of the present one: `most` bytes, by default what is allowed before authentication. */
  hold(most?: number): void {
    this.#inbox.hold(most);
  }

  /** Whether frames were kept. */
  get holdsFrames(): boolean {
    return this.#inbox.holdsFrames;
  }

  /** Reads what was kept, and frames as they come. */
  resume(): void {
    if (this.#ended) return;
    try {
      this.#inbox.resume();
    } catch (error) {
      this.#broke(error);
    }
  }

  /** Sends a call, or settles it with what prevents that. `deadline` is on the clock of the connection. */
  call(call: OutgoingCall, deadline: number): void {
    if (this.#ended) return call.reject(new CallError("DISCONNECTED", undefined, { ambiguous: false }));
    this.caller.send(call, deadline);
  }

  /** A deadline on the clock of the connection: `timeout` ms from now, or `bound` where that is sooner. */
  deadlineAfter(timeout: number | undefined, bound: number = Infinity): number {
    return timeout === undefined ? bound : Math.min(bound, this.clock.now() + timeout);
  }

  /** Sends a message that carries no sequence; `write` is one of `messages.ts`. */
  send(write: () => void): void {
    if (!this.#ended) writeMessage(this.outbox, write);
  }

  /** Sends PING or PONG with what was processed. */
  sendHeartbeat(kind: typeof Kind.PING | typeof Kind.PONG): void {
    this.#acknowledger.told(this.received, this.now);
    this.send(() => writeReceived(kind, this.received));
  }

  /** The socket has room again. */
  drained(): void {
    this.outbox.flush();
  }

  /** The session is gone: everything that waits ends with `error`, but for calls that `again` takes. */
  end(error: CallError, again?: (call: OutgoingCall, deadline: number) => void): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#acknowledger.stop();
    this.#inbox.close();
    this.outbox.end();
    this.#callee?.end(error);
    this.#caller?.end(error, again);
    this.madeStreams?.end(error);
  }

  /** See {@linkcode CalledPeer.fault}. */
  fault(error: ProtocolError): void {
    if (!this.#ended) this.events.fault(error);
  }

  /** See {@linkcode Reporter.failed}. */
  failed(error: unknown, call: IncomingCall): void {
    this.events.failed(error, call);
  }

  /** See {@linkcode Targets.acknowledged}. */
  acknowledged(received: number): void {
    if (received > this.outbox.sequence) throw new ProtocolError("Acknowledges what was never sent");
    this.outbox.acknowledged(received);
  }

  /** See {@linkcode InboxOwner.acknowledgeSoon}. */
  acknowledgeSoon(): void {
    this.#acknowledger.soon();
    this.outbox.schedule();
  }

  /** See {@linkcode InboxOwner.makeAssembly}. */
  makeAssembly(): Assembly {
    const { code } = this.#owner.bulk;
    if (code === undefined) throw CODE_NEEDED;
    return new code.Assembly(this.limits.message);
  }

  /** See {@linkcode InboxOwner.awaitCode}. */
  awaitCode(): void {
    this.#owner.bulk.await(this);
  }

  /** See {@linkcode AwaitingCode.codeArrived}. */
  codeArrived(): void {
    if (this.#ended || !this.#inbox.holdsFrames) return;
    this.resume();
    this.acknowledgeSoon(); // nothing was acknowledged as it came
  }

  /** See {@linkcode AwaitingCode.codeFailed}. What was sent is not sent again: its answer would need the code again. */
  codeFailed({ code, message, cause }: CallError): void {
    if (this.#ended) return;
    const error = new CallError(code, message, { cause, ambiguous: true });
    this.end(error);
    this.events.fault(new ProtocolError(message, CloseCode.SERVER_FAULT, { cause: error }));
  }

  /** See {@linkcode CallerParts.postpone}. */
  postpone(call: OutgoingCall, deadline: number): void {
    this.#owner.bulk.postpone(call, deadline);
  }

  /** See {@linkcode OutboxOwner.patience}. */
  get patience(): number {
    return this.limits.heartbeat + this.limits.grace;
  }

  /** See {@linkcode OutboxOwner.stalled}. */
  stalled(): void {
    this.fault(new ProtocolError("nothing was acknowledged", CloseCode.TOO_SLOW));
  }

  /** See {@linkcode OutboxOwner.beforeFlush}. */
  beforeFlush(): void {
    const isDue = this.madeStreams !== undefined && this.madeStreams.isDue;
    if (this.#acknowledger.isDue || (this.outbox.replay !== undefined && this.#acknowledgementRides(isDue))) {
      this.#acknowledger.told(this.received, this.now);
      this.outbox.open();
      writeReceived(Kind.ACK, this.received);
      this.outbox.seal();
    }
    if (isDue) this.streams.writeDue();
  }

  #acknowledgementRides(withCredit: boolean): boolean {
    return (withCredit || this.outbox.hasFrame) && this.#acknowledger.rides(this.received, withCredit);
  }

  #broke(error: unknown): void {
    if (error instanceof ProtocolError) {
      // Too much before its code: by a session it comes again later. Without one it would come again because calls are sent again.
      if (error.code !== CloseCode.TOO_SLOW || this.outbox.replay !== undefined) return this.fault(error);
      return this.codeFailed(new CallError("UNAVAILABLE", error.message));
    }
    if (error instanceof DecodeError) return this.fault(new ProtocolError(error.message));
    this.fault(new ProtocolError("internal error", CloseCode.SERVER_FAULT, { cause: error }));
  }
}

/** What is assumed of the other side until HELLO or WELCOME tells: a client that does not know its server yet puts 64 messages into a frame. */
const ASSUMED: PeerLimits = { ...peerLimits(DEFAULT_LIMITS), messages: 64 };
