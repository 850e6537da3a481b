/**
 * The calls that do not end at once: written down, started in order, bounded in time, answered once. Made when the first such call comes;
 * most connections that are idle have never had one.
 *
 * @module
 */
import { answer, answerEncoded, answerError, discardAnswer } from "./answers.ts";
import { CallBounds } from "./call_bounds.ts";
import type { CalledPeer, CalleeParts } from "./callee_parts.ts";
import { CallError } from "./errors.ts";
import type { IncomingCall } from "./incoming_call.ts";
import { afterRunning, invokeCall } from "./invoking.ts";
import { Encoded } from "./kept_reply.ts";
import type { Limits } from "./limits.ts";
import { writeStream } from "./messages.ts";
import { isPromise, iteratorOf, stopItems } from "./iterating.ts";
import { isStream, itemCheck, settled } from "./pipeline.ts";
import { Pressure, type UnderPressure } from "./pressure.ts";
import { isProtocolError, ProtocolError } from "./protocol_error.ts";
import type { Unit } from "./receiver.ts";
import { told } from "./telling.ts";
import { WaitingCalls } from "./waiting_calls.ts";

/** Whose calls are written down. */
export interface BookOwner {
  /** All ids of calls up to this one have come. */
  readonly arrived: number;
  /** A call has ended. */
  ended(): void;
}

/** Calls that wait or run, but for a plain one that runs at this moment. */
export class CallBook implements UnderPressure {
  /** Calls that were refused for want of room since one has ended. */
  refused = 0;
  readonly #parts: CalleeParts;
  readonly #peer: CalledPeer;
  readonly #limits: Limits;
  readonly #owner: BookOwner;
  readonly #calls = new Map<number, IncomingCall>();
  readonly #waiting = new WaitingCalls();
  readonly #bounds: CallBounds;
  readonly #pressure: Pressure;
  #running = 0;
  #orderedRunning = false;
  #starting = false;
  /** All were cut: none starts any more. */
  #isCut = false;
  #ended = false;

  /** Nothing is written in it. */
  constructor(parts: CalleeParts, peer: CalledPeer, owner: BookOwner) {
    const { clock, limits } = parts;
    this.#parts = parts;
    this.#peer = peer;
    this.#limits = limits;
    this.#owner = owner;
    this.#bounds = new CallBounds(clock, limits.callTimeout);
    this.#pressure = new Pressure(clock, peer.outbox, { limit: limits.queue / 2, owner: this });
  }

  /** Calls that wait or run. */
  get size(): number {
    return this.#calls.size;
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Bytes of the inputs of calls that wait or run. */
  get held(): number {
    let held = 0;
    for (const { size } of this.#calls.values()) held += size;
    return held;
  }

  /** Whether one that ends at once may run without being written down. */
  get isFree(): boolean {
    const { calls, concurrency } = this.#limits;
    return this.#waiting.size === 0 && this.#calls.size < calls && this.#running < concurrency;
  }

  /** One that has not ended. */
  find(id: number): IncomingCall | undefined {
    return this.#calls.get(id);
  }

  /**
   * Answers every call that has not ended with `error`, and tells the handlers. What has not started never does, and is told so.
   *
   * @returns How many there were.
   */
  cut(error: CallError): number {
    this.#isCut = true;
    const notRun = new CallError(error.code, undefined, { ambiguous: false });
    const calls = [...this.#calls.values()];
    for (const call of calls) {
      const why = call.started ? error : notRun;
      this.#waiting.remove(call);
      call.brokenBy ??= why;
      if (call.sender !== undefined) call.sender.stop(why);
      else if (!call.answered) answerError(this.#peer.outbox, call.id, why);
      this.#finish(call);
      call.abort(why);
    }
    return calls.length;
  }

  /** A call that runs already is written down. */
  register(call: IncomingCall): void {
    this.#calls.set(call.id, call);
    call.holdsSlot = true;
    this.#running++;
  }

  /** What a handler gave cannot be sent. */
  failAnswer(call: IncomingCall, error: unknown): void {
    this.#fail(call, afterRunning(error));
  }

  /** The connection is lost: what waited to be encoded is, so that its bytes count. */
  detach(): void {
    this.#pressure.detach();
  }

  /** Another connection carries on: what waited for one is looked at. */
  attach(): void {
    this.#pressure.attach();
  }

  /** The connection is gone: handlers are told, and what they still answer goes nowhere. */
  end(error: CallError): void {
    this.#ended = true;
    for (const call of [...this.#calls.values()]) {
      // The reply of a keyed call is kept for whoever sends it again: it runs on, within its bound.
      if (call.isKept) {
        call.onGivenUp = () => this.#bounds.over(call);
        this.#parts.keyed!.outlive(call);
        continue;
      }
      this.#bounds.over(call);
      call.breakOff(error);
    }
    this.#pressure.end();
  }

  /** A call is to run: at once, or when it may. */
  admit(call: IncomingCall): void {
    this.#calls.set(call.id, call);
    this.#bounds.arrived(call);
    // Calls that wait could not start when they were looked at last; only ordered ones can overtake each other now.
    const isNext = this.#waiting.size === 0 || (!this.#pressure.watching && !call.procedure.ordered);
    if (isNext && this.mayStart(call)) return this.#start(call);
    call.onGivenUp = () => {
      this.#waiting.remove(call);
      this.#fail(call, call.brokenBy);
    };
    this.#bounds.waits(call);
    this.#waiting.add(call);
  }

  /** Whether a call that waits may start. */
  mayStart(call: IncomingCall): boolean {
    if (this.#running >= this.#limits.concurrency || this.#pressure.isHigh) return false;
    return !call.procedure.ordered ||
      (!this.#orderedRunning && this.#owner.arrived >= call.id);
  }

  /** It was high, and is low again. */
  eased(): void {
    this.startNext();
  }

  /** Starts what may start of those that wait. */
  startNext(): void {
    const waiting = this.#waiting;
    if (this.#starting || waiting.size === 0 || this.#isCut || this.#ended) return;
    this.#starting = true; // a call that ends at once comes back here: the loop goes on instead
    for (let call = waiting.take(this); call !== undefined; call = waiting.take(this)) this.#start(call);
    this.#starting = false;
    if (waiting.size > 0) this.#pressure.watch();
  }

  #start(call: IncomingCall): void {
    call.started = true;
    call.onGivenUp = undefined;
    this.#bounds.starts(call);
    // Those that carry a stream are bounded by the streams, and must not keep small calls from starting.
    call.holdsSlot = call.itemStream === undefined;
    if (call.holdsSlot) this.#running++;
    if (call.procedure.ordered) this.#orderedRunning = true;
    let given: unknown;
    let isLater: boolean;
    try {
      const { streams } = this.#peer;
      given = invokeCall(call, { streams, keyed: this.#parts.keyed, reporter: this.#peer });
      isLater = isPromise(given);
    } catch (error) {
      return this.fail(call, error);
    }
    if (isLater) this.awaitAnswer(call, given as PromiseLike<unknown>);
    else this.answer(call, given);
  }

  /** Its context, input, check or handler failed. */
  fail(call: IncomingCall, error: unknown): void {
    if (isProtocolError(error)) this.#peer.fault(error);
    this.#fail(call, error);
  }

  /** Its handler has given a promise. */
  awaitAnswer(call: IncomingCall, later: PromiseLike<unknown>): void {
    if (!this.#ended) this.#bounds.goesOn(call);
    call.onExpired = () => this.#answerExpired(call);
    call.onLeft = (error) => this.#leave(call, error);
    settled(later, (value) => this.answer(call, value), (error) => this.#fail(call, error));
  }

  /** Its handler has given this. */
  answer(call: IncomingCall, value: unknown): void {
    if (call.isKept && call.answered) return this.#finish(call); // its caller has left
    if (this.#isOver(call) || call.brokenBy !== undefined) {
      this.#discard(call, value);
      return this.#fail(call, call.brokenBy);
    }
    if (this.#pressure.holdsAnswers) {
      return this.#pressure.answerLater(() => this.answer(call, value));
    }
    try {
      if (isStream(call.procedure, value)) return this.#stream(call, value);
      if (value instanceof Encoded) answerEncoded(this.#peer.outbox, call.id, value.bytes, call.caused);
      else answer(this.#peer, call.id, value, call.caused);
    } catch (error) {
      return this.#fail(call, afterRunning(error));
    }
    this.#finish(call);
  }

  #stream(call: IncomingCall, value: unknown): void {
    const { streams, outbox } = this.#peer;
    const { definition } = call.registered;
    const iterator = iteratorOf(value);
    try {
      call.sender = streams.sendItems({
        iterator,
        validate: itemCheck(definition),
        tell: (thrown) => told(call, thrown, this.#peer),
        stopped: () => call.cancel(),
        done: () => this.#finish(call),
      });
    } catch (error) {
      stopItems(iterator);
      throw error;
    }
    outbox.open();
    writeStream(outbox.nextSequence, call.id, call.sender.id);
    outbox.sealReliable({ sent: () => call.sender!.start() });
    this.#freeSlot(call);
    this.startNext();
  }

  #freeSlot(call: IncomingCall): void {
    if (call.holdsSlot) this.#running--;
    call.holdsSlot = false;
  }

  /** The caller is told at once; the call runs on and counts until it has ended. */
  #leave(call: IncomingCall, error: CallError): void {
    call.answered = true;
    this.#bounds.runsOn(call);
    if (!this.#isOver(call)) answerError(this.#peer.outbox, call.id, error);
  }

  /** The caller is told, and the call counts until its handler has ended. */
  #answerExpired(call: IncomingCall): void {
    if (this.#isOver(call) || call.sender !== undefined || call.answered) return;
    call.answered = true;
    answerError(this.#peer.outbox, call.id, call.brokenBy!);
  }

  /** What the handler gave comes too late: who makes it is told. */
  #discard(call: IncomingCall, value: unknown): void {
    try {
      if (isStream(call.procedure, value)) stopItems(iteratorOf(value));
      else discardAnswer(this.#peer, value);
    } catch {
      // It is nothing that can be iterated, or is iterated elsewhere.
    }
  }

  /** Whether nobody waits for an answer any more. */
  #isOver(call: IncomingCall): boolean {
    return this.#ended || !this.#calls.has(call.id);
  }

  #fail(call: IncomingCall, thrown: unknown): void {
    if (this.#isOver(call) || call.answered) return this.#finish(call);
    const error = told(call, call.brokenBy ?? thrown, this.#peer);
    if (error instanceof Promise) error.then((later) => this.#answerError(call, later));
    else this.#answerError(call, error);
  }

  #answerError(call: IncomingCall, error: CallError): void {
    call.failed = true;
    if (!this.#isOver(call)) answerError(this.#peer.outbox, call.id, error, call.caused);
    this.#finish(call);
  }

  #finish(call: IncomingCall): void {
    if (!this.#calls.delete(call.id)) return;
    this.#freeSlot(call);
    if (call.started && call.procedure.ordered) this.#orderedRunning = false;
    this.#bounds.over(call);
    if (!this.#ended) {
      call.release();
      const items = call.items === undefined ? call.itemStream : undefined;
      discardStreams(this.#peer, { items, input: call.decoded ? undefined : call });
    }
    this.#owner.ended();
    this.startNext();
    this.#peer.outbox.kept?.();
  }
}

/** Streams that a call names and that nobody here has looked at, of items and in its input: their senders are told to stop. */
export function discardStreams(
  peer: CalledPeer,
  { items, input }: { items: number | undefined; input: Unit | undefined },
): void {
  try {
    if (items !== undefined) peer.streams.receiveItems(items).stop();
    if (input !== undefined) peer.streams.discardNamed(input);
  } catch (error) {
    if (error instanceof ProtocolError) peer.fault(error);
  }
}
