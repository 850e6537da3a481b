/**
 * The standard WebSocket, as much of it as a client uses, and the transport made of it.
 *
 * @module
 */
import { closeAdvice, CloseCode } from "../rpc/close.ts";
import { isText } from "../rpc/long_names.ts";
import type { Transport } from "../rpc/transport.ts";

/** What a client needs of a WebSocket; the one of browsers, Deno, Bun and Node 22 fits. */
export interface WebSocketLike {
  /** Set to `"arraybuffer"` by the client. */
  binaryType: string;
  /** Bytes that have not reached the kernel. */
  readonly bufferedAmount: number;
  /** 1 while it is open. */
  readonly readyState: number;
  /** Called when it has opened. */
  onopen: ((event: never) => unknown) | null;
  /** Called for each message, with `data`. */
  onmessage: ((event: never) => unknown) | null;
  /** Called when it has closed, with `code` and `reason`. */
  onclose: ((event: never) => unknown) | null;
  /** Called before an abnormal close. */
  onerror: ((event: never) => unknown) | null;
  /** Sends a frame. The bytes are copied before it returns. */
  send(frame: Uint8Array<ArrayBuffer>): void;
  /** Closes. */
  close(code?: number, reason?: string): void;
}

/** Makes a WebSocket: for proxies, tests and taps that look at frames. */
export type WebSocketFactory = (url: string, protocols: string[]) => WebSocketLike;

const OPEN = 1;

/** The runtime's own. */
export const standardWebSocket: WebSocketFactory = (url, protocols) =>
  new WebSocket(url, protocols) as unknown as WebSocketLike;

/** A transport on an open WebSocket. What it cannot send any more it drops: the close event follows. */
export function transportOf(socket: WebSocketLike): Transport {
  return {
    send(frame) {
      if (socket.readyState === OPEN) socket.send(frame as Uint8Array<ArrayBuffer>);
    },
    get buffered() {
      return socket.bufferedAmount;
    },
    close: (code, reason) => closeQuietly(socket, code, reason),
  };
}

/**
 * Closes with the code, or with one that programs may use and that says the same of what comes: a server keeps the session of a client that
 * comes back. Never throws.
 */
export function closeQuietly(socket: WebSocketLike, code: number, reason: string): void {
  try {
    socket.close(sendable(code), reason.slice(0, 40)); // 123 bytes at most
  } catch {
    // It never opened, or is closed: nothing is left to close.
  }
}

function sendable(code: number): number {
  if (code === CloseCode.NORMAL || code >= 3000) return code;
  return closeAdvice(code) === "reconnect" ? CloseCode.GIVEN_UP : CloseCode.BAD_MESSAGE;
}

/** The frame in a message event; `undefined` for text. */
export function frameOf(data: unknown): Uint8Array | undefined {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : undefined;
}

/**
 * The URL of a WebSocket: `http` and `https` become `ws` and `wss`, and in a page relative ones are resolved.
 *
 * @throws {TypeError} If it is no URL, or of another scheme.
 */
export function socketUrl(url: string): string {
  const { location } = globalThis as { location?: { href: string } };
  const parsed = new URL(url, location?.href);
  parsed.protocol = parsed.protocol.replace(/^http/, "ws");
  if (!/^wss?:$/.test(parsed.protocol)) {
    throw new TypeError(`Cannot connect to "${url}": its scheme is not ws, wss, http or https`);
  }
  parsed.hash = "";
  return parsed.href;
}

/** A URL as it may stand in a message: its query may carry secrets, and so may a user name in it. */
export function withoutQuery(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/**
 * What the program gives as a token, `null` for none too.
 *
 * @throws {TypeError} If it cannot be sent: thrown when the socket opens, by nobody's call, that would end a process.
 */
export function checkToken(token: unknown): string | undefined {
  if (!isText(token ?? "")) throw new TypeError("Cannot send the token: it is no text");
  return token as string ?? undefined;
}

/** What {@linkcode isSubprotocolToken} allows, for people. */
export const SUBPROTOCOL_TOKEN = "only A-Z, a-z, 0-9, -, _ and dots are allowed";

/** Whether a token may travel as a subprotocol on every runtime. */
export function isSubprotocolToken(token: string): boolean {
  return /^[\w.-]*$/.test(token);
}
