/**
 * One call while it waits and runs here, and the context its handler gets.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import type { Clock } from "./clock.ts";
import type { CallerConnection } from "./context.ts";
import type { Expiring } from "./deadlines.ts";
import { CallError } from "./errors.ts";
import type { ItemReceiver } from "./item_receiver.ts";
import type { ItemSender } from "./item_sender.ts";
import type { Invocation } from "./pipeline.ts";
import type { ProcedureDefinition } from "./procedure.ts";
import type { Publisher } from "./publisher.ts";
import type { Receiver, Unit } from "./receiver.ts";

/** A procedure under its name and the number that connections may use for it. */
export interface Registered {
  /** The name on the wire. */
  readonly name: string;
  /** The number that NAME announces: 1 or more. */
  readonly number: number;
  /** What runs. */
  readonly definition: ProcedureDefinition;
}

/** What CALL says. */
export interface Received extends Unit {
  /** The caller's number for it. */
  readonly id: number;
  /** When it must be over, on the clock of the connection. */
  readonly deadline: number;
  /** The stream of the caller's items. */
  readonly items: number | undefined;
  /** Under which it runs once. */
  readonly key?: string | undefined;
}

/** What every call of one connection shares. */
export interface CallSurroundings {
  /** Time. */
  readonly clock: Clock;
  /** Calls what the other side offers, bounded by this call's deadline. */
  offered(call: IncomingCall): unknown;
  /** The connection. */
  readonly connection: CallerConnection;
  /** What `authenticate` gave; refreshed in place. */
  context(): object;
  /** The channels that handlers find, where there are any. */
  readonly channels?: Publisher | undefined;
  /**
   * Decodes the input of a call.
   *
   * @throws {CallError} `BAD_MESSAGE`.
   * @throws {ProtocolError} If a rule was broken inside it.
   */
  decode(call: IncomingCall): unknown;
}

/** So many byte streams of a call are remembered before those that are over are forgotten. */
const MOST_NAMED = 128;
const NONE: readonly Receiver[] = [];

/** A call that this side answers. It is its own input, undecoded: a range of the frame it came in. */
export class IncomingCall implements Expiring, Invocation, Unit {
  /** What is called. */
  readonly registered: Registered;
  /** What it takes from its connection. */
  readonly surroundings: CallSurroundings;
  /** The caller's number for it. */
  readonly id: number;
  /** When it must be over, on the clock of the connection. */
  deadline: number;
  /** The number of the stream of the caller's items. */
  readonly itemStream: number | undefined;
  /** Under which it runs once, whoever sends it again. */
  readonly key: string | undefined;
  /** What its input is in: the frame, until it has to wait; then a copy, or a view of a frame that it may pin. */
  bytes: Uint8Array;
  /** Where its input starts. */
  start: number;
  /** Where its input ends. */
  end: number;
  /** Bytes of its input, which its handler has once it runs. */
  size: number;
  /** The caller's items, once it runs. */
  items: ItemReceiver | undefined;
  /** The stream of its answer, once there is one. */
  sender: ItemSender | undefined;
  /** Whether its input was decoded. */
  decoded = false;
  /** Whether it ended in an error. */
  failed = false;
  /** Whether it is the one run of its key: its callers may leave, and it runs on until its {@linkcode bound}. */
  isKept = false;
  /** Whether what that run ended with is kept. */
  isSettled = false;
  /** When it is told to stop though it has a key: as its procedure says, or the server. */
  bound: number = Infinity;
  /** Set while it runs: called when its caller does not wait any more and it runs on. */
  onLeft: ((error: CallError) => void) | undefined;
  /** Set while it waits for its turn, or for the run of another, and when it outlives its session: called when it is broken off before it ends. */
  onGivenUp: (() => void) | undefined;
  /** Set while it runs: called when its deadline has passed, whatever its handler does. */
  onExpired: (() => void) | undefined;
  /** Whether its deadline is that of calls that wait, and ends when it starts. */
  isBoundToStart = false;
  /** Whether its caller has the answer already, while its handler goes on. */
  answered = false;
  /** Whether it counts among those that run at once. */
  holdsSlot = false;
  /** Where its handler has published, by the name of the channel: its caller is told before the answer. */
  caused: Map<string, Position> | undefined;
  /** Whether that was in more channels than are told: `caused` is empty then. */
  publishedTooWidely = false;
  /** Why it was broken off, if it was. */
  brokenBy: CallError | undefined;
  /** Whether it runs, or has run. */
  started = false;
  #controller: AbortController | undefined;
  #named: Receiver[] | undefined;

  /** Waits. */
  constructor(registered: Registered, surroundings: CallSurroundings, received: Received) {
    this.registered = registered;
    this.surroundings = surroundings;
    this.id = received.id;
    this.deadline = received.deadline;
    this.itemStream = received.items;
    this.key = received.key;
    this.bytes = received.bytes;
    this.start = received.start;
    this.end = received.end;
    this.size = received.end - received.start;
  }

  /** What runs. */
  get procedure(): ProcedureDefinition {
    return this.registered.definition;
  }

  /** Decodes its input. */
  input(): unknown {
    this.decoded = true;
    return this.surroundings.decode(this);
  }

  /** Aborts when the call is broken off. Made when somebody looks: most handlers never do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.brokenBy !== undefined) this.#controller.abort(this.brokenBy);
    }
    return this.#controller.signal;
  }

  /** When its handler is told to stop. */
  get until(): number {
    return this.isKept ? this.bound : this.deadline;
  }

  /** The handler is told to stop; the call counts until it has. */
  breakOff(error: CallError): void {
    if (this.brokenBy !== undefined) return;
    this.brokenBy = error;
    this.items?.breakOff(error);
    for (const receiver of this.#named ?? NONE) receiver.breakOff(error);
    this.sender?.stop(error);
    this.abort(error);
    this.onGivenUp?.();
  }

  /** The caller does not wait any more: because it says so, or because of a deadline that our timer has not come to yet. */
  cancel(): void {
    const isLate = this.deadline !== Infinity && this.deadline <= this.surroundings.clock.now();
    const error = new CallError(isLate ? "DEADLINE" : "CANCELLED");
    if (!this.#isLeft(error)) this.breakOff(error);
  }

  /** Whether there were byte streams in its input, or in its items. */
  get namesStreams(): boolean {
    return this.#named !== undefined;
  }

  /** Takes a byte stream of its input or its items, to break it off with the call. */
  claim(receiver: Receiver): void {
    if (this.#named === undefined) this.#named = [];
    else if (this.#named.length >= MOST_NAMED) this.#named = this.#named.filter(isUnread);
    this.#named.push(receiver);
  }

  /** Aborts the signal, if somebody looked at it. */
  abort(error: CallError): void {
    this.#controller?.abort(error);
  }

  /** The deadline has passed. The caller is told at once: a handler may never end. */
  expire(): void {
    const error = new CallError("DEADLINE", undefined, { ambiguous: this.started });
    if (this.#isLeft(error)) return;
    this.breakOff(error);
    this.onExpired?.();
  }

  /** Whether it runs on without its caller: somebody may send it again, and wants the value. */
  #isLeft(error: CallError): boolean {
    if (!this.isKept || this.bound <= this.surroundings.clock.now()) return false;
    if (!this.answered) this.onLeft?.(error);
    return true;
  }

  /**
   * Streams that the caller still sends and nobody reads are stopped. One that is being read goes on: it may be the answer,
   * unless that is an error.
   */
  release(): void {
    this.items?.stop();
    for (const receiver of this.#named ?? NONE) {
      if (this.failed || !receiver.isRead) receiver.stop();
    }
  }
}

function isUnread(receiver: Receiver): boolean {
  return !receiver.stopped && (!receiver.ended || receiver.held > 0);
}
