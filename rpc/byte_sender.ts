/**
 * Sends a `ReadableStream<Uint8Array>` in pieces, as credit, window and socket have room.
 *
 * @module
 */
import { CallError } from "./errors.ts";
import { writePiece } from "./messages.ts";
import type { BulkSource } from "./bulk.ts";
import { Sender, type SenderParts } from "./sender.ts";

/** The sending half of one stream of bytes. It holds one chunk of the source at a time, borrowed until it has left. */
export class ByteSender extends Sender implements BulkSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunk: Uint8Array | undefined;
  #offset = 0;
  #queued = false;
  #stopped = false;

  /**
   * Takes over `source`: from now on nobody else may read it.
   *
   * @throws {TypeError} If somebody else does.
   */
  constructor(parts: SenderParts, source: ReadableStream<Uint8Array>) {
    super(parts);
    if (source.locked) throw new TypeError("Cannot send a stream of bytes: it is being read elsewhere");
    this.#reader = source.getReader();
  }

  override get held(): number {
    return this.#chunk === undefined ? 0 : this.#chunk.length - this.#offset;
  }

  override detach(): void {}

  override start(): void {
    if (!this.#stopped) void this.#read();
  }

  override stop(reason: CallError = new CallError("CANCELLED", "The stream was stopped")): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#chunk = undefined;
    this.#reader.cancel(reason).catch(() => {}); // a source that fails while it is told to stop has nobody left to tell
    this.fail(reason);
  }

  /** Sends one piece of what is ready; see {@linkcode BulkSource}. */
  sendNext(piece: number): boolean {
    this.#queued = false;
    const chunk = this.#chunk;
    if (chunk === undefined || !this.hasCredit) return false;
    if (chunk.length === 0) { // its source has transferred it to somebody else
      this.#broken(new TypeError("Cannot send a chunk of bytes: it was detached"));
      return false;
    }
    // Half of a small limit leaves room for the header.
    const to = Math.min(
      chunk.length,
      this.#offset + Math.min(piece, Math.floor(this.outbox.peer.message / 2)),
    );
    this.outbox.open();
    writePiece(this.id, this.nextNumber, chunk.subarray(this.#offset, to));
    this.count(to - this.#offset);
    this.outbox.replay?.addsUnit(this.id, this.number);
    this.outbox.seal();
    this.#offset = to;
    if (to === chunk.length) {
      this.#chunk = undefined;
      void this.#read();
      return false;
    }
    this.#queued = this.hasCredit;
    return this.#queued;
  }

  protected override wake(): void {
    if (this.#chunk === undefined || this.#queued || !this.hasCredit) return;
    this.#queued = true;
    this.outbox.enqueue(this);
  }

  /** Reads the next chunk that is not empty, and sees to it that it leaves. */
  async #read(): Promise<void> {
    try {
      let chunk: Uint8Array | undefined;
      do {
        const { done, value } = await this.#reader.read();
        if (this.#stopped) return;
        if (done) return this.end();
        chunk = value;
        if (!(chunk instanceof Uint8Array)) {
          throw new TypeError("Cannot send a stream of anything but Uint8Array");
        }
      } while (chunk.length === 0);
      this.#chunk = chunk;
      this.#offset = 0;
      this.wake();
    } catch (error) {
      this.#broken(error);
    }
  }

  /** The source failed, or gave what cannot be sent. */
  #broken(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#chunk = undefined;
    this.#reader.cancel(error).catch(() => {});
    this.fail(new CallError("INTERNAL", "The stream of bytes failed at its sender", { cause: error }));
  }
}
