import { DecodeError } from "./errors.ts";
import { writeExtension } from "./writer.ts";

/** The extension type of a point in time: https://github.com/msgpack/msgpack/blob/master/spec.md#timestamp-extension-type */
export const timestampType = -1;

const farthest = 8_640_000_000_000_000; // ms from 1970 that a Date can hold, either way

const data = new DataView(new ArrayBuffer(12));
const dataBytes = new Uint8Array(data.buffer);

/** Writes `time`, whole milliseconds since 1970, in the shortest of the three forms. */
export function writeTimestamp(time: number): void {
  const seconds = Math.floor(time / 1000);
  const nanoseconds = (time - seconds * 1000) * 1_000_000;
  const high = Math.floor(seconds / 0x100000000);
  if (high < 0 || high > 3) { // not in 34 bits
    data.setUint32(0, nanoseconds);
    data.setInt32(4, high);
    data.setUint32(8, seconds);
    writeExtension(timestampType, dataBytes);
  } else if (nanoseconds === 0 && high === 0) {
    data.setUint32(0, seconds);
    writeExtension(timestampType, dataBytes.subarray(0, 4));
  } else {
    data.setUint32(0, nanoseconds * 4 + high);
    data.setUint32(4, seconds);
    writeExtension(timestampType, dataBytes.subarray(0, 8));
  }
}

/**
 * Reads a timestamp of `size` bytes at `at`; they are inside `bytes`.
 *
 * @throws {DecodeError} for another size, for what a Date cannot hold, and for a time finer than a millisecond:
 * rounding it would change the value in silence
 */
export function readTimestamp(bytes: Uint8Array, at: number, size: number): Date {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, size);
  let seconds: number;
  let nanoseconds = 0;
  if (size === 4) {
    seconds = view.getUint32(0);
  } else if (size === 8) {
    const high = view.getUint32(0);
    nanoseconds = high >>> 2;
    seconds = (high & 3) * 0x100000000 + view.getUint32(4);
  } else if (size === 12) {
    nanoseconds = view.getUint32(0);
    seconds = view.getInt32(4) * 0x100000000 + view.getUint32(8);
  } else {
    throw new DecodeError("a timestamp of a size that does not exist", at);
  }
  return toDate(seconds, nanoseconds, at);
}

function toDate(seconds: number, nanoseconds: number, at: number): Date {
  if (nanoseconds > 999_999_999) {
    throw new DecodeError("a timestamp of more than a second of nanoseconds", at);
  }
  const milliseconds = nanoseconds / 1_000_000;
  if (!Number.isInteger(milliseconds)) throw new DecodeError("a timestamp finer than a millisecond", at);
  const time = seconds * 1000 + milliseconds;
  if (Math.abs(time) > farthest) throw new DecodeError("a timestamp outside the range of a Date", at);
  return new Date(time);
}
