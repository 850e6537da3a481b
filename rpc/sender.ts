/**
 * What all outgoing streams share: numbers, credit, and what is on its way.
 *
 * @module
 */
import { CallError } from "./errors.ts";
import { writeEnd, writeFail } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import { ProtocolError } from "./protocol_error.ts";
import { InFlight } from "./window.ts";

/** Least cost of a unit, so that a million empty ones are not free. */
export const LEAST_COST = 64;

/** What a sender needs of the connection. */
export interface SenderParts {
  /** The number of the stream. */
  readonly id: number;
  /** Where units go. */
  readonly outbox: Outbox;
  /** Called once, when the stream has ended and everything was acknowledged, or nothing more will be. */
  readonly gone: (id: number) => void;
}

/** What the other side tells of a stream that it has not seen end, when a connection carries on. */
export interface ToldOfStream {
  /** Units up to this one have arrived. */
  readonly n: number;
  /** Its credit. */
  readonly limit: number;
  /** Whether it wants no more. */
  readonly stopped: boolean;
}

/** The sending half of one stream. */
export abstract class Sender {
  /** The number of the stream. */
  readonly id: number;
  /** Where units go. */
  protected readonly outbox: Outbox;
  readonly #gone: (id: number) => void;
  readonly #inFlight: InFlight;
  #n = 0;
  #acknowledged = 0;
  #cost = 0;
  #limit = 0;
  #ended = false;
  /** Which of all units that the session has sent END or FAIL was. */
  #endedAs = Infinity;

  /** Sends nothing yet. */
  constructor({ id, outbox, gone }: SenderParts) {
    this.id = id;
    this.outbox = outbox;
    this.#gone = gone;
    this.#inFlight = new InFlight(outbox.window);
  }

  /** Begins to send: the message that names the stream has left. */
  abstract start(): void;

  /** The receiver wants no more, or our own side does not: the source is told, and FAIL with `error` ends the stream. */
  abstract stop(error?: CallError): void;

  /** Bytes that it holds of its source. */
  abstract get held(): number;

  /** The connection is lost, and the session is kept: what it holds is encoded, so that its bytes count. */
  abstract detach(): void;

  /** There may be room again. */
  protected abstract wake(): void;

  /** Whether END or FAIL was sent, or can no longer be. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether credit allows another unit. The first is the peer's window, which WELCOME may tell after the stream was made. */
  protected get hasCredit(): boolean {
    return this.#cost < Math.max(this.#limit, this.outbox.peer.window);
  }

  /** The number of the last unit that left. */
  protected get number(): number {
    return this.#n;
  }

  /** The number of the next unit. */
  protected get nextNumber(): number {
    return this.#n + 1;
  }

  /** Counts a unit that leaves with this much payload. */
  protected count(length: number): void {
    const cost = Math.max(LEAST_COST, length);
    this.#n++;
    this.#cost += cost;
    this.#inFlight.sent(this.#n, cost, this.outbox.now);
  }

  /**
   * CREDIT arrived.
   *
   * @throws {ProtocolError} If it acknowledges what was never sent.
   */
  credit(n: number, limit: number): void {
    if (n > this.#lastNumber) throw new ProtocolError("Credit acknowledges what was never sent");
    this.#arrived(n);
    this.#limit = Math.max(this.#limit, limit);
    if (this.#ended) this.#leaveWhenAcknowledged();
    else this.wake();
  }

  /** Whether unit `n` has arrived at the other side, END and FAIL being one more. */
  hasArrived(n: number): boolean {
    return n <= this.#acknowledged;
  }

  /**
   * A connection carries on. `told` is what the other side says of the stream: nothing when it has seen it end, or has not read what
   * names it, which `units` decides, the number of all units that have come there.
   *
   * @throws {ProtocolError} If it has what was never sent, or less than it had.
   */
  resume(told: ToldOfStream | undefined, units: number): void {
    if (told !== undefined) {
      if (told.n < this.#acknowledged || told.n > this.#n) {
        throw new ProtocolError(`Stream ${this.id} cannot be at ${told.n}`);
      }
      this.credit(told.n, told.limit);
    } else if (this.#endedAs <= units) {
      this.#arrived(this.#lastNumber);
      this.#leaveWhenAcknowledged();
    }
    this.#inFlight.sentAgain(this.outbox.now);
  }

  /** Nothing is sent again on this connection: no END and no FAIL will be acknowledged. */
  settle(): void {
    if (this.#ended) this.#leaveWhenAcknowledged();
  }

  /** Sends END. */
  protected end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.outbox.open();
    writeEnd(this.id, this.#n);
    this.#sealEnd();
    this.#leaveWhenAcknowledged();
  }

  /** Sends FAIL. */
  protected fail(error: CallError): void {
    if (this.#ended) return;
    this.#ended = true;
    try {
      this.#writeFail(error);
    } catch {
      this.#writeFail(new CallError("INTERNAL")); // declared data that cannot be encoded
    }
    this.#leaveWhenAcknowledged();
  }

  /** The connection is gone: the source is told, and nothing is sent. */
  drop(): void {
    const wasEnded = this.#ended;
    this.#ended = true;
    this.#inFlight.release();
    if (!wasEnded) this.stop();
  }

  /** The message that names the stream does not leave: the number is not used, and the source is told. */
  withdraw(): void {
    this.drop();
    this.#gone(this.id);
  }

  #writeFail(error: CallError): void {
    this.outbox.open();
    try {
      writeFail(this.id, this.#n, error);
    } catch (reason) {
      this.outbox.abandon();
      throw reason;
    }
    this.#sealEnd();
  }

  #sealEnd(): void {
    const { replay } = this.outbox;
    replay?.addsUnit(this.id, this.#n + 1);
    this.outbox.seal();
    if (replay !== undefined) this.#endedAs = replay.units;
  }

  /** The highest number that can be acknowledged: END and FAIL are one where what was sent is kept for that. */
  get #lastNumber(): number {
    return this.#ended && this.outbox.replay !== undefined ? this.#n + 1 : this.#n;
  }

  #arrived(n: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, n);
    this.#inFlight.acknowledged(n, this.outbox.now);
    this.outbox.replay?.unitsArrived(this.id, n);
  }

  #leaveWhenAcknowledged(): void {
    if (this.#acknowledged >= this.#lastNumber) this.#gone(this.id);
  }
}
