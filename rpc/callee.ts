/**
 * The calls that the other side makes on one connection: admitted, started in order, answered once.
 *
 * @module
 */
import { answerError } from "./answers.ts";
import { type BookOwner, CallBook, discardStreams } from "./call_book.ts";
import type { Answering, CalledPeer, CalleeParts } from "./callee_parts.ts";
import { CallIds } from "./call_ids.ts";
import type { Clock } from "./clock.ts";
import type { CallerConnection } from "./context.ts";
import { CallError } from "./errors.ts";
import { decodeFor } from "./first_stream.ts";
import { type CallSurroundings, IncomingCall, type Received, type Registered } from "./incoming_call.ts";
import { Names } from "./names.ts";
import { notFound, undecodable } from "./pipeline.ts";
import { isPlain, type PlainCallOwner, PlainCalls } from "./plain_calls.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { Publisher } from "./publisher.ts";

/** Refused in a row before the peer is taken for one that does not listen. */
const MOST_REFUSED = 1024;

/** The answering half of one connection. */
export class Callee implements Answering, CallSurroundings, PlainCallOwner, BookOwner {
  /** Set while the connection drains: new calls are refused with it. */
  refuseWith: CallError | undefined;
  /** Called whenever a call has ended. */
  onEnd: (() => void) | undefined;
  readonly #parts: CalleeParts;
  readonly #peer: CalledPeer;
  readonly #ids = new CallIds();
  readonly #names: Names;
  readonly #plain: PlainCalls;
  /** Made for the first call that does not end at once. */
  #book: CallBook | undefined;

  /** Answers nothing yet. */
  constructor(parts: CalleeParts, peer: CalledPeer) {
    this.#parts = parts;
    this.#peer = peer;
    this.#names = new Names(peer.outbox, parts.procedures);
    this.#plain = new PlainCalls(this, peer);
  }

  /** See {@linkcode CallSurroundings.clock}. */
  get clock(): Clock {
    return this.#parts.clock;
  }

  /** See {@linkcode CallSurroundings.connection}. */
  get connection(): CallerConnection {
    return this.#parts.connection;
  }

  /** See {@linkcode CallSurroundings.channels}. */
  get channels(): Publisher | undefined {
    return this.#parts.channels;
  }

  /** See {@linkcode CallSurroundings.context}. */
  context(): object {
    return this.#parts.context();
  }

  /** See {@linkcode CallSurroundings.offered}. */
  offered(call: IncomingCall): unknown {
    return this.#parts.offered(call);
  }

  /** Calls that wait or run. */
  get inFlight(): number {
    return (this.#book?.size ?? 0) + (this.#plain.isRunning ? 1 : 0);
  }

  /** See {@linkcode Answering.held}. */
  get held(): number {
    return this.#book?.held ?? 0;
  }

  /** All ids of calls up to this one have come. */
  get arrived(): number {
    return this.#ids.arrived;
  }

  get #written(): CallBook {
    return this.#book ??= new CallBook(this.#parts, this.#peer, this);
  }

  /** CALL. `method` is a name, or a number that was announced. */
  accept(method: string | number, received: Received): void {
    this.#ids.add(received.id);
    const registered = this.#names.find(method);
    const refusal = this.#refusal(registered);
    if (registered === undefined || refusal !== undefined) {
      this.#refuse(received, refusal ?? notFound());
    } else if (isAlone(received) && isPlain(registered.definition) && this.#isFree) {
      this.#plain.run(registered, received.id, received.bytes, received.start, received.end);
    } else this.#written.admit(new IncomingCall(registered, this, received));
    this.#book?.startNext(); // an ordered call may have waited for this id
  }

  /**
   * A CALL without options, of a number that was announced, where nothing stands between it and its handler; it is run.
   *
   * @returns `false`, and nothing was done, when it is not like that: {@linkcode Callee.accept} takes it.
   */
  acceptPlain(number: number, id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const registered = this.#names.announced(number);
    if (registered === undefined || !isPlain(registered.definition) || !this.#isFree) return false;
    this.#ids.add(id);
    this.#plain.run(registered, id, bytes, start, end);
    return true;
  }

  /** Whether a call would start at once, whatever its id. */
  get #isFree(): boolean {
    const book = this.#book;
    return this.refuseWith === undefined && !this.#plain.isRunning && (book === undefined || book.isFree) &&
      !this.#peer.outbox.isOver(this.#parts.limits.queue / 2);
  }

  /** CANCEL. For a call that has ended it is late, and ignored; the id of a call that never left is used up by it. */
  cancel(id: number): void {
    if (id === 0) throw new ProtocolError("Calls are numbered from 1");
    const call = this.#book?.find(id);
    if (call !== undefined) return call.cancel();
    if (this.#ids.has(id)) return;
    this.#ids.add(id);
    this.#book?.startNext();
  }

  /**
   * Answers every call that has not ended with `error`, and tells the handlers.
   *
   * @returns How many there were.
   */
  cut(error: CallError): number {
    this.#plain.register();
    return this.#book?.cut(error) ?? 0;
  }

  /** See {@linkcode PlainCallOwner.ended}. */
  ended(): void {
    if (this.#book !== undefined) this.#book.refused = 0;
    this.onEnd?.();
  }

  /** See {@linkcode PlainCallOwner.register}. */
  register(call: IncomingCall): void {
    this.#written.register(call);
  }

  /** See {@linkcode PlainCallOwner.awaitAnswer}. */
  awaitAnswer(call: IncomingCall, later: PromiseLike<unknown>): void {
    this.#written.awaitAnswer(call, later);
  }

  /** See {@linkcode PlainCallOwner.answer}. */
  answer(call: IncomingCall, value: unknown): void {
    this.#written.answer(call, value);
  }

  /** See {@linkcode PlainCallOwner.fail}. */
  fail(call: IncomingCall, error: unknown): void {
    this.#written.fail(call, error);
  }

  /** See {@linkcode PlainCallOwner.failAnswer}. */
  failAnswer(call: IncomingCall, error: unknown): void {
    this.#written.failAnswer(call, error);
  }

  /** See {@linkcode CallSurroundings.decode}. */
  decode(call: IncomingCall): unknown {
    try {
      return decodeFor(this.#peer, call.bytes, call.start, call.end, call);
    } catch (error) {
      throw undecodable(error);
    }
  }

  /** See {@linkcode Answering.detach}. */
  detach(): void {
    this.#book?.detach();
  }

  /** Another connection carries on: what waited for one is looked at, and names are told again. */
  attach(): void {
    this.#names.attach();
    this.#book?.attach();
  }

  /** The connection is gone: handlers are told, and what they still answer goes nowhere. */
  end(error: CallError): void {
    this.#plain.register();
    this.#book?.end(error);
  }

  #refusal(registered: Registered | undefined): CallError | undefined {
    if (this.refuseWith !== undefined) return this.refuseWith;
    // Before the name is looked at: what exists and is not allowed must look like what does not exist.
    const book = this.#book;
    if (book === undefined || book.size < this.#parts.limits.calls) {
      return registered === undefined ? notFound() : undefined;
    }
    if (++book.refused > MOST_REFUSED) throw new ProtocolError("Too many calls", 4531);
    return new CallError("RESOURCE_EXHAUSTED", "Too many calls are in flight; this one was not run");
  }

  #refuse(received: Received, error: CallError): void {
    answerError(this.#peer.outbox, received.id, error);
    discardStreams(this.#peer, { items: received.items, input: received });
  }
}

/** Whether nothing but its input belongs to a call. */
function isAlone({ deadline, items, key }: Received): boolean {
  return deadline === Infinity && items === undefined && key === undefined;
}
