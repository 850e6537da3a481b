/**
 * The calls that the other side makes on one connection: admitted, started in order, answered once.
 *
 * @module
 */
import { Answers } from "./answers.ts";
import { CallBounds } from "./call_bounds.ts";
import { CallIds } from "./call_ids.ts";
import { CallError } from "./errors.ts";
import { type CallSurroundings, IncomingCall, type Received, type Registered } from "./incoming_call.ts";
import {
  isPromise,
  isStream,
  itemCheck,
  iteratorOf,
  notFound,
  settled,
  stopItems,
  undecodable,
} from "./pipeline.ts";
import { writeStream } from "./messages.ts";
import { afterRunning, invokeCall, type Invoking } from "./invoking.ts";
import { Encoded } from "./ledger.ts";
import { Names } from "./names.ts";
import type { Limits } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { isPlain, type PlainCallOwner, PlainCalls } from "./plain_calls.ts";
import { Pressure } from "./pressure.ts";
import { isProtocolError, ProtocolError } from "./protocol_error.ts";
import type { Unit } from "./receiver.ts";
import { told } from "./telling.ts";
import { WaitingCalls } from "./waiting_calls.ts";

/** What a callee needs of the connection. */
export interface CalleeParts extends Invoking {
  /** Bounds. */
  readonly limits: Limits;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** What may be called, by name. */
  readonly procedures: ReadonlyMap<string, Registered>;
  /** What calls share, but for what the callee adds. */
  readonly surroundings: Omit<CallSurroundings, "decode">;
  /** Told when the peer broke a rule: the connection ends. */
  readonly fault: (error: ProtocolError) => void;
}

/** Refused in a row before the peer is taken for one that does not listen. */
const MOST_REFUSED = 1024;

/** The answering half of one connection. */
export class Callee {
  /** Set while the connection drains: new calls are refused with it. */
  refuseWith: CallError | undefined;
  /** Called whenever a call has ended. */
  onEnd: (() => void) | undefined;
  readonly #parts: CalleeParts;
  readonly #surroundings: CallSurroundings;
  readonly #answers: Answers;
  readonly #calls = new Map<number, IncomingCall>();
  readonly #waiting = new WaitingCalls();
  readonly #ids = new CallIds();
  readonly #names: Names;
  readonly #bounds: CallBounds;
  readonly #pressure: Pressure;
  readonly #plain: PlainCalls;
  #running = 0;
  #orderedRunning = false;
  #refused = 0;
  #starting = false;
  #ended = false;

  /** Answers nothing yet. */
  constructor(parts: CalleeParts) {
    this.#parts = parts;
    this.#surroundings = { ...parts.surroundings, decode: (call) => this.#decode(call) };
    this.#answers = new Answers(parts.outbox, parts.streams);
    this.#plain = new PlainCalls({
      surroundings: this.#surroundings,
      answers: this.#answers,
      streams: parts.streams,
      owner: this.#plainCallOwner(),
    });
    this.#names = new Names(parts.outbox, parts.procedures);
    this.#bounds = new CallBounds(parts.surroundings.clock, parts.limits.callTimeout);
    this.#pressure = new Pressure(parts.surroundings.clock, parts.outbox, {
      limit: parts.limits.queue / 2,
      eased: () => this.#startNext(),
    });
  }

  /** Calls that wait or run. */
  get inFlight(): number {
    return this.#calls.size + (this.#plain.isRunning ? 1 : 0);
  }

  /** Bytes of the inputs of calls that wait. */
  get held(): number {
    return this.#waiting.held;
  }

  /** CALL. `method` is a name, or a number that was announced. */
  accept(method: string | number, received: Received): void {
    this.#ids.add(received.id);
    const registered = this.#names.find(method);
    const refusal = this.#refusal(registered);
    if (registered === undefined || refusal !== undefined) {
      this.#refuse(received, refusal ?? notFound());
    } else this.#admit(new IncomingCall(registered, this.#surroundings, received));
    if (this.#waiting.size > 0) this.#startNext(); // an ordered call may have waited for this id
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
    const { calls, concurrency } = this.#parts.limits;
    return this.refuseWith === undefined && this.#waiting.size === 0 && !this.#plain.isRunning &&
      this.#calls.size < calls && this.#running < concurrency && !this.#pressure.isHigh;
  }

  /** CANCEL. For a call that has ended it is late, and ignored; the id of a call that never left is used up by it. */
  cancel(id: number): void {
    if (id === 0) throw new ProtocolError("Calls are numbered from 1");
    const call = this.#calls.get(id);
    if (call !== undefined) return call.cancel();
    if (this.#ids.has(id)) return;
    this.#ids.add(id);
    this.#startNext();
  }

  /**
   * Answers every call that has not ended with `error`, and tells the handlers.
   *
   * @returns How many there were.
   */
  cut(error: CallError): number {
    this.#plain.register();
    const calls = [...this.#calls.values()];
    for (const call of calls) {
      this.#waiting.remove(call);
      call.brokenBy ??= error;
      if (call.sender !== undefined) call.sender.stop(error);
      else if (!call.answered) this.#answers.error(call.id, error);
      this.#finish(call);
      call.abort(error);
    }
    return calls.length;
  }

  #plainCallOwner(): PlainCallOwner {
    return {
      register: (call) => {
        this.#calls.set(call.id, call);
        call.holdsSlot = true;
        this.#running++;
      },
      ended: () => {
        this.#refused = 0;
        this.onEnd?.();
      },
      awaitAnswer: (call, later) => this.#awaitAnswer(call, later),
      answer: (call, value) => this.#answer(call, value),
      fail: (call, error) => this.#failStarted(call, error),
      failAnswer: (call, error) => this.#fail(call, afterRunning(error)),
    };
  }

  /** Another connection carries on: what waited for one is looked at, and names are told again. */
  attach(): void {
    this.#names.attach();
    this.#pressure.attach();
  }

  /** The connection is gone: handlers are told, and what they still answer goes nowhere. */
  end(error: CallError): void {
    this.#ended = true;
    this.#plain.register();
    for (const call of [...this.#calls.values()]) {
      // The reply of a keyed call is kept for whoever sends it again: it runs on, within its deadline.
      if (call.key !== undefined && call.started && this.#parts.keyed !== undefined) continue;
      this.#bounds.over(call);
      call.breakOff(error);
    }
    this.#pressure.end();
  }

  #refusal(registered: Registered | undefined): CallError | undefined {
    if (this.refuseWith !== undefined) return this.refuseWith;
    // Before the name is looked at: what exists and is not allowed must look like what does not exist.
    if (this.#calls.size < this.#parts.limits.calls) return registered === undefined ? notFound() : undefined;
    if (++this.#refused > MOST_REFUSED) throw new ProtocolError("Too many calls", 4531);
    return new CallError("RESOURCE_EXHAUSTED", "Too many calls are in flight; this one was not run");
  }

  #refuse(received: Received, error: CallError): void {
    this.#answers.error(received.id, error);
    this.#discardStreams(received, received.items, { items: true, input: true });
  }

  /** Streams that a call names and that nobody here has looked at: their senders are told to stop. */
  #discardStreams(unit: Unit, items: number | undefined, unread: { items: boolean; input: boolean }): void {
    const { streams, fault } = this.#parts;
    try {
      if (unread.items && items !== undefined) streams.receiveItems(items).stop();
      if (unread.input) streams.discardNamed(unit);
    } catch (error) {
      if (error instanceof ProtocolError) fault(error);
    }
  }

  #admit(call: IncomingCall): void {
    this.#calls.set(call.id, call);
    this.#bounds.arrived(call);
    // Calls that wait could not start when they were looked at last; only ordered ones can overtake each other now.
    const isNext = this.#waiting.size === 0 || (!this.#pressure.watching && !call.procedure.ordered);
    if (isNext && this.#mayStart(call)) return this.#start(call);
    call.onGivenUp = () => {
      this.#waiting.remove(call);
      this.#fail(call, call.brokenBy);
    };
    this.#bounds.waits(call);
    this.#waiting.add(call);
  }

  readonly #mayStart = (call: IncomingCall): boolean => {
    if (this.#running >= this.#parts.limits.concurrency || this.#pressure.isHigh) return false;
    return !call.procedure.ordered ||
      (!this.#orderedRunning && this.#ids.arrived >= call.id);
  };

  #startNext(): void {
    if (this.#starting || this.#waiting.size === 0 || this.#ended) return;
    this.#starting = true; // a call that ends at once comes back here: the loop goes on instead
    for (let call = this.#waiting.take(this.#mayStart); call; call = this.#waiting.take(this.#mayStart)) {
      this.#start(call);
    }
    this.#starting = false;
    if (this.#waiting.size > 0) this.#pressure.watch();
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
      given = invokeCall(call, this.#parts);
      isLater = isPromise(given);
    } catch (error) {
      return this.#failStarted(call, error);
    }
    if (isLater) this.#awaitAnswer(call, given as PromiseLike<unknown>);
    else this.#answer(call, given);
  }

  #failStarted(call: IncomingCall, error: unknown): void {
    if (isProtocolError(error)) this.#parts.fault(error);
    this.#fail(call, error);
  }

  #awaitAnswer(call: IncomingCall, later: PromiseLike<unknown>): void {
    if (!this.#ended) this.#bounds.goesOn(call);
    call.onExpired = () => this.#answerExpired(call);
    settled(later, (value) => this.#answer(call, value), (error) => this.#fail(call, error));
  }

  #decode(call: IncomingCall): unknown {
    try {
      return this.#parts.streams.decode(call, call);
    } catch (error) {
      throw undecodable(error);
    }
  }

  #answer(call: IncomingCall, value: unknown): void {
    if (this.#isOver(call) || call.brokenBy !== undefined) {
      this.#discard(call, value);
      return this.#fail(call, call.brokenBy);
    }
    if (this.#pressure.isHigh) {
      return this.#pressure.answerLater(() => this.#answer(call, value));
    }
    try {
      if (isStream(call.procedure, value)) return this.#stream(call, value);
      if (value instanceof Encoded) this.#answers.encodedResult(call.id, value.bytes, call.caused);
      else this.#answers.result(call.id, value, call.caused);
    } catch (error) {
      return this.#fail(call, afterRunning(error));
    }
    this.#finish(call);
  }

  #stream(call: IncomingCall, value: unknown): void {
    const { streams, outbox } = this.#parts;
    const { definition } = call.registered;
    const iterator = iteratorOf(value);
    try {
      call.sender = streams.sendItems({
        iterator,
        validate: itemCheck(definition),
        tell: (thrown) => told(call, thrown, this.#parts.onError),
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
    this.#startNext();
  }

  #freeSlot(call: IncomingCall): void {
    if (call.holdsSlot) this.#running--;
    call.holdsSlot = false;
  }

  /** The caller is told, and the call counts until its handler has ended. */
  #answerExpired(call: IncomingCall): void {
    if (this.#isOver(call) || call.sender !== undefined || call.answered) return;
    call.answered = true;
    this.#answers.error(call.id, call.brokenBy!);
  }

  /** What the handler gave comes too late: who makes it is told. */
  #discard(call: IncomingCall, value: unknown): void {
    try {
      if (isStream(call.procedure, value)) stopItems(iteratorOf(value));
      else this.#answers.discard(value);
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
    const error = told(call, call.brokenBy ?? thrown, this.#parts.onError);
    if (error instanceof Promise) error.then((later) => this.#answerError(call, later));
    else this.#answerError(call, error);
  }

  #answerError(call: IncomingCall, error: CallError): void {
    call.failed = true;
    if (!this.#isOver(call)) this.#answers.error(call.id, error, call.caused);
    this.#finish(call);
  }

  #finish(call: IncomingCall): void {
    if (!this.#calls.delete(call.id)) return;
    this.#freeSlot(call);
    if (call.started && call.procedure.ordered) this.#orderedRunning = false;
    this.#refused = 0;
    this.#bounds.over(call);
    if (!this.#ended) {
      call.release();
      this.#discardStreams(call, call.itemStream, { items: call.items === undefined, input: !call.decoded });
    }
    this.onEnd?.();
    this.#startNext();
  }
}
