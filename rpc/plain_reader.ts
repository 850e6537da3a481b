/**
 * Reads the CALL that most frames begin with in one go: by number, without options. What has any other form is left to `reader.ts`,
 * which reads everything, this too: here is nothing but a shorter way to the same (a tenth of a small call).
 *
 * @module
 */
import { Kind } from "./kinds.ts";

/** `seq` of the call that {@linkcode readPlainCall} found. */
export let plainSeq = 0;
/** Its id. */
export let plainId = 0;
/** The number of its procedure. */
export let plainMethod = 0;
/** Where its payload starts. */
export let plainStart = 0;
/** Where its payload and the message end. */
export let plainEnd = 0;

let at = 0;

/** Whether `[16, seq, id, number, nil, bin]` with a payload of less than 64 KiB stands at `from`; then the module's variables tell the rest. */
export function readPlainCall(frame: Uint8Array, from: number): boolean {
  const { length } = frame;
  // What is cut short ends behind the frame, where nothing equals 0xc0.
  if (from + 7 > length || frame[from] !== 0x96 || frame[from + 1] !== Kind.CALL) return false;
  at = from + 2;
  const seq = uint(frame);
  const id = uint(frame);
  const method = frame[at]!;
  if (seq < 0 || id < 0 || method > 0x7f || frame[at + 1] !== 0xc0) return false;
  const head = frame[at + 2];
  let start: number;
  let size: number;
  if (head === 0xc4 && at + 4 <= length) {
    start = at + 4;
    size = frame[at + 3]!;
  } else if (head === 0xc5 && at + 5 <= length) {
    start = at + 5;
    size = (frame[at + 3]! << 8) | frame[at + 4]!;
  } else {
    return false;
  }
  if (start + size > length) return false;
  plainSeq = seq;
  plainId = id;
  plainMethod = method;
  plainStart = start;
  plainEnd = start + size;
  return true;
}

/** An integer in one of its unsigned forms of up to 32 bits; -1 for anything else. */
function uint(frame: Uint8Array): number {
  const head = frame[at]!;
  if (head < 0x80) {
    at += 1;
    return head;
  }
  if (head === 0xcd) {
    at += 3;
    return (frame[at - 2]! << 8) | frame[at - 1]!;
  }
  if (head === 0xce) {
    at += 5;
    return ((frame[at - 4]! << 24) | (frame[at - 3]! << 16) | (frame[at - 2]! << 8) | frame[at - 1]!) >>> 0;
  }
  if (head !== 0xcc) return -1;
  at += 2;
  return frame[at - 1]!;
}
