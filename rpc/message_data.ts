/**
 * Messages of channels as they are stored and sent: the encoded value, or nothing for no value.
 *
 * @module
 */
import { decode } from "../msgpack/decoder.ts";
import { encode } from "../msgpack/encoder.ts";

const NOTHING = new Uint8Array(0);

/**
 * The bytes of a message or a signal, the caller's own.
 *
 * @throws {TypeError} If it cannot be encoded.
 */
export function encodeMessage(value: unknown): Uint8Array {
  return value === undefined ? NOTHING : encode(value);
}

/**
 * The message in some bytes. Bytes in it are views of `data`: give a copy where they may be changed.
 *
 * @throws {DecodeError} If they are not one value within the limits.
 */
export function decodeMessage(
  data: Uint8Array,
  limits: { readonly depth?: number; readonly keys?: number } = {},
): unknown {
  return data.length === 0 ? undefined : decode(data, limits);
}
