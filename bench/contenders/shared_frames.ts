// Control: the floor under a server that reads calls and lets answers share frames. It speaks Millrace's protocol just as far as `unary-50x16`
// goes, looks at nothing but the id, and copies the payload back undecoded: no schema, no limit, no check. What Millrace takes
// beyond it is decoding, checking, dispatching and encoding.
import { encode } from "@msgpack/msgpack";
import { native, type NativeSocket, type Served } from "./native.ts";

/** The answers of one connection in this turn. */
interface Shared {
  readonly socket: NativeSocket;
  readonly frame: Uint8Array<ArrayBuffer>;
  length: number;
  received: number;
}

const SIZE = 64 * 1024;
/** Where the generator's CALL has its id, 4 bytes wide, and where its payload begins. */
const ID = 8;
const PAYLOAD = 14;
/** The kind of what acknowledges answers. */
const ACK = 4;
/** WELCOME, NAME and the RESULT of the first call. */
const GREETING = [
  [1, 1, new Uint8Array(16), 0, encode({ heartbeat: 15_000, grace: 8_000 })],
  [8, 1, "echo", 0],
  [17, 1, 1, encode({ n: 1, s: "" })],
].map((message) => new Uint8Array(encode(message)));

const connections = new Map<NativeSocket, Shared>();
let due: Shared[] = [];

const app: Served = native((socket, data) => {
  if (typeof data === "string") return;
  const frame = new Uint8Array(data);
  if (frame[1] === ACK) return;
  const shared = connections.get(socket) ?? { socket, frame: new Uint8Array(SIZE), length: 0, received: 0 };
  connections.set(socket, shared);
  shared.received++;
  if (shared.received === 1) return GREETING.forEach((message) => socket.send(message)); // HELLO and the first call
  if (shared.length === 0 && due.push(shared) === 1) setImmediate(sendAll);
  answer(shared, frame);
}, (socket) => connections.delete(socket));
export default app;

/** Writes RESULT: `[17, seq, id, payload]`, its sequence and id 32 bits wide. */
function answer(shared: Shared, call: Uint8Array): void {
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
