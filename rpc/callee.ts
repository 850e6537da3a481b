/**
 * The calls that the other side makes on one connection: admitted, started in order, answered once.
 *
 * @module
 */
import { Deadlines } from "./deadlines.ts";
import { CallError } from "./errors.ts";
import { type CallSurroundings, IncomingCall, type Received, type Registered } from "./incoming_call.ts";
import {
  asTold,
  givenItemCheck,
  invoke,
  isPromise,
  isStream,
  itemCheck,
  iteratorOf,
  notFound,
} from "./pipeline.ts";
import { writeError, writeName, writePayload, writeResultHead, writeStream } from "./messages.ts";
import type { Limits } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { ProtocolError } from "./protocol_error.ts";
import { keep } from "./receiver.ts";
import type { Streams } from "./streams.ts";

/** What a callee needs of the connection. */
export interface CalleeParts {
  /** Bounds. */
  readonly limits: Limits;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Streams of the connection. */
  readonly streams: Streams;
  /** What may be called, by name. */
  readonly procedures: ReadonlyMap<string, Registered>;
  /** What calls share. */
  readonly surroundings: CallSurroundings;
  /** Told of everything that callers are not: the cause behind an `INTERNAL`. */
  readonly onError: (error: unknown, call: IncomingCall) => void;
  /** Told when the peer broke a rule: the connection ends. */
  readonly fault: (error: ProtocolError) => void;
}

/** Refused in a row before the peer is taken for one that does not listen. */
const MOST_REFUSED = 1024;
/** How far ids may run ahead of the lowest that is missing: large calls arrive late. */
const MOST_AHEAD = 4096;

/** The answering half of one connection. */
export class Callee {
  /** Set while the connection drains: new calls are refused with it. */
  refuseWith: CallError | undefined;
  /** Called whenever a call has ended. */
  onEnd: (() => void) | undefined;
  readonly #parts: CalleeParts;
  readonly #calls = new Map<number, IncomingCall>();
  readonly #waiting: IncomingCall[] = [];
  readonly #ahead = new Set<number>();
  readonly #numbers: (Registered | undefined)[] = [];
  readonly #deadlines: Deadlines;
  #arrived = 0;
  #running = 0;
  #orderedRunning = false;
  #refused = 0;
  #starting = false;
  #watching = false;
  #ended = false;

  /** Answers nothing yet. */
  constructor(parts: CalleeParts) {
    this.#parts = parts;
    this.#deadlines = new Deadlines(parts.surroundings.clock);
  }

  /** Calls that wait or run. */
  get inFlight(): number {
    return this.#calls.size;
  }

  /** CALL. `method` is a name, or a number that was announced. */
  accept(method: string | number, received: Received): void {
    this.#checkId(received.id);
    const registered = this.#find(method);
    const refusal = this.#refusal(registered);
    if (registered === undefined || refusal !== undefined) {
      return this.#refuse(received, refusal ?? notFound());
    }
    const call = new IncomingCall(registered, received, this.#parts.surroundings);
    this.#calls.set(received.id, call);
    this.#bound(call);
    if (this.#waiting.length === 0 && this.#mayStart(call)) return this.#start(call);
    const bytes = keep(received.unit);
    call.received = { ...received, unit: { bytes, start: 0, end: bytes.length } };
    this.#waiting.push(call);
    this.#watch();
  }

  /** CANCEL. For a call that has ended it is late, and ignored. */
  cancel(id: number): void {
    this.#calls.get(id)?.breakOff(new CallError("CANCELLED"));
  }

  /**
   * Answers every call that has not ended with `error`, and tells the handlers.
   *
   * @returns How many there were.
   */
  cut(error: CallError): number {
    const calls = [...this.#calls.values()];
    this.#waiting.length = 0;
    for (const call of calls) {
      call.brokenBy ??= error;
      if (call.sender !== undefined) call.sender.stop(error);
      else this.#writeError(call.received.id, error);
      this.#finish(call);
      call.abort(error);
    }
    return calls.length;
  }

  /** The connection is gone: handlers are told, and what they still answer goes nowhere. */
  end(error: CallError): void {
    this.#ended = true;
    this.#waiting.length = 0;
    this.#deadlines.end();
    for (const call of [...this.#calls.values()]) {
      call.breakOff(error);
      if (!call.started) this.#calls.delete(call.received.id);
    }
  }

  /** Ids are 1, 2, 3…, each once; a large call may come after smaller ones that were made later. */
  #checkId(id: number): void {
    if (id <= this.#arrived || this.#ahead.has(id)) throw new ProtocolError(`Call ${id} is used again`);
    if (id > this.#arrived + MOST_AHEAD) throw new ProtocolError(`Call ${id} is too far ahead`);
    if (id !== this.#arrived + 1) return void this.#ahead.add(id);
    do this.#arrived++; while (this.#ahead.delete(this.#arrived + 1));
  }

  #find(method: string | number): Registered | undefined {
    if (typeof method === "string") return this.#announced(this.#parts.procedures.get(method));
    const registered = this.#numbers[method];
    if (registered === undefined) throw new ProtocolError(`Procedure ${method} was never announced`);
    return registered;
  }

  /** Tells the number of a procedure when it is called by its name for the first time. One that asks who may call it is told to nobody. */
  #announced(registered: Registered | undefined): Registered | undefined {
    if (registered === undefined || registered.definition.allow !== undefined) return registered;
    if (this.#numbers[registered.number] !== undefined) return registered;
    this.#numbers[registered.number] = registered;
    const { outbox } = this.#parts;
    outbox.open();
    writeName(registered.number, registered.name);
    outbox.seal();
    return registered;
  }

  #refusal(registered: Registered | undefined): CallError | undefined {
    if (this.refuseWith !== undefined) return this.refuseWith;
    if (registered === undefined) return notFound();
    if (this.#calls.size < this.#parts.limits.calls) return undefined;
    if (++this.#refused > MOST_REFUSED) throw new ProtocolError("Too many calls", 4531);
    return new CallError("RESOURCE_EXHAUSTED", "Too many calls are in flight; this one was not run");
  }

  #refuse({ id, unit, items }: Received, error: CallError): void {
    this.#parts.streams.discardNamed(unit);
    if (items !== undefined) this.#parts.streams.receiveItems(items).stop();
    this.#writeError(id, error);
  }

  #bound(call: IncomingCall): void {
    const { timeout } = call.registered.definition;
    const { clock } = call.surroundings;
    if (timeout !== undefined) call.deadline = Math.min(call.deadline, clock.now() + timeout);
    this.#deadlines.add(call);
  }

  #mayStart(call: IncomingCall): boolean {
    if (this.#running >= this.#parts.limits.concurrency || this.#isPressed()) return false;
    return !call.registered.definition.ordered ||
      (!this.#orderedRunning && this.#arrived >= call.received.id);
  }

  /** Whether so much waits to be sent that more answers would only make the queue longer. */
  #isPressed(): boolean {
    return this.#parts.outbox.waiting > this.#parts.limits.queue / 2;
  }

  #watch(): void {
    if (this.#watching || !this.#isPressed()) return;
    this.#watching = true;
    this.#parts.outbox.whenBelow(this.#parts.limits.queue / 2, () => {
      this.#watching = false;
      this.#startNext();
    });
  }

  #startNext(): void {
    if (this.#starting || this.#waiting.length === 0) return;
    this.#starting = true; // a call that ends at once comes back here: the loop goes on instead
    for (let i = 0; i < this.#waiting.length;) {
      const call = this.#waiting[i]!;
      if (!this.#mayStart(call)) {
        i++;
      } else {
        this.#waiting.splice(i, 1);
        this.#start(call);
        i = 0;
      }
    }
    this.#starting = false;
    if (this.#waiting.length > 0) this.#watch();
  }

  #start(call: IncomingCall): void {
    call.started = true;
    this.#running++;
    if (call.registered.definition.ordered) this.#orderedRunning = true;
    let given: unknown;
    try {
      given = this.#invoke(call);
    } catch (error) {
      if (error instanceof ProtocolError) this.#parts.fault(error);
      return this.#fail(call, error);
    }
    if (!isPromise(given)) return this.#answer(call, given);
    this.#boundRunning(call);
    given.then((value) => this.#answer(call, value), (error) => this.#fail(call, error));
  }

  #invoke(call: IncomingCall): unknown {
    if (call.brokenBy !== undefined) throw call.brokenBy;
    const { streams } = this.#parts;
    const { definition } = call.registered;
    const { items, unit } = call.received;
    if (items !== undefined) {
      call.items = streams.receiveItems(items);
      call.items.validate = givenItemCheck(definition);
    }
    return invoke({
      procedure: definition,
      input: this.#decode(call, unit),
      items: call.items,
      context: call.context(),
    });
  }

  #decode(call: IncomingCall, unit: Received["unit"]): unknown {
    try {
      return this.#parts.streams.decode(unit, call.named);
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      throw new CallError(
        "BAD_MESSAGE",
        error instanceof Error ? `The input cannot be decoded: ${error.message}` : undefined,
      );
    }
  }

  /** A handler that takes its time gets the default bound, unless its caller set one or streams belong to it. */
  #boundRunning(call: IncomingCall): void {
    const { callTimeout } = this.#parts.limits;
    const { definition } = call.registered;
    if (
      call.deadline !== Infinity || callTimeout === 0 || definition.shape !== "value" || call.named.length > 0
    ) return;
    call.deadline = call.surroundings.clock.now() + callTimeout;
    this.#deadlines.add(call);
  }

  #answer(call: IncomingCall, value: unknown): void {
    if (this.#ended || !this.#calls.has(call.received.id)) return this.#finish(call);
    if (call.brokenBy !== undefined) return this.#fail(call, call.brokenBy);
    try {
      if (isStream(call.registered.definition, value)) return this.#stream(call, value);
      this.#writeResult(call.received.id, value);
    } catch (error) {
      return this.#fail(call, error);
    }
    this.#finish(call);
  }

  #stream(call: IncomingCall, value: unknown): void {
    const { streams, outbox } = this.#parts;
    const { definition } = call.registered;
    const iterator = iteratorOf(value);
    const sender = call.sender = streams.sendItems({
      iterator,
      validate: itemCheck(definition),
      tell: (thrown) => this.#told(call, thrown),
      stopped: () => call.breakOff(new CallError("CANCELLED")),
      done: () => this.#finish(call),
    });
    outbox.open();
    writeStream(outbox.nextSequence, call.received.id, sender.id);
    outbox.sealReliable(() => sender.start());
  }

  #fail(call: IncomingCall, thrown: unknown): void {
    if (this.#ended || !this.#calls.has(call.received.id)) return this.#finish(call);
    const told = this.#told(call, call.brokenBy ?? thrown);
    if (told instanceof Promise) {
      told.then((error) => this.#answerError(call, error));
    } else {
      this.#answerError(call, told);
    }
  }

  #answerError(call: IncomingCall, error: CallError): void {
    if (!this.#ended && this.#calls.has(call.received.id)) this.#writeError(call.received.id, error);
    this.#finish(call);
  }

  /** What the caller is told; what it is not, the program is. */
  #told(call: IncomingCall, thrown: unknown): CallError | Promise<CallError> {
    if (thrown === call.brokenBy && call.brokenBy !== undefined) return call.brokenBy;
    if (thrown instanceof CallError && thrown.code === "BAD_MESSAGE") return thrown;
    const told = asTold(thrown, call.registered.definition);
    if (told instanceof Promise) return told.then((error) => this.#report(call, error));
    return this.#report(call, told);
  }

  #report(call: IncomingCall, told: CallError): CallError {
    if (told.cause === undefined || told.code !== "INTERNAL") return told;
    this.#parts.onError(told.cause, call);
    return new CallError("INTERNAL");
  }

  #finish(call: IncomingCall): void {
    if (!this.#calls.delete(call.received.id)) return;
    if (call.started) this.#running--;
    this.#refused = 0;
    if (call.registered.definition.ordered) this.#orderedRunning = false;
    this.#deadlines.remove(call);
    if (!this.#ended) call.release();
    this.onEnd?.();
    if (!this.#ended) this.#startNext();
  }

  #writeResult(id: number, value: unknown): void {
    const { outbox, streams } = this.#parts;
    let start = nothing;
    let sent = false;
    start = streams.withStreams((extension) => {
      outbox.open();
      try {
        writeResultHead(outbox.nextSequence, id);
        writePayload(value, extension);
      } catch (error) {
        outbox.abandon();
        throw error;
      }
      outbox.sealReliable(() => {
        sent = true;
        start();
      });
    });
    if (sent) start();
  }

  #writeError(id: number, error: CallError): void {
    try {
      this.#tryWriteError(id, error);
    } catch (cause) {
      // Declared data that cannot be encoded, or is too large.
      this.#tryWriteError(id, new CallError("INTERNAL", undefined, { cause }));
    }
  }

  #tryWriteError(id: number, error: CallError): void {
    const { outbox } = this.#parts;
    outbox.open();
    try {
      writeError(outbox.nextSequence, id, error);
    } catch (reason) {
      outbox.abandon();
      throw reason;
    }
    outbox.sealReliable();
  }
}

function nothing(): void {}
