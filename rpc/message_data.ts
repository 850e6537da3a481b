/**
 * Messages of channels as they are stored and sent: the encoded value, or nothing for no value.
 *
 * @module
 */
import { decode } from "../msgpack/decoder.ts";
import { abort, begin, end, writeValue, written } from "../msgpack/encoder.ts";

const NOTHING = new Uint8Array(0);
/**
 * Smaller messages are copied out of one buffer for all; a larger one takes along the buffer that was made for it: 256 KiB in 50 µs on Deno, where a copy more
 * took 92 to 137. A text of 4 KiB wants room for three bytes a character: it should not have a buffer made for that.
 */
const SMALL = 16 * 1024;
let scratch: Uint8Array | undefined;

/**
 * The bytes of a message or a signal, the caller's own. They may stand in a buffer of up to twice their size.
 *
 * @throws {TypeError} If it cannot be encoded.
 */
export function encodeMessage(value: unknown): Uint8Array {
  if (value === undefined) return NOTHING;
  const target = scratch ?? new Uint8Array(SMALL);
  scratch = undefined; // an accessor of the value may come here
  begin(target, 0);
  try {
    writeValue(value);
  } catch (error) {
    abort();
    scratch = target;
    throw error;
  }
  const size = end();
  const buffer = written();
  scratch = target;
  return buffer === target || size * 2 < buffer.length ? buffer.slice(0, size) : buffer.subarray(0, size);
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
