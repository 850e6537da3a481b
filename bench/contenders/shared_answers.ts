// Answers that share a frame, as shared_frames.ts writes them: all of a connection's in this turn, with the calls' payloads as they came.
import type { NativeSocket } from "./native.ts";

const SIZE = 64 * 1024;
/** Where the generator's CALL has its id, 4 bytes wide, and where its payload begins. */
const ID = 8;
const PAYLOAD = 14;

/** The answers of one connection in this turn. */
export interface Shared {
  readonly socket: NativeSocket;
  readonly frame: Uint8Array<ArrayBuffer>;
  length: number;
  received: number;
}

let due: Shared[] = [];

/** A connection without answers. */
export function sharing(socket: NativeSocket): Shared {
  return { socket, frame: new Uint8Array(SIZE), length: 0, received: 0 };
}

/** Writes RESULT: `[17, seq, id, payload]`, its sequence and id 32 bits wide. It leaves at the end of the turn. */
export function answer(shared: Shared, call: Uint8Array): void {
  if (shared.length === 0 && due.push(shared) === 1) setImmediate(sendAll);
  const { frame, received: seq } = shared;
  let at = shared.length;
  for (const byte of [0x94, 17, 0xce, seq >>> 24, seq >>> 16, seq >>> 8, seq, 0xce]) frame[at++] = byte;
  for (let i = 0; i < 4; i++) frame[at++] = call[ID + i]!;
  for (let i = PAYLOAD; i < call.length; i++) frame[at++] = call[i]!;
  shared.length = at;
}

function sendAll(): void {
  const all = due;
  due = [];
  for (const shared of all) {
    shared.socket.send(shared.frame.subarray(0, shared.length));
    shared.length = 0;
  }
}
