/**
 * The calls that this side makes on one connection.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import { CODE_NEEDED } from "./bulk_source.ts";
import type { Clock } from "./clock.ts";
import { Deadlines, type Expiring } from "./deadlines.ts";
import { CallError, markReceived, tellable } from "./errors.ts";
import type { EncodeExtension } from "../msgpack/encoder.ts";
import type { ItemSender } from "./item_sender.ts";
import { Flag } from "./kinds.ts";
import { writeCallHead, writeCancel, writePayload } from "./messages.ts";
import { type NamedStreams, NO_STREAMS } from "./named_streams.ts";
import { isTooLong } from "./long_names.ts";
import type { Outbox } from "./outbox.ts";
import type { OutgoingCall } from "./outgoing_call.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { Unit } from "./receiver.ts";
import type { Streams } from "./streams.ts";

/** What a caller needs of the connection. */
export interface CallerParts {
  /** Time. */
  readonly clock: Clock;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Streams of the connection. */
  readonly streams: Streams;
  /** A call needs code that is not there: it is to be sent when it is. */
  postpone(call: OutgoingCall, deadline: number): void;
}

/** A call that waits for its answer, or for the end of its stream. */
interface Pending extends Expiring {
  readonly call: OutgoingCall;
  readonly items: ItemSender | undefined;
  /** The byte streams in its input. */
  named: NamedStreams;
  /** Whether all of CALL has left: nothing that belongs to it may overtake it. */
  sent: boolean;
  /** Why it was broken off from here, if it was. */
  broken: CallError | undefined;
}

/** What ERROR and FAIL say. */
export interface Failure {
  /** A stable code, or a declared name. */
  readonly code: string;
  /** {@linkcode Flag} bits. */
  readonly flags: number;
  /** The decoded payload. */
  readonly payload: unknown;
}

/** Makes the error that a peer told of. */
export function asCallError({ code, flags, payload }: Failure): CallError {
  const bits = { retryable: (flags & Flag.RETRYABLE) !== 0, ambiguous: (flags & Flag.AMBIGUOUS) !== 0 };
  if ((flags & Flag.DECLARED) !== 0) {
    return markReceived(new CallError(code, undefined, { ...bits, declared: true, data: payload }));
  }
  const { message, issues } = (typeof payload === "object" && payload !== null ? payload : {}) as Record<
    string,
    unknown
  >;
  const data = issues === undefined ? undefined : { issues };
  return markReceived(
    new CallError(code, typeof message === "string" ? message : undefined, { ...bits, data }),
  );
}

/** The calling half of one connection. */
export class Caller {
  readonly #clock: Clock;
  readonly #outbox: Outbox;
  readonly #parts: CallerParts;
  readonly #pending = new Map<number, Pending>();
  readonly #numbers = new Map<string, number>();
  #idempotent: Set<string> | undefined;
  readonly #deadlines: Deadlines;
  #last = 0;

  /** Sends nothing yet. */
  constructor(parts: CallerParts) {
    this.#clock = parts.clock;
    this.#outbox = parts.outbox;
    this.#parts = parts;
    this.#deadlines = new Deadlines(parts.clock);
  }

  /** Calls that wait for their end. */
  get inFlight(): number {
    return this.#pending.size;
  }

  /** Whether the peer has told a number for this name. */
  knows(name: string): boolean {
    return this.#numbers.has(name);
  }

  /** Whether the peer accepts another call. */
  get hasRoom(): boolean {
    return this.#pending.size < this.#outbox.peer.calls;
  }

  /**
   * Sends a call, or settles it with the error that prevents that.
   *
   * @param deadline When it has to be over, on the clock of the connection.
   */
  send(call: OutgoingCall, deadline: number): void {
    if (call.settled) return;
    if (!this.hasRoom) {
      return call.reject(
        new CallError("RESOURCE_EXHAUSTED", `Cannot call: ${this.#pending.size} calls are in flight`),
      );
    }
    try {
      this.#write(call, deadline);
    } catch (error) {
      if (error === CODE_NEEDED) this.#parts.postpone(call, deadline);
      else call.reject(error);
    }
  }

  /** NAME: how the peer wants a procedure to be called from now on, and whether it may be called again in silence. */
  name(number: number, name: string, idempotent: boolean): void {
    // More names than any contract has are no announcement but a leak.
    if (this.#numbers.size >= 65_536) return;
    this.#numbers.set(name, number);
    if (idempotent) (this.#idempotent ??= new Set()).add(name);
  }

  /** RESULT. It is decoded before the call is over: the code for a stream in it may be missing. */
  result(id: number, unit: Unit): void {
    const { streams } = this.#parts;
    if (!this.#pending.has(id)) {
      this.#check(id);
      return streams.discardNamed(unit);
    }
    let value: unknown;
    try {
      value = streams.decode(unit);
    } catch (error) {
      if (error === CODE_NEEDED) throw error;
      return this.#undecodable(id, error);
    }
    this.#take(id)?.call.resolve(value);
  }

  #undecodable(id: number, cause: unknown): void {
    const call = this.#take(id)?.call;
    if (cause instanceof ProtocolError) {
      call?.reject(new CallError("DISCONNECTED", undefined, { cause }));
      throw cause;
    }
    call?.reject(new CallError("BAD_MESSAGE", "The answer cannot be decoded", { ambiguous: true, cause }));
  }

  /** ERROR. */
  error(id: number, failure: Failure): void {
    this.#take(id)?.call.reject(asCallError(failure));
  }

  /** CAUSED: where the handler of a call has published, or a part of that. */
  caused(id: number, caused: ReadonlyMap<string, Position>): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return this.#check(id);
    const all = pending.call.caused ??= new Map();
    for (const [name, position] of caused) all.set(name, position);
  }

  /** STREAM. The call is over when its stream is. */
  stream(id: number, stream: number): void {
    const receiver = this.#parts.streams.receiveItems(stream);
    const pending = this.#pending.get(id);
    if (pending === undefined) {
      this.#check(id);
      return receiver.stop();
    }
    receiver.over = () => this.#take(id)?.call.over();
    pending.call.accept(receiver);
  }

  /** The session is gone. `again` takes the calls that another one may send: what was never sent, and what may run twice, or has a key. */
  end(error: CallError, again?: (call: OutgoingCall, deadline: number) => void): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    this.#deadlines.end();
    for (const one of pending) {
      const { call, sent, deadline } = one;
      call.onCancel = undefined;
      if (again !== undefined && this.#mayBeSentAgain(one)) {
        call.mayHaveRun ||= sent;
        again(call, deadline);
        continue;
      }
      // What has not left as a whole has not run.
      call.reject(sent ? error : new CallError(error.code, error.message, { ...error, ambiguous: false }));
      call.over();
    }
  }

  /** What belongs to a call beside its input cannot be sent a second time. */
  #mayBeSentAgain({ call, sent, items, named }: Pending): boolean {
    if (call.settled || items !== undefined || named !== NO_STREAMS) return false;
    const { method, options } = call.request;
    return !sent || options.key !== undefined || this.#idempotent?.has(method) === true;
  }

  #write(call: OutgoingCall, deadline: number): void {
    if (isTooLong(call.request.method)) throw new CallError("NOT_FOUND");
    const id = this.#last + 1;
    const pending = this.#entry(id, call, deadline);
    try {
      pending.named = this.#parts.streams.withStreams((extension) => this.#encode(id, pending, extension));
    } catch (error) {
      pending.items?.withdraw();
      throw error;
    }
    // Before it is sent, since its answer, or code of the program that makes its items, may come meanwhile.
    this.#last = id;
    this.#pending.set(id, pending);
    this.#deadlines.add(pending);
    call.onCancel = (error) => this.#cancel(id, error);
    try {
      this.#outbox.sealReliable({
        sent: () => this.#sent(id, pending),
        refused: (error) => this.#refused(id, pending, error),
      });
    } catch (error) {
      this.#withdraw(id, pending);
      this.#last = id - 1;
      throw error;
    }
  }

  #encode(id: number, { call, deadline, items }: Pending, extension: EncodeExtension): void {
    const { method, input, options: { key } } = call.request;
    const timeout = deadline === Infinity ? undefined : Math.max(0, Math.ceil(deadline - this.#clock.now()));
    const options = { timeout: timeout && Math.min(timeout, Number.MAX_SAFE_INTEGER), items: items?.id, key };
    this.#outbox.open();
    try {
      writeCallHead(this.#outbox.nextSequence, id, { method: this.#numbers.get(method) ?? method, options });
      writePayload(input, extension);
    } catch (error) {
      this.#outbox.abandon();
      throw error;
    }
  }

  #entry(id: number, call: OutgoingCall, deadline: number): Pending {
    const { items: iterator, itemCheck } = call.request;
    const items = iterator === undefined ? undefined : this.#parts.streams.sendItems({
      iterator,
      validate: itemCheck,
      tell: (thrown) => tellable(thrown, undefined),
      done: (error) => {
        if (error !== undefined) this.#cancel(id, failedItems(error));
      },
    });
    call.itemsTaken = true;
    const expire = () => this.#cancel(id, new CallError("DEADLINE"));
    return {
      call,
      items,
      deadline,
      named: NO_STREAMS,
      sent: false,
      broken: undefined,
      expire,
    };
  }

  /** All of CALL has left: what it names may follow it, or its CANCEL. */
  #sent(id: number, pending: Pending): void {
    pending.sent = true;
    if (pending.broken !== undefined) return this.#sendCancel(id, pending, pending.broken);
    pending.items?.start();
    pending.named.start();
  }

  /** CALL does not leave. Its id is used up all the same, since later ones have left. */
  #refused(id: number, pending: Pending, error: CallError | undefined): void {
    this.#withdraw(id, pending);
    const { message } = this.#outbox.peer;
    pending.call.reject(
      error ?? new CallError("TOO_LARGE", `Cannot call: the peer accepts messages of ${message} bytes`),
    );
    this.#writeCancel(id);
  }

  /** CALL does not leave, and neither does what it names. */
  #withdraw(id: number, pending: Pending): void {
    pending.items?.withdraw();
    pending.named.withdraw();
    this.#forget(id, pending);
  }

  #forget(id: number, pending: Pending): void {
    this.#pending.delete(id);
    this.#deadlines.remove(pending);
    pending.call.onCancel = undefined;
  }

  #cancel(id: number, error: CallError): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (pending.call.settled) return pending.call.breakOff(error); // a stream: STOP ends the call on the other side too
    pending.broken = error;
    this.#take(id);
    pending.call.reject(error);
    if (pending.sent) this.#sendCancel(id, pending, error);
  }

  /** CANCEL, and the end of everything that CALL named. */
  #sendCancel(id: number, { items, named }: Pending, error: CallError): void {
    this.#writeCancel(id);
    items?.stop(error);
    named.stop(error);
  }

  #writeCancel(id: number): void {
    this.#outbox.open();
    writeCancel(this.#outbox.nextSequence, id);
    this.#outbox.sealReliable();
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) {
      this.#check(id);
      return undefined;
    }
    this.#forget(id, pending);
    // The answer is final: items that are still to be sent, nobody waits for. Bytes may be: the answer may be made of them.
    if (pending.broken === undefined) pending.items?.stop();
    return pending;
  }

  #check(id: number): void {
    if (id > this.#last || id === 0) throw new ProtocolError("An answer to a call that was never made");
  }
}

function failedItems(thrown: unknown): CallError {
  if (thrown instanceof CallError) return thrown;
  return new CallError("CANCELLED", "The items of the call failed where they are made", { cause: thrown });
}
