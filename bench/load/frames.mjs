// WebSocket frames as bytes. They carry the mask 0: the server unmasks as it always does, and the generator can send the
// same bytes again without masking them again.
import { Buffer } from "node:buffer";

/** Opcodes with FIN set. */
export const TEXT = 0x81;
export const BINARY = 0x82;
export const CLOSE = 0x88;
export const PING = 0x89;
export const PONG = 0x8a;

/** The bytes in front of a payload of `length` bytes, from a client. */
export function header(opcode, length) {
  const size = length < 126 ? 6 : length < 65_536 ? 8 : 14;
  const bytes = Buffer.alloc(size);
  bytes[0] = opcode;
  if (size === 6) {
    bytes[1] = 0x80 | length;
  } else if (size === 8) {
    bytes[1] = 0x80 | 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 0x80 | 127;
    bytes.writeUInt32BE(length, 6);
  }
  return bytes;
}

/** One whole frame. */
export function frame(opcode, payload) {
  return Buffer.concat([header(opcode, payload.length), payload]);
}
