/**
 * A client that writes and reads messages by hand, on a raw WebSocket.
 */
import { decode, encode } from "../../msgpack/mod.ts";
import { skip } from "../../msgpack/check.ts";
import { type HandshakeOptions, opcodes, RawSocket } from "./raw.ts";

/** How a wire is opened. */
export interface WireOptions extends HandshakeOptions {
  /** Subprotocols to offer. Default: `millrace.1`. */
  readonly protocols?: readonly string[];
}

/** A message: kind and elements. */
export type Message = readonly unknown[];

/** The payload of a message: a `bin` of one encoded value, empty for none. */
export function payload(value?: unknown): Uint8Array {
  return value === undefined ? new Uint8Array(0) : encode(value);
}

/** HELLO. */
export function hello(options: object = {}): Message {
  return [0, 1, null, 0, payload(options)];
}

/** CALL number `id`, which is its sequence too. */
export function call(id: number, method: string | number, input?: unknown): Message {
  return [16, id, id, method, null, payload(input)];
}

/** Messages as one frame. */
export function frameOf(...messages: Message[]): Uint8Array {
  const parts = messages.map((message) => encode(message));
  const frame = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/** One connection. */
export class Wire {
  readonly socket: RawSocket;
  /** Frames of the server, as they came. */
  readonly frames: Uint8Array[] = [];
  /** How the server closed it. */
  closed: { readonly code: number; readonly reason: string } | undefined;
  readonly #messages: unknown[][] = [];

  private constructor(socket: RawSocket) {
    this.socket = socket;
  }

  /** Sends the handshake; the answer may be a refusal, which `status` tells. */
  static async open(
    port: number,
    { protocols = ["millrace.1"], ...options }: WireOptions = {},
  ): Promise<Wire> {
    const offers = protocols.length === 0 ? undefined : protocols.join(", ");
    const headers = { "Sec-WebSocket-Protocol": offers, ...options.headers };
    return new Wire(await RawSocket.open(port, { ...options, headers }));
  }

  /** The status of the handshake: 101, or of the refusal. */
  get status(): number {
    return this.socket.status;
  }

  /** Sends messages in one frame. */
  send(...messages: Message[]): void {
    this.socket.send(opcodes.binary, frameOf(...messages));
  }

  /** The next message, its payload decoded; undefined when the connection has closed. */
  async next(): Promise<unknown[] | undefined> {
    while (this.#messages.length === 0 && this.closed === undefined) await this.#read();
    return this.#messages.shift();
  }

  /** The next message of a kind; others are passed over. */
  async nextOf(kind: number): Promise<unknown[]> {
    for (let message = await this.next(); message !== undefined; message = await this.next()) {
      if (message[0] === kind) return message;
    }
    throw new Error(`no message of kind ${kind} came before the close with ${this.closed?.code}`);
  }

  /** Reads on to the close, answers it, and says what it said. */
  async end(): Promise<{ readonly code: number; readonly reason: string }> {
    while (this.closed === undefined) await this.#read();
    return this.closed;
  }

  /** Cuts the connection. */
  cut(): Promise<void> {
    return this.socket.destroy();
  }

  async #read(): Promise<void> {
    const frame = await this.socket.next();
    if (frame === undefined) {
      this.closed = { code: 1006, reason: "" };
    } else if (frame.opcode === opcodes.close) {
      const [high = 3, low = 237] = frame.payload;
      this.closed = { code: high * 256 + low, reason: new TextDecoder().decode(frame.payload.subarray(2)) };
      this.socket.sendClose(this.closed.code === 1005 ? undefined : this.closed.code);
    } else if (frame.opcode === opcodes.binary) {
      this.frames.push(frame.payload);
      this.#messages.push(...messagesOf(frame.payload));
    }
  }
}

/** The messages of a frame, payloads decoded where they are one value. */
export function messagesOf(frame: Uint8Array): unknown[][] {
  const found: unknown[][] = [];
  for (let at = 0; at < frame.length;) {
    const end = skip(frame, at, frame.length, { depth: 32, keys: 1024 });
    found.push((decode(frame.subarray(at, end)) as unknown[]).map(opened));
    at = end;
  }
  return found;
}

function opened(element: unknown): unknown {
  if (!(element instanceof Uint8Array)) return element;
  try {
    return element.length === 0 ? undefined : decode(element);
  } catch {
    return element; // bytes that are no value: a session, a piece
  }
}
