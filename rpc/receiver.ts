/**
 * What all incoming streams share: numbers, the credit they grant, and how they end.
 *
 * @module
 */
import type { CallError } from "./errors.ts";
import { ProtocolError } from "./protocol_error.ts";
import { LEAST_COST, type ToldOfStream } from "./sender.ts";

/** What a receiver needs of the connection. */
export interface ReceiverParts {
  /** The number of the stream. */
  readonly id: number;
  /** Bytes it may hold unread. */
  readonly window: number;
  /** Whether END and FAIL are acknowledged as one more unit: where the session is kept. */
  readonly acknowledgesEnd: boolean;
  /** Queues CREDIT for the end of this turn. */
  readonly creditDue: (receiver: Receiver) => void;
  /** Sends STOP. */
  readonly sendStop: (id: number) => void;
  /** Called when the stream has ended and nothing of it is held any more: its place is free. */
  readonly gone: (receiver: Receiver) => void;
}

/** One unit that arrived: the range is borrowed until the call returns, `keep` copies it where that saves memory. */
export interface Unit {
  /** The frame or message it came in. */
  readonly bytes: Uint8Array;
  /** Where its payload starts. */
  readonly start: number;
  /** Where its payload ends. */
  readonly end: number;
  /** Whether it came as a PIECE; what is no unit, such as the payload of a call, leaves it out. */
  readonly piece?: boolean;
}

/** The receiving half of one stream. */
export abstract class Receiver {
  /** The number of the stream. */
  readonly id: number;
  readonly #parts: ReceiverParts;
  #n = 0;
  #cost = 0;
  #consumed = 0;
  #ahead = 0;
  #limit: number;
  #ended = false;
  #stopped = false;

  /** Grants its whole window at once, which both sides know without a message. */
  constructor(parts: ReceiverParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#limit = parts.window;
  }

  /** Whether END or FAIL came, or the connection is gone. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether nobody here wants more. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Bytes held that nobody has read, as they are counted. */
  get held(): number {
    return this.#stopped ? 0 : this.#cost - this.#consumed;
  }

  /** What the other side is told when a connection carries on. */
  get told(): ToldOfStream {
    return { n: this.#n, limit: this.grant(), stopped: this.#stopped };
  }

  /** Whether somebody reads, or has begun to. */
  get isRead(): boolean {
    return true;
  }

  /** Units up to this one have arrived. */
  get arrived(): number {
    return this.#n;
  }

  /** The number to acknowledge with the next CREDIT. */
  get acknowledged(): number {
    return this.#ended && this.#parts.acknowledgesEnd ? this.#n + 1 : this.#n;
  }

  /** The limit to tell with the next CREDIT: what was read, or counts as that, and a window. It never goes back. */
  grant(): number {
    if (!this.#stopped) {
      this.#limit = Math.max(this.#limit, this.#earned);
    }
    return this.#limit;
  }

  /**
   * Counts a unit.
   *
   * @returns What it costs.
   * @throws {ProtocolError} If its number is not the next, or it exceeds the credit.
   */
  protected count(n: number, length: number): number {
    if (this.#ended) throw new ProtocolError(`Stream ${this.id} goes on after its end`);
    if (n !== this.#n + 1) {
      throw new ProtocolError(`Stream ${this.id} continues with ${n} instead of ${this.#n + 1}`);
    }
    if (this.#cost >= this.#limit) throw new ProtocolError(`Stream ${this.id} exceeds its credit`);
    this.#n = n;
    const cost = Math.max(LEAST_COST, length);
    this.#cost += cost;
    this.#parts.creditDue(this);
    return cost;
  }

  /** Counts what somebody has read; half a window of it is worth a CREDIT of its own. */
  protected consume(cost: number): void {
    this.#consumed += cost;
    if (this.#ended) return this.#goneWhenRead();
    if (this.#stopped) return;
    if (this.#earned - this.#limit >= this.#parts.window / 2) this.#parts.creditDue(this);
  }

  /** How much of what is held lets the sender go on as if it were read: the parts of an item that is not complete. */
  protected set ahead(cost: number) {
    this.#ahead = cost;
  }

  /**
   * END or FAIL arrived after `n` units.
   *
   * @throws {ProtocolError} If that is not how many came.
   */
  finish(n: number, error?: CallError): void {
    if (this.#ended) throw new ProtocolError(`Stream ${this.id} ends twice`);
    if (n !== this.#n) throw new ProtocolError(`Stream ${this.id} ends after ${n} instead of ${this.#n}`);
    this.#ended = true;
    if (this.#parts.acknowledgesEnd) this.#parts.creditDue(this);
    this.onEnd(error);
    this.#goneWhenRead();
  }

  /** The connection is gone. */
  drop(error: CallError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd(error);
  }

  /** Nobody here wants more: the sender is told, and what still comes is dropped. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.discard();
    if (this.#ended) this.#goneWhenRead();
    else this.#parts.sendStop(this.id);
  }

  /** Nobody wants more, and who reads gets `error` instead of an end. Does nothing when it is over. */
  abstract breakOff(error: CallError): void;

  /**
   * Takes one whole unit, an ITEM or a PIECE.
   *
   * @throws {ProtocolError} If it is of the other kind.
   */
  abstract unit(n: number, unit: Unit): void;

  /** Takes a part of a large item; `remaining` bytes of it follow. */
  abstract part(n: number, remaining: number, unit: Unit): void;

  /** No more will come, whether or not somebody still wants more. Called once. */
  protected abstract onEnd(error: CallError | undefined): void;

  /** Forgets what is held. */
  protected abstract discard(): void;

  get #earned(): number {
    return this.#consumed + this.#ahead + this.#parts.window;
  }

  #goneWhenRead(): void {
    if (this.held === 0) this.#parts.gone(this);
  }
}
