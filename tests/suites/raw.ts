/**
 * A WebSocket client at the level of TCP, for what no honest client does: handshakes written by hand, frames of any
 * kind, a peer that stops reading, that never answers a close, that vanishes.
 */

import { connect, type Socket as TcpSocket } from "node:net";

/** A frame as it came. */
export interface RawFrame {
  readonly fin: boolean;
  readonly opcode: number;
  /** The reader's own. */
  readonly payload: Uint8Array;
}

/** How to write a frame. */
export interface FrameOptions {
  /** Default: true. */
  fin?: boolean;
  /** Default: true, with a mask of zeros unless `key` is given. */
  mask?: boolean;
  /** Four bytes. */
  key?: Uint8Array;
  /** The three reserved bits, 0 to 7. Default: 0. */
  rsv?: number;
  /** The length that the header declares, in place of the payload's own. */
  length?: bigint;
}

/** A handshake request; every part can be wrong. */
export interface HandshakeOptions {
  path?: string;
  method?: string;
  /** `HTTP/1.1`. */
  http?: string;
  /** Sent for each of these names in place of the default; undefined leaves the header out, a list repeats it. */
  headers?: Record<string, string | readonly string[] | undefined>;
  /** Written right behind the head, in the same packet. */
  body?: Uint8Array;
}

/** Opcodes of RFC 6455. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The bytes of one frame, masked unless told otherwise. */
export function encodeFrame(opcode: number, payload: Uint8Array, options: FrameOptions = {}): Uint8Array {
  const { fin = true, mask = true, key = new Uint8Array(4), rsv = 0 } = options;
  const length = options.length ?? BigInt(payload.byteLength);
  const extended = length < 126n ? 0 : length < 65_536n ? 2 : 8;
  const head = new Uint8Array(2 + extended + (mask ? 4 : 0));
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (mask ? 0x80 : 0) | (extended === 0 ? Number(length) : extended === 2 ? 126 : 127);
  for (let at = 1 + extended, rest = length; at > 1; at--, rest >>= 8n) {
    if (extended > 0) head[at] = Number(rest & 0xffn);
  }
  if (mask) head.set(key, 2 + extended);
  const frame = new Uint8Array(head.byteLength + payload.byteLength);
  frame.set(head);
  frame.set(payload, head.byteLength);
  if (mask) { for (let i = 0; i < payload.byteLength; i++) frame[head.byteLength + i]! ^= key[i & 3]!; }
  return frame;
}

/** The payload of a close frame. */
export function closePayload(code: number, reason = ""): Uint8Array {
  return new Uint8Array([code >> 8, code & 0xff, ...new TextEncoder().encode(reason)]);
}

/** One TCP connection that has received the head of a response. */
export class RawSocket {
  status = 0;
  readonly headers: Headers = new Headers();
  /** Resolves when the TCP connection has ended, cleanly or not. */
  readonly ended: Promise<void>;
  readonly #tcp: TcpSocket;
  #bytes = new Uint8Array(0);
  #isEnded = false;
  #wake = (): void => {};

  private constructor(tcp: TcpSocket) {
    this.#tcp = tcp;
    tcp.on("data", (chunk: Uint8Array) => {
      const all = new Uint8Array(this.#bytes.byteLength + chunk.byteLength);
      all.set(this.#bytes);
      all.set(chunk, this.#bytes.byteLength);
      this.#bytes = all;
      this.#wake();
    });
    tcp.on("error", () => {}); // a reset is an end like others; "close" follows
    this.ended = new Promise((resolve) => {
      tcp.on("close", () => {
        this.#isEnded = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Connects and sends the handshake, and waits for nothing. */
  static start(port: number, options: HandshakeOptions = {}): RawSocket {
    const tcp = connect({ port, host: "127.0.0.1", noDelay: true });
    tcp.write(requestHead(port, options), "latin1");
    if (options.body !== undefined) tcp.write(options.body);
    return new RawSocket(tcp);
  }

  /** Connects, sends the handshake and reads the head of the answer, whatever its status. */
  static async open(port: number, options?: HandshakeOptions): Promise<RawSocket> {
    const socket = RawSocket.start(port, options);
    await socket.#readHead();
    return socket;
  }

  async #readHead(): Promise<void> {
    const end = await this.#until(() => {
      const at = latin1(this.#bytes).indexOf("\r\n\r\n");
      return at < 0 ? undefined : at;
    });
    if (end === undefined) return; // cut without an answer: status 0
    const [start = "", ...lines] = latin1(this.#bytes.subarray(0, end)).split("\r\n");
    this.#bytes = this.#bytes.slice(end + 4);
    this.status = Number(start.split(" ")[1]);
    for (const line of lines) {
      const colon = line.indexOf(":");
      this.headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    }
  }

  /** Waits until `read` finds something in the bytes so far; undefined when the connection ends first. */
  async #until<T>(read: () => T | undefined): Promise<T | undefined> {
    while (true) {
      const found = read();
      if (found !== undefined || this.#isEnded) return found;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Writes bytes as they are. */
  write(bytes: Uint8Array): void {
    this.#tcp.write(bytes);
  }

  /** Writes one frame. */
  send(opcode: number, payload: Uint8Array, options?: FrameOptions): void {
    this.write(encodeFrame(opcode, payload, options));
  }

  /** Writes a close frame; without a code, an empty one. */
  sendClose(code?: number, reason?: string): void {
    this.send(opcodes.close, code === undefined ? new Uint8Array(0) : closePayload(code, reason));
  }

  /** The next frame from the server; undefined when the connection has ended. One reader at a time. */
  next(): Promise<RawFrame | undefined> {
    return this.#until(() => this.#takeFrame());
  }

  #takeFrame(): RawFrame | undefined {
    const bytes = this.#bytes;
    const [first = 0, second = 0] = bytes;
    const extended = second === 126 ? 2 : second === 127 ? 8 : 0;
    if (bytes.byteLength < 2 + extended) return undefined;
    let length = extended === 0 ? second : 0;
    for (let i = 0; i < extended; i++) length = length * 256 + bytes[2 + i]!;
    const start = 2 + extended;
    if (bytes.byteLength < start + length) return undefined;
    this.#bytes = bytes.slice(start + length);
    return { fin: first >= 0x80, opcode: first & 15, payload: bytes.slice(start, start + length) };
  }

  /** Reads on to the close frame and returns what it says: 1005 for an empty one, 1006 when the connection just ended. */
  async closeFrame(): Promise<{ code: number; reason: string }> {
    for (let frame = await this.next(); frame !== undefined; frame = await this.next()) {
      if (frame.opcode !== opcodes.close) continue;
      const [high, low] = frame.payload;
      if (high === undefined || low === undefined) return { code: 1005, reason: "" };
      return { code: high * 256 + low, reason: new TextDecoder().decode(frame.payload.subarray(2)) };
    }
    return { code: 1006, reason: "" };
  }

  /** Stops reading from the kernel: a stalled peer. */
  pause(): void {
    this.#tcp.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#tcp.resume();
  }

  /** Cuts the connection. */
  destroy(): Promise<void> {
    this.#tcp.destroy();
    return this.ended;
  }
}

function requestHead(port: number, options: HandshakeOptions): string {
  const { path = "/", method = "GET", http = "HTTP/1.1" } = options;
  const headers: HandshakeOptions["headers"] = {
    "Host": `127.0.0.1:${port}`,
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...options.headers,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    (value === undefined ? [] : typeof value === "string" ? [value] : value).map((one) => `${name}: ${one}`)
  );
  return [`${method} ${path} ${http}`, ...lines, "", ""].join("\r\n");
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
