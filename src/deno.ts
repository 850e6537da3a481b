/**
 * Deno's WebSockets, translated: `Deno.upgradeWebSocket` and nothing else. Decides nothing.
 *
 * What Deno 2.9.6 cannot do, and the policy above has to live with: no drain event, no pause of reading, no limit on
 * a message (64 MiB a frame, any number of fragments), and no way to end a peer that stopped reading
 * (https://github.com/denoland/deno/issues/27924, https://github.com/denoland/deno/issues/36337).
 */

import {
  type Acceptance,
  type Adapter,
  type Link,
  type LinkEvents,
  linkGone,
  unknownBuffered,
} from "./link.ts";

// Types: the part of `Deno` that is used, by shape. tests/types/adapters_deno.ts holds the real ones against it.

/** The part of the `Deno` namespace that is used. */
export interface DenoRuntime {
  /** Answers a handshake; the socket opens once the response was returned from `fetch`. */
  upgradeWebSocket(
    request: Request,
    options: { idleTimeout: number },
  ): { readonly socket: WebSocket; readonly response: Response };
}

/** The part of `Deno.ServeHandlerInfo` that is used. */
export interface DenoInfo {
  /** A TCP peer has a `hostname`, a unix socket has not. */
  readonly remoteAddr: { readonly hostname?: string };
}

const runtime = (globalThis as { readonly Deno?: DenoRuntime }).Deno;

// Adapter: request to socket.

function address(_request: Request, info: unknown): string {
  const { remoteAddr } = (info ?? {}) as Partial<DenoInfo>;
  return remoteAddr?.hostname ?? "";
}

function accept(request: Request, acceptance: Acceptance): Response | undefined {
  const upgraded = upgrade(request, acceptance.idle);
  if (upgraded === undefined) return undefined;
  const { socket, response } = upgraded;
  // Not through the `protocol` option: that compares with the offers split at exactly ", " and throws for "a,b".
  if (acceptance.protocol !== undefined) response.headers.set("sec-websocket-protocol", acceptance.protocol);
  for (const [name, value] of acceptance.headers ?? []) response.headers.append(name, value);
  listen(socket, acceptance);
  return response;
}

function upgrade(request: Request, idle: number): { socket: WebSocket; response: Response } | undefined {
  try {
    return runtime?.upgradeWebSocket(request, { idleTimeout: idle });
  } catch {
    return undefined; // no handshake, or the client has gone
  }
}

/** Deno's runtime. */
export const deno: Adapter = {
  present: typeof runtime?.upgradeWebSocket === "function",
  address,
  accept,
};

// Link: one socket.

const HEARD = ["open", "message", "close"] as const;

function listen(socket: WebSocket, { events }: Acceptance): void {
  socket.binaryType = "arraybuffer";
  const link = new DenoLink(socket, events);
  for (const type of HEARD) socket.addEventListener(type, link);
}

/**
 * One socket, which hears of its events itself: `onopen` and its like take a map and a function each on every socket, 740 bytes, and wrap what
 * they call, which took 2 % of the time of a small call.
 */
class DenoLink implements Link, EventListenerObject {
  readonly announcesDrain = false;
  readonly #socket: WebSocket;
  #events: LinkEvents | undefined;
  /** Set where the connection was given up. */
  #gone: (() => void) | undefined;

  constructor(socket: WebSocket, events: LinkEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  handleEvent(event: Event): void {
    switch (event.type) {
      case "message": {
        const { data } = event as MessageEvent;
        return this.#events?.received(
          typeof data === "string" ? undefined : new Uint8Array(data as ArrayBuffer),
        );
      }
      case "open":
        this.#socket.removeEventListener("open", this); // it is heard once, and kept for as long as the socket lives
        return this.#events?.opened(this);
      case "close":
        return this.#closed(event as CloseEvent);
    }
  }

  #closed({ code, reason }: CloseEvent): void {
    const events = this.#events;
    // After an end without a close frame Deno's idle timer keeps the socket for half of its time: 5 KiB each, and
    // 17 with what our handlers hold.
    this.#forget();
    this.#socket.removeEventListener("close", this); // Deno may call it twice
    events?.closed(code === 0 ? 1006 : code, reason);
    this.#gone?.();
    this.#gone = undefined;
  }

  #forget(): void {
    this.#events = undefined;
    this.#socket.removeEventListener("open", this);
    this.#socket.removeEventListener("message", this);
  }

  send(frame: Uint8Array): number {
    const socket = this.#socket;
    if (socket.readyState !== 1) return linkGone;
    // Deno refuses shared memory, Bun does not: a copy makes them alike.
    socket.send(
      frame.buffer instanceof ArrayBuffer ? frame as Uint8Array<ArrayBuffer> : new Uint8Array(frame),
    );
    return unknownBuffered;
  }

  buffered(): number {
    return this.#socket.bufferedAmount;
  }

  close(code: number, reason: string): void {
    try {
      this.#socket.close(code, reason);
    } catch {
      // Already closing.
    }
  }

  /** Deno has no way to cut a connection: this asks for the close handshake and leaves the rest to TCP. */
  terminate(gone: () => void): void {
    const socket = this.#socket;
    if (socket.readyState === 3) return gone();
    // The runtime may keep the socket for ever: it must not keep what is ours.
    this.#forget();
    this.#gone = gone;
    try {
      socket.close();
    } catch {
      // Already closing.
    }
  }

  setPaused(): boolean {
    return false;
  }
}
