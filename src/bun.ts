/**
 * Bun's WebSockets, translated: `server.upgrade` and the handlers of `Bun.serve`. Decides nothing.
 *
 * What Bun 1.4.5 does unless told otherwise, and is told here: it drops frames in silence past
 * `backpressureLimit`, echoes the client's first subprotocol (a token would be reflected,
 * https://github.com/oven-sh/bun/issues/26038), and hands out Buffers.
 */

import { type Acceptance, type Adapter, type Link, type LinkEvents, linkGone } from "./link.ts";

// Types: the part of `Bun` that is used, by shape. tests/types/adapters_bun.ts holds the real ones against it.

/** The part of Bun's `Server` that is used. */
export interface BunServer {
  /** Answers a handshake; false when the request is none or the client has gone. */
  upgrade(
    request: Request,
    options: { data: LinkEvents; headers: Record<string, string> | Headers },
  ): boolean;
  /** The peer's address; null for a unix socket or a closed connection. */
  requestIP(request: Request): { readonly address: string } | null;
}

/** The part of Bun's `ServerWebSocket` that is used. */
export interface BunSocket {
  /** What `upgrade` was given. */
  readonly data: LinkEvents;
  /** 1 while open. */
  readonly readyState: number;
  /** What `message` gets for a binary frame. */
  binaryType?: "nodebuffer" | "arraybuffer" | "uint8array" | "blob";
  /** Bytes taken; -1: waits; 0: dropped, closed, or an empty frame. */
  sendBinary(data: Uint8Array<ArrayBuffer>): number;
  /** Bytes that the kernel did not take yet. */
  getBufferedAmount(): number;
  /** Sends a close frame, and calls the `close` handler before it returns. */
  close(code?: number, reason?: string): void;
  /** Drops what waits and ends the connection. */
  terminate(): void;
  /** Stops reading; the idle timeout stops with it. */
  pause(): void;
  /** Reads again. */
  resume(): void;
}

/** What `Bun.serve` takes as `websocket`; the same object serves every socket of a server. */
export interface BunWebSocketHandler {
  /** Calls {@linkcode LinkEvents.opened}. */
  open(socket: BunSocket): void;
  /** Calls {@linkcode LinkEvents.received}. */
  message(socket: BunSocket, data: string | Uint8Array<ArrayBuffer>): void;
  /** Calls {@linkcode LinkEvents.drained}. */
  drain(socket: BunSocket): void;
  /** Calls {@linkcode LinkEvents.closed}. */
  close(socket: BunSocket, code: number, reason: string): void;
  /** Bytes; larger messages end in 1009 before they are received whole. */
  readonly maxPayloadLength: number;
  /** 0: no limit, so no frame is ever dropped; the queue above is bounded instead. */
  readonly backpressureLimit: 0;
  /** False: a slow peer is cut by the policy above, with its code. */
  readonly closeOnBackpressureLimit: false;
  /** Seconds. */
  readonly idleTimeout: number;
  /** True: pings at about half the idle timeout. */
  readonly sendPings: true;
  /** False: compression is not offered. */
  readonly perMessageDeflate: false;
}

// Adapter: request to socket.

/** Bun's server, or an object that holds it as `server`: both are seen as the environment of Hono. */
function serverOf(info: unknown): BunServer | undefined {
  if (isServer(info)) return info;
  const inner = typeof info === "object" && info !== null && "server" in info ? info.server : undefined;
  return isServer(inner) ? inner : undefined;
}

function isServer(info: unknown): info is BunServer {
  return typeof info === "object" && info !== null && "upgrade" in info && typeof info.upgrade === "function";
}

function address(request: Request, info: unknown): string {
  return serverOf(info)?.requestIP(request)?.address ?? "";
}

function accept(request: Request, acceptance: Acceptance): Response | undefined {
  const server = serverOf(acceptance.info);
  if (server === undefined) {
    throw new TypeError("Cannot upgrade the request: pass Bun's server to fetch as its second argument");
  }
  // Always set: without it Bun answers with the client's first offer. Empty selects none and sends no header.
  const chosen = { "sec-websocket-protocol": acceptance.protocol ?? "" };
  acceptance.headers?.set("sec-websocket-protocol", chosen["sec-websocket-protocol"]);
  const headers = acceptance.headers ?? chosen;
  const upgraded = server.upgrade(request, { data: acceptance.events, headers });
  // The 101 is already written and Bun ignores what `fetch` returns; Hono and honest types want a Response.
  return upgraded ? new Response(null) : undefined;
}

/** Bun's runtime. */
export const bun: Adapter = {
  present: "Bun" in globalThis,
  address,
  accept,
};

// Link: one socket.

/** The `websocket` of `Bun.serve` for sockets upgraded by this file; `maxPayloadLength` in bytes, `idle` in seconds. */
export function bunWebSocket(maxPayloadLength: number, idle: number): BunWebSocketHandler {
  return {
    open(socket) {
      socket.binaryType = "uint8array";
      socket.data.opened(new BunLink(socket));
    },
    message: (socket, data) => socket.data.received(typeof data === "string" ? undefined : data),
    drain: (socket) => socket.data.drained(),
    close: (socket, code, reason) => socket.data.closed(sentCode(code, reason), reason),
    maxPayloadLength,
    backpressureLimit: 0,
    closeOnBackpressureLimit: false,
    idleTimeout: idle,
    sendPings: true,
    perMessageDeflate: false,
  };
}

/**
 * The code that Bun put on the wire. It reports its own refusals as 1006 with a sentence; no peer can cause that
 * pair, because 1006 is never sent.
 */
function sentCode(code: number, reason: string): number {
  if (code !== 1006 || !reason.startsWith("Received ")) return code;
  if (reason.startsWith("Received too big")) return 1009;
  return reason.startsWith("Received invalid UTF-8") ? 1007 : 1002;
}

class BunLink implements Link {
  readonly announcesDrain = true;
  readonly #socket: BunSocket;

  constructor(socket: BunSocket) {
    this.#socket = socket;
  }

  send(frame: Uint8Array): number {
    const result = this.#socket.sendBinary(frame as Uint8Array<ArrayBuffer>);
    if (result > 0) return 0;
    if (result === 0 && (frame.byteLength > 0 || this.#socket.readyState !== 1)) return linkGone;
    return this.#socket.getBufferedAmount();
  }

  buffered(): number {
    return this.#socket.getBufferedAmount();
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(gone: () => void): void {
    this.#socket.terminate();
    gone();
  }

  setPaused(paused: boolean): boolean {
    if (paused) this.#socket.pause();
    else this.#socket.resume();
    return true;
  }
}
