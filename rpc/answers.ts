/**
 * Writes what ends calls: a value, or an error.
 *
 * @module
 */
import { CallError } from "./errors.ts";
import type { Position } from "./broker.ts";
import { causedMessages } from "./caused.ts";
import { writeCaused, writeEncodedResult, writeError, writePayload, writeResultHead } from "./messages.ts";
import { NO_STREAMS } from "./named_streams.ts";
import type { Outbox } from "./outbox.ts";
import type { Streams } from "./streams.ts";

type Caused = ReadonlyMap<string, Position>;

/** The answers of one connection. */
export class Answers {
  readonly #outbox: Outbox;
  readonly #streams: Streams;

  /** Sends through `outbox`. */
  constructor(outbox: Outbox, streams: Streams) {
    this.#outbox = outbox;
    this.#streams = streams;
  }

  /**
   * Sends RESULT, and then the streams of bytes in the value.
   *
   * @param caused Where the handler has published: told before.
   * @throws {TypeError} If the value cannot be encoded.
   * @throws {CallError} If it is too large, or the peer accepts no more streams.
   */
  result(id: number, value: unknown, caused?: Caused): void {
    if (caused !== undefined) this.#writeCaused(id, caused);
    const outbox = this.#outbox;
    const streams = this.#streams;
    outbox.open();
    try {
      writeResultHead(outbox.nextSequence, id);
      writePayload(value, streams.extension);
    } catch (error) {
      outbox.abandon();
      streams.takeWritten().withdraw();
      throw error;
    }
    const named = streams.takeWritten();
    try {
      outbox.sealReliable(
        named === NO_STREAMS ? undefined : { sent: () => named.start(), refused: () => named.withdraw() },
      );
    } catch (error) {
      named.withdraw();
      throw error;
    }
    outbox.answered();
  }

  /** Sends RESULT with a value that is encoded already; `caused` as for {@linkcode Answers.result}. */
  encodedResult(id: number, payload: Uint8Array, caused?: Caused): void {
    const outbox = this.#outbox;
    if (caused !== undefined) this.#writeCaused(id, caused);
    outbox.open();
    writeEncodedResult(outbox.nextSequence, id, payload);
    outbox.sealReliable();
    outbox.answered();
  }

  /** Sends ERROR; `caused` as for {@linkcode Answers.result}. */
  error(id: number, error: CallError, caused?: Caused): void {
    if (caused !== undefined) this.#writeCaused(id, caused);
    try {
      this.#writeError(id, error);
    } catch (cause) {
      // Declared data that cannot be encoded, or is too large.
      this.#writeError(id, new CallError("INTERNAL", undefined, { cause }));
    }
  }

  /** A value that nobody waits for any more: the streams of bytes in it are cancelled. */
  discard(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    try {
      this.#streams.withStreams((extension) => {
        this.#outbox.open();
        try {
          writePayload(value, extension);
        } finally {
          this.#outbox.abandon();
        }
        throw new CallError("CANCELLED");
      });
    } catch {
      // What was named has been withdrawn.
    }
  }

  #writeCaused(id: number, caused: Caused): void {
    for (const message of causedMessages(caused)) {
      this.#outbox.open();
      writeCaused(this.#outbox.nextSequence, id, message);
      this.#outbox.sealReliable();
    }
  }

  #writeError(id: number, error: CallError): void {
    this.#outbox.open();
    try {
      writeError(this.#outbox.nextSequence, id, error);
    } catch (reason) {
      this.#outbox.abandon();
      throw reason;
    }
    this.#outbox.sealReliable();
    this.#outbox.answered();
  }
}
