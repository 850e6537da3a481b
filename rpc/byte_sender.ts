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
  readonly #source: ReadableStream<Uint8Array>;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #chunk: Uint8Array | undefined;
  #offset = 0;
  #queued = false;
  #stopped = false;

  /** Takes over `source`: nobody else may read it. */
  constructor(parts: SenderParts, source: ReadableStream<Uint8Array>) {
    super(parts);
    this.#source = source;
  }

  override start(): void {
    if (this.#stopped) return;
    try {
      this.#reader = this.#source.getReader();
    } catch (error) {
      return this.fail(
        new CallError("INTERNAL", "The stream of bytes is being read elsewhere", { cause: error }),
      );
    }
    void this.#read();
  }

  override stop(reason: CallError = new CallError("CANCELLED", "The stream was stopped")): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#chunk = undefined;
    const cancelled = this.#reader === undefined ? this.#cancelSource(reason) : this.#reader.cancel(reason);
    cancelled.catch(() => {}); // a source that fails while it is told to stop has nobody left to tell
    this.fail(reason);
  }

  /** Sends one piece of what is ready; see {@linkcode BulkSource}. */
  sendNext(piece: number): boolean {
    this.#queued = false;
    const chunk = this.#chunk;
    if (chunk === undefined || !this.hasCredit) return false;
    const to = Math.min(chunk.length, this.#offset + piece);
    this.outbox.open();
    writePiece(this.id, this.nextNumber, chunk.subarray(this.#offset, to));
    this.outbox.seal();
    this.count(to - this.#offset);
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

  #cancelSource(reason: unknown): Promise<void> {
    return this.#source.locked ? Promise.resolve() : this.#source.cancel(reason);
  }

  async #read(): Promise<void> {
    try {
      const { done, value } = await this.#reader!.read();
      if (this.#stopped) return;
      if (done) return this.end();
      if (!(value instanceof Uint8Array)) {
        throw new TypeError("Cannot send a stream of anything but Uint8Array");
      }
      if (value.length === 0) return await this.#read();
      this.#chunk = value;
      this.#offset = 0;
      this.wake();
    } catch (error) {
      if (this.#stopped) return;
      this.#stopped = true;
      this.#reader?.cancel(error).catch(() => {});
      this.fail(new CallError("INTERNAL", "The stream of bytes failed at its sender", { cause: error }));
    }
  }
}
