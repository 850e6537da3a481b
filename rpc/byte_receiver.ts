/**
 * Receives a stream of bytes as a `ReadableStream<Uint8Array>`.
 *
 * @module
 */
import { CallError } from "./errors.ts";
import { ProtocolError } from "./protocol_error.ts";
import { keep } from "./keep.ts";
import { Receiver, type ReceiverParts, type Unit } from "./receiver.ts";

/** A piece that nobody has asked for yet. */
interface Held {
  readonly bytes: Uint8Array;
  readonly cost: number;
}

/** The receiving half of one stream of bytes. Unread pieces wait here, up to its window. */
export class ByteReceiver extends Receiver {
  /** What the program reads. Its pieces are the reader's own; cancelling it tells the sender. */
  readonly readable: ReadableStream<Uint8Array>;
  readonly #pieces: Held[] = [];
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #wanted: (() => void) | undefined;
  #error: CallError | undefined;

  /** Makes the stream; nothing is read ahead of the program but the window. */
  constructor(parts: ReceiverParts) {
    super(parts);
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: () => this.stop(),
    }, { highWaterMark: 0 });
  }

  override get isRead(): boolean {
    return this.readable.locked;
  }

  override unit(n: number, unit: Unit): void {
    if (!unit.piece) throw new ProtocolError(`Stream ${this.id} carries bytes, not items`);
    const cost = this.count(n, unit.end - unit.start);
    if (this.stopped) return;
    this.#pieces.push({ bytes: keep(unit), cost });
    this.#deliver();
  }

  override part(): void {
    throw new ProtocolError(`Stream ${this.id} carries bytes, not items`);
  }

  override breakOff(error: CallError): void {
    if (this.stopped || this.ended) return;
    this.#error = error;
    this.stop();
  }

  protected override onEnd(error: CallError | undefined): void {
    if (this.stopped) return;
    this.#error = error;
    this.#deliver();
  }

  protected override discard(): void {
    this.#pieces.length = 0;
    // Does nothing where the program itself has cancelled; otherwise a reader would wait for ever.
    this.#controller!.error(this.#error ?? new CallError("CANCELLED", "The stream was stopped"));
    this.#wanted?.();
    this.#wanted = undefined;
  }

  #pull(): Promise<void> {
    return new Promise((resolve) => {
      this.#wanted = resolve;
      this.#deliver();
    });
  }

  /** Gives the reader that waits the next piece, or the end. */
  #deliver(): void {
    const wanted = this.#wanted;
    if (wanted === undefined) return;
    const piece = this.#pieces.shift();
    if (piece === undefined && !this.ended) return;
    this.#wanted = undefined;
    if (piece !== undefined) {
      this.#controller!.enqueue(piece.bytes);
      this.consume(piece.cost);
    } else if (this.#error === undefined) {
      this.#controller!.close();
    } else {
      this.#controller!.error(this.#error);
    }
    wanted();
  }
}
