// Control: what the runtime's socket can do. No method, no id, no check: a frame comes back as it came. The two other
// workloads are loops of the same kind. The generator sends it Millrace's own frames, so sizes are the same.
import { Buffer } from "node:buffer";
import { native } from "./native.ts";
import type { Served } from "./sockets.ts";

/** A frame of four bytes asks for so many items. */
const REQUEST = 4;
/** The size of a small ITEM of Millrace. */
const ITEM = Buffer.alloc(35, 0x2e);
/** Any frame of exactly this size is a piece of an upload. */
const PIECE = 65_536;
const DONE = Buffer.alloc(1);

const app: Served = native((socket, frame) => {
  if (typeof frame === "string") return;
  if (frame.byteLength === REQUEST) {
    const count = new DataView(new Uint8Array(frame).buffer).getUint32(0);
    for (let i = 0; i < count; i++) socket.send(ITEM);
    socket.send(DONE);
  } else {
    socket.send(frame.byteLength === PIECE ? DONE : frame);
  }
});
export default app;
