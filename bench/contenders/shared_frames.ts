// Control: the floor under a server that reads calls and lets answers share frames. It speaks Millrace's protocol just as far as `unary-50x16`
// goes, looks at nothing but the id, and copies the payload back undecoded: no schema, no limit, no check. What Millrace takes
// beyond it is decoding, checking, dispatching and encoding.
import { encode } from "@msgpack/msgpack";
import { native, type NativeSocket } from "./native.ts";
import { answer, type Shared, sharing } from "./shared_answers.ts";
import type { Served } from "./sockets.ts";

/** The kind of what acknowledges answers. */
const ACK = 4;
/** WELCOME, NAME and the RESULT of the first call. */
const GREETING = [
  [1, 1, new Uint8Array(16), 0, encode({ heartbeat: 15_000, grace: 8_000 })],
  [8, 1, "echo", 0],
  [17, 1, 1, encode({ n: 1, s: "" })],
].map((message) => new Uint8Array(encode(message)));

const connections = new Map<NativeSocket, Shared>();

const app: Served = native((socket, data) => {
  if (typeof data === "string") return;
  const frame = new Uint8Array(data);
  if (frame[1] === ACK) return;
  const shared = connections.get(socket) ?? sharing(socket);
  connections.set(socket, shared);
  shared.received++;
  if (shared.received === 1) return GREETING.forEach((message) => socket.send(message)); // HELLO and the first call
  answer(shared, frame);
}, (socket) => connections.delete(socket));
export default app;
