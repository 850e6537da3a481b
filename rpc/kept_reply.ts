/**
 * How the ledger keeps a reply: the value or the error as it is told, and where the handler has published.
 *
 * @module
 */
import { decode } from "../msgpack/decoder.ts";
import { encode } from "../msgpack/encoder.ts";
import type { Position } from "./broker.ts";
import { CallError } from "./errors.ts";

/** Where a handler has published, by the name of the channel. */
export type Caused = Map<string, Position>;

/** A value in the form in which it travels. */
export class Encoded {
  /** The encoded value; nothing for `undefined`. */
  readonly bytes: Uint8Array;

  /** Wraps it. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** An error in the form in which the caller is told it: its data has passed its schema. */
export class ToldError {
  /** The error. */
  readonly error: CallError;

  /** Wraps it. */
  constructor(error: CallError) {
    this.error = error;
  }
}

const [VALUE, ERROR] = [0, 1];
/** What it is, and the length of what was caused. */
const HEAD = 5;
const NOTHING = new Uint8Array(0);

/** A reply as it is kept. */
export function keptReply(reply: Encoded | ToldError, caused: Caused | undefined): Uint8Array {
  const isValue = reply instanceof Encoded;
  const body = isValue ? reply.bytes : encodeError(reply.error);
  const beside = caused === undefined ? NOTHING : encodeCaused(caused);
  const all = new Uint8Array(HEAD + beside.length + body.length);
  all[0] = isValue ? VALUE : ERROR;
  new DataView(all.buffer).setUint32(1, beside.length);
  all.set(beside, HEAD);
  all.set(body, HEAD + beside.length);
  return all;
}

/** What {@linkcode keptReply} has kept. */
export function readReply(
  kept: Uint8Array,
): { readonly reply: Encoded | ToldError; readonly caused: Caused | undefined } {
  const start = HEAD + new DataView(kept.buffer, kept.byteOffset).getUint32(1);
  const body = kept.subarray(start);
  return {
    reply: kept[0] === VALUE ? new Encoded(body) : new ToldError(decodeError(body)),
    caused: start === HEAD ? undefined : decodeCaused(kept.subarray(HEAD, start)),
  };
}

function encodeCaused(caused: Caused): Uint8Array {
  return encode(
    [...caused].map(([channel, { epoch, offset, fingerprint }]) => [channel, epoch, offset, fingerprint]),
  );
}

function decodeCaused(bytes: Uint8Array): Caused {
  const told = decode(bytes) as [string, string, number, number][];
  return new Map(
    told.map(([channel, epoch, offset, fingerprint]) => [channel, { epoch, offset, fingerprint }]),
  );
}

function encodeError({ code, message, ambiguous, declared, data }: CallError): Uint8Array {
  const told = [code, message, ambiguous, declared];
  return encode(data === undefined ? told : [...told, data]);
}

function decodeError(bytes: Uint8Array): CallError {
  const [code, message, ambiguous, declared, data] = decode(bytes) as [
    string,
    string,
    boolean,
    boolean,
    unknown,
  ];
  return new CallError(code, message, { retryable: false, ambiguous, declared, data });
}
