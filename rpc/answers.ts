/**
 * Writes what ends calls: a value, or an error.
 *
 * @module
 */
import { CallError } from "./errors.ts";
import type { Position } from "./broker.ts";
import { causedMessages } from "./caused.ts";
import { type MayHaveStreams, takeWritten, writeValueOf } from "./first_stream.ts";
import { writeCaused, writeEncodedResult, writeError, writePayload, writeResultHead } from "./messages.ts";
import { NO_STREAMS } from "./named_streams.ts";
import type { Outbox } from "./outbox.ts";

type Caused = ReadonlyMap<string, Position>;

/** Where answers go. */
export interface AnsweringPeer extends MayHaveStreams {
  /** Where messages go. */
  readonly outbox: Outbox;
}

/**
 * Sends RESULT, and then the streams of bytes in the value.
 *
 * @param caused Where the handler has published: told before.
 * @throws {TypeError} If the value cannot be encoded.
 * @throws {CallError} If it is too large, or the peer accepts no more streams.
 */
export function answer(peer: AnsweringPeer, id: number, value: unknown, caused?: Caused): void {
  const { outbox } = peer;
  if (caused !== undefined) tellCaused(outbox, id, caused);
  outbox.open();
  try {
    writeResultHead(outbox.nextSequence, id);
    writeValueOf(peer, value);
  } catch (error) {
    outbox.abandon();
    takeWritten(peer).withdraw();
    throw error;
  }
  const named = takeWritten(peer);
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

/** Sends RESULT with a value that is encoded already; `caused` as for {@linkcode answer}. */
export function answerEncoded(outbox: Outbox, id: number, payload: Uint8Array, caused?: Caused): void {
  if (caused !== undefined) tellCaused(outbox, id, caused);
  outbox.open();
  writeEncodedResult(outbox.nextSequence, id, payload);
  outbox.sealReliable();
  outbox.answered();
}

/** Sends ERROR; `caused` as for {@linkcode answer}. */
export function answerError(outbox: Outbox, id: number, error: CallError, caused?: Caused): void {
  if (caused !== undefined) tellCaused(outbox, id, caused);
  try {
    sendError(outbox, id, error);
  } catch (cause) {
    // Declared data that cannot be encoded, or is too large.
    sendError(outbox, id, new CallError("INTERNAL", undefined, { cause }));
  }
}

/** A value that nobody waits for any more: the streams of bytes in it are cancelled. */
export function discardAnswer({ outbox, streams }: AnsweringPeer, value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  try {
    streams.withStreams((extension) => {
      outbox.open();
      try {
        writePayload(value, extension);
      } finally {
        outbox.abandon();
      }
      throw new CallError("CANCELLED");
    });
  } catch {
    // What was named has been withdrawn.
  }
}

function tellCaused(outbox: Outbox, id: number, caused: Caused): void {
  for (const message of causedMessages(caused)) {
    outbox.open();
    writeCaused(outbox.nextSequence, id, message);
    outbox.sealReliable();
  }
}

function sendError(outbox: Outbox, id: number, error: CallError): void {
  outbox.open();
  try {
    writeError(outbox.nextSequence, id, error);
  } catch (reason) {
    outbox.abandon();
    throw reason;
  }
  outbox.sealReliable();
  outbox.answered();
}
