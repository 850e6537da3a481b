/**
 * Messages that grow: a text or bytes to whose end pieces are added, without decoding either.
 *
 * @module
 */
import { begin, end, writeBinHeader, written } from "../msgpack/encoder.ts";

/** What can be added to an encoded message: `s` texts, `b` bytes, `o` nothing. */
export type Growth = "s" | "b" | "o";

/** What can be added to a message, as its first byte tells. */
export function growthOf(data: Uint8Array): Growth {
  const head = data[0];
  if (head === undefined) return "o";
  if ((head >= 0xa0 && head <= 0xbf) || (head >= 0xd9 && head <= 0xdb)) return "s";
  return head >= 0xc4 && head <= 0xc6 ? "b" : "o";
}

/**
 * One message of pieces, which are all texts or all bytes. A single one is given as it is; otherwise the bytes are new.
 *
 * @throws {TypeError} If they are of two kinds, or can have no pieces.
 */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (pieces.length === 1) return first!;
  const growth = first === undefined ? "o" : growthOf(first);
  if (growth === "o" || pieces.some((piece) => growthOf(piece) !== growth)) {
    throw new TypeError("Cannot join messages: they are neither all texts nor all bytes");
  }
  const bodies = pieces.map(bodyOf);
  const length = bodies.reduce((sum, body) => sum + body.length, 0);
  const head = growth === "s" ? textHead(length) : binHead(length);
  const whole = new Uint8Array(head.length + length);
  whole.set(head);
  let at = head.length;
  for (const body of bodies) {
    whole.set(body, at);
    at += body.length;
  }
  return whole;
}

function bodyOf(data: Uint8Array): Uint8Array {
  const head = data[0]!;
  if (head <= 0xbf) return data.subarray(1);
  return data.subarray(head === 0xd9 || head === 0xc4 ? 2 : head === 0xda || head === 0xc5 ? 3 : 5);
}

function binHead(length: number): Uint8Array {
  begin(new Uint8Array(8), 0);
  writeBinHeader(length);
  const size = end();
  return written().slice(0, size);
}

/** Heads of texts as the encoder writes them: the shortest that fits. */
function textHead(length: number): Uint8Array {
  if (length < 32) return Uint8Array.of(0xa0 | length);
  if (length < 0x100) return Uint8Array.of(0xd9, length);
  if (length < 0x1_0000) return Uint8Array.of(0xda, length >>> 8, length & 0xff);
  return Uint8Array.of(0xdb, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff);
}
