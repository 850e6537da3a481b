/**
 * Byte streams in the values of a connection that has had no stream, as most idle ones have not: its `Streams` are made when a value names the first.
 *
 * @module
 */
import { decodeRange } from "../msgpack/decoder.ts";
import type { EncodeExtension } from "../msgpack/encoder.ts";
import { BYTE_STREAM_EXTENSION } from "./kinds.ts";
import type { Limits } from "./limits.ts";
import { writePayload } from "./messages.ts";
import { type NamedStreams, NO_STREAMS } from "./named_streams.ts";
import type { Claimant, Streams } from "./streams.ts";

/** A connection, or session, that may have streams. */
export interface MayHaveStreams {
  /** Its streams, made when they are asked for. */
  readonly streams: Streams;
  /** The same, if they were made. */
  readonly madeStreams: Streams | undefined;
  /** Bounds of this side. */
  readonly limits: Limits;
}

/** Whose value is written at this moment. Writing is synchronous, but a getter of the value may have something written for another connection. */
let writer: MayHaveStreams;

const writesFirst: EncodeExtension = (value) =>
  value instanceof ReadableStream ? writer.streams.extension(value) : undefined;

/** Writes a value as a payload, and registers the byte streams in it. Take them with {@linkcode takeWritten}, whether or not it was written to its end. */
export function writeValueOf(peer: MayHaveStreams, value: unknown): void {
  const made = peer.madeStreams;
  if (made !== undefined) return writePayload(value, made.extension);
  const before = writer;
  writer = peer;
  try {
    writePayload(value, writesFirst);
  } finally {
    writer = before;
  }
}

/** The streams that were registered, to be started or withdrawn. */
export function takeWritten({ madeStreams }: MayHaveStreams): NamedStreams {
  return madeStreams === undefined ? NO_STREAMS : madeStreams.takeWritten();
}

/** Thrown where a value names a stream, and caught here: it is read again by who can take that. */
const NAMES_ONE = new Error("A value names a stream");

function readsNone(type: number): undefined {
  if (type === BYTE_STREAM_EXTENSION) throw NAMES_ONE;
}

/** Decodes a payload as {@linkcode Streams.decodeAt} does. */
export function decodeFor(
  peer: MayHaveStreams,
  bytes: Uint8Array,
  start: number,
  end: number,
  claimant: Claimant,
): unknown {
  if (start === end) return undefined;
  if (peer.madeStreams !== undefined) return peer.madeStreams.decodeAt(bytes, start, end, claimant);
  try {
    return decodeRange(bytes, start, end, peer.limits, readsNone);
  } catch (error) {
    if (error !== NAMES_ONE) throw error;
    return peer.streams.decodeAt(bytes, start, end, claimant);
  }
}
