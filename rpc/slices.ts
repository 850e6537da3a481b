/**
 * Parts of a large message, each behind a header of its own: neither is copied for it.
 *
 * @module
 */
import { begin, end } from "../msgpack/encoder.ts";
import { HEADROOM } from "./buffers.ts";

/** A part of a message that we own, as it leaves. */
export interface Slice {
  /** The message; {@linkcode HEADROOM} bytes in front of it are ours too. */
  readonly message: Uint8Array;
  /** Where the part starts. */
  readonly from: number;
  /** Where it ends. */
  readonly to: number;
  /** Writes the header. */
  readonly writeHead: () => void;
  /** The sequence it carries; 0 for a unit of a stream. */
  readonly seq: number;
  /** The stream it is a unit of; 0 for none. */
  readonly stream: number;
  /** The number of the unit. */
  readonly n: number;
}

const header = new Uint8Array(HEADROOM);
const covered = new Uint8Array(HEADROOM);

/**
 * Gives `send` header and part, contiguous: the header stands for that long over the bytes in front of the part, which come back
 * afterwards, so that what lies there may be sent again.
 *
 * @param send Borrows the bytes until it returns.
 */
export function sendSlice(
  { message, from, to, writeHead }: Slice,
  send: (frame: Uint8Array) => void,
): void {
  begin(header, 0);
  writeHead();
  const size = end();
  const frame = new Uint8Array(message.buffer, message.byteOffset + from - size, size + to - from);
  covered.set(frame.subarray(0, size));
  frame.set(header.subarray(0, size));
  send(frame);
  frame.set(covered.subarray(0, size));
}
