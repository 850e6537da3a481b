/**
 * The calls that this side makes on one connection.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { Deadlines, type Expiring } from "./deadlines.ts";
import { CallError, tellable } from "./errors.ts";
import type { ItemSender } from "./item_sender.ts";
import { Flag } from "./kinds.ts";
import { writeCallHead, writeCancel, writePayload } from "./messages.ts";
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
}

/** A call that waits for its answer, or for the end of its stream. */
interface Pending extends Expiring {
  readonly call: OutgoingCall;
  readonly items: ItemSender | undefined;
  /** Whether all of CALL has left: CANCEL must not overtake it. */
  sent: boolean;
  cancelled: boolean;
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
    return new CallError(code, undefined, { ...bits, declared: true, data: payload });
  }
  const { message, issues } = (typeof payload === "object" && payload !== null ? payload : {}) as Record<
    string,
    unknown
  >;
  const data = issues === undefined ? undefined : { issues };
  return new CallError(code, typeof message === "string" ? message : undefined, { ...bits, data });
}

/** The calling half of one connection. */
export class Caller {
  readonly #clock: Clock;
  readonly #outbox: Outbox;
  readonly #streams: Streams;
  readonly #pending = new Map<number, Pending>();
  readonly #numbers = new Map<string, number>();
  readonly #deadlines: Deadlines;
  #last = 0;

  /** Sends nothing yet. */
  constructor(parts: CallerParts) {
    this.#clock = parts.clock;
    this.#outbox = parts.outbox;
    this.#streams = parts.streams;
    this.#deadlines = new Deadlines(parts.clock);
  }

  /** Calls that wait for their end. */
  get inFlight(): number {
    return this.#pending.size;
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
      call.reject(error);
    }
  }

  /** NAME: how the peer wants a procedure to be called from now on. */
  name(number: number, name: string): void {
    // More names than any contract has are no announcement but a leak.
    if (this.#numbers.size < 65_536) this.#numbers.set(name, number);
  }

  /** RESULT. */
  result(id: number, unit: Unit): void {
    const pending = this.#take(id);
    if (pending === undefined) return this.#streams.discardNamed(unit);
    try {
      pending.call.resolve(this.#streams.decode(unit));
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      pending.call.reject(
        new CallError("BAD_MESSAGE", "The answer cannot be decoded", { ambiguous: true, cause: error }),
      );
    }
  }

  /** ERROR. */
  error(id: number, failure: Failure): void {
    this.#take(id)?.call.reject(asCallError(failure));
  }

  /** STREAM. The call is over when its stream is. */
  stream(id: number, stream: number): void {
    const receiver = this.#streams.receiveItems(stream);
    const pending = this.#pending.get(id);
    if (pending === undefined) {
      this.#check(id);
      return receiver.stop();
    }
    receiver.over = () => this.#take(id)?.call.over();
    pending.call.accept(receiver);
  }

  /** The connection is gone. */
  end(error: CallError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    this.#deadlines.end();
    for (const { call } of pending) {
      call.onCancel = undefined;
      call.reject(error);
      call.over();
    }
  }

  #write(call: OutgoingCall, deadline: number): void {
    const { method, input, items: given, itemCheck } = call.request;
    const items = given === undefined ? undefined : this.#streams.sendItems({
      iterator: given,
      validate: itemCheck,
      tell: (thrown) => tellable(thrown, undefined),
    });
    call.itemsTaken = true;
    const id = this.#last + 1;
    const pending = this.#entry(id, call, { deadline, items });
    const timeout = deadline === Infinity ? undefined : Math.max(0, Math.ceil(deadline - this.#clock.now()));
    const head = { method: this.#numbers.get(method) ?? method, options: { timeout, items: items?.id } };
    let start = nothing;
    try {
      start = this.#streams.withStreams((extension) => {
        this.#outbox.open();
        try {
          writeCallHead(this.#outbox.nextSequence, id, head);
          writePayload(input, extension);
        } catch (error) {
          this.#outbox.abandon();
          throw error;
        }
        this.#outbox.sealReliable(() => this.#sent(pending, id, () => start()));
      });
    } catch (error) {
      if (items !== undefined) this.#streams.withdraw(items);
      throw error;
    }
    this.#last = id;
    if (pending.sent) start();
    this.#pending.set(id, pending);
    this.#deadlines.add(pending);
    call.onCancel = (error) => this.#cancel(id, error);
  }

  #entry(id: number, call: OutgoingCall, at: { deadline: number; items: ItemSender | undefined }): Pending {
    const expire = () => this.#cancel(id, new CallError("DEADLINE"));
    return { call, items: at.items, deadline: at.deadline, sent: false, cancelled: false, expire };
  }

  /** All of CALL has left: what it names may follow. */
  #sent(pending: Pending, id: number, startBytes: () => void): void {
    pending.sent = true;
    if (pending.cancelled) return this.#sendCancel(id);
    pending.items?.start();
    startBytes();
  }

  #cancel(id: number, error: CallError): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (pending.call.settled) return pending.call.breakOff(error); // a stream: STOP ends the call on the other side too
    this.#take(id);
    pending.cancelled = true;
    if (pending.sent) this.#sendCancel(id);
    pending.call.reject(error);
  }

  #sendCancel(id: number): void {
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
    this.#pending.delete(id);
    this.#deadlines.remove(pending);
    pending.call.onCancel = undefined;
    // The answer is final: what is still to be sent, nobody waits for.
    pending.items?.stop();
    return pending;
  }

  #check(id: number): void {
    if (id > this.#last || id === 0) throw new ProtocolError("An answer to a call that was never made");
  }
}

function nothing(): void {}
