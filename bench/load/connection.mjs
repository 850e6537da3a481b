// One WebSocket on a raw TCP socket: the handshake, and a parser that hands out frames where they lie in what was read.
// A WebSocket library would cost more than the servers measured here.
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { CLOSE, frame, PING, PONG } from "./frames.mjs";

const HANDSHAKE = [
  "Host: 127.0.0.1",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: bWlsbHJhY2UgYmVuY2htYQ==",
];

/** An open WebSocket. */
export class Connection {
  /** Called with `(bytes, start, end)` for each frame; the bytes are the callee's until it returns. */
  onFrame = () => {};
  /** Called after all frames of one read. */
  onTurn = () => {};
  /** Called when all that was written has left. */
  onDrain = () => {};
  #socket;
  #failed;
  #closing = false;
  #rest = Buffer.alloc(0);
  #have = 0;

  /** Connects. `failed` is called with whatever ends the connection before {@linkcode close}. */
  static open(port, failed) {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      socket.once("error", reject);
      socket.write(["GET / HTTP/1.1", ...HANDSHAKE, "", ""].join("\r\n"));
      let head = "";
      socket.on("data", function upgraded(chunk) {
        head += chunk.toString("latin1");
        if (!head.includes("\r\n\r\n")) return;
        socket.off("data", upgraded).off("error", reject);
        if (!head.startsWith("HTTP/1.1 101")) {
          return reject(new Error(`No upgrade: ${head.split("\r\n")[0]}`));
        }
        resolve(new Connection(socket, failed));
      });
    });
  }

  constructor(socket, failed) {
    this.#socket = socket;
    this.#failed = (error) => this.#closing || failed(error);
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("drain", () => this.onDrain());
    socket.on("error", this.#failed);
    socket.on("close", () => this.#failed(new Error("The server closed the connection")));
  }

  /** Bytes that were written and have not left: while there are any, what was written must not change. */
  get buffered() {
    return this.#socket.writableLength;
  }

  /** Sends bytes that are whole frames together. They stay as they are until {@linkcode buffered} is 0. */
  write(bytes) {
    this.#socket.write(bytes);
  }

  /** Sends several together in one system call. */
  writeAll(list) {
    this.#socket.cork();
    for (const bytes of list) this.#socket.write(bytes);
    this.#socket.uncork();
  }

  /** Ends it without the close handshake. */
  close() {
    this.#closing = true;
    this.#socket.destroy();
  }

  #read(chunk) {
    try {
      let at = this.#have === 0 ? 0 : this.#continue(chunk);
      while (at < chunk.length) {
        const size = sizeAt(chunk, at, chunk.length);
        if (size === 0 || at + size > chunk.length) {
          this.#keep(chunk, at, size);
          break;
        }
        this.#take(chunk, at, size);
        at += size;
      }
      this.onTurn();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Keeps the beginning of a frame that goes on in the next read; its size is 0 where even the header is cut. */
  #keep(chunk, at, size) {
    this.#rest = Buffer.allocUnsafe(size || 16);
    this.#have = chunk.copy(this.#rest, 0, at);
  }

  /** Completes the frame that was kept. Returns how much of the chunk that took. */
  #continue(chunk) {
    let used = 0;
    for (;;) {
      const size = sizeAt(this.#rest, 0, this.#have);
      if (size > this.#rest.length) this.#rest = Buffer.concat([this.#rest], size);
      const wanted = size === 0 ? this.#have + 1 : size;
      const copied = chunk.copy(this.#rest, this.#have, used, used + wanted - this.#have);
      used += copied;
      this.#have += copied;
      if (size !== 0 && this.#have === size) break;
      if (used === chunk.length) return used;
    }
    this.#have = 0;
    this.#take(this.#rest, 0, sizeAt(this.#rest, 0, this.#rest.length));
    return used;
  }

  #take(bytes, at, size) {
    const opcode = bytes[at];
    const start = at + headerAt(bytes, at);
    if (opcode === 0x82 || opcode === 0x81) this.onFrame(bytes, start, at + size);
    else if (opcode === PING) this.write(frame(PONG, Buffer.from(bytes.subarray(start, at + size))));
    else if (opcode === CLOSE) throw closed(bytes.subarray(start, at + size));
    else if (opcode !== PONG) throw new Error(`A frame that begins with ${opcode}`);
  }
}

/** Bytes of the frame that begins there, header included; 0 when its header is not all there. */
function sizeAt(bytes, at, end) {
  if (end - at < 2 || end - at < headerAt(bytes, at)) return 0;
  const length = bytes[at + 1];
  if (length < 126) return 2 + length;
  if (length === 126) return 4 + ((bytes[at + 2] << 8) | bytes[at + 3]);
  return 10 + bytes.readUInt32BE(at + 6);
}

function headerAt(bytes, at) {
  const length = bytes[at + 1];
  return length < 126 ? 2 : length === 126 ? 4 : 10;
}

function closed(payload) {
  const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
  return new Error(`The server closed the connection: ${code} ${payload.toString("utf8", 2)}`);
}
