/**
 * The WebSocket of the runtime that a server's adapter wraps, with the test in the place of the runtime: frames go to the adapter as the runtime would
 * hand them over, and what the adapter sends is seen as it is given, not copied. So what lies between a message event and `send` is all ours.
 */
import type { BunServer, BunSocket, BunWebSocketHandler } from "../../src/bun.ts";
import type { DenoRuntime } from "../../src/deno.ts";
import type { LinkEvents } from "../../src/link.ts";
import { runtimeName, type ServedApp } from "./serve.ts";

/** The other end of one socket of a server. */
export interface RuntimeSocket {
  /** What the server has given to the socket; borrowed, so only the newest can be read. */
  readonly sent: Uint8Array[];
  /** Whether the peer has stopped reading: what is sent waits in the runtime. */
  stalled: boolean;
  /** Resolves when the server has sent once more. */
  next(): Promise<Uint8Array>;
  /** A binary frame has come. */
  message(frame: Uint8Array<ArrayBuffer>): void;
  /** The peer reads all that waited, and goes on reading. */
  drain(): void;
}

/** Opens a socket of `app` with the adapter of the runtime that this is. */
export function openRuntimeSocket(app: ServedApp): RuntimeSocket {
  return runtimeName === "deno" ? openDeno(app) : openBun(app);
}

const HANDSHAKE = {
  "upgrade": "websocket",
  "connection": "Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-protocol": "millrace.1",
};

function handshake(): Request {
  return new Request("http://127.0.0.1/", { headers: HANDSHAKE });
}

/** What is sent, on both runtimes. */
class Sent {
  readonly frames: Uint8Array[] = [];
  stalled = false;
  /** Bytes that wait in the runtime. */
  waiting = 0;
  #wake: ((frame: Uint8Array) => void)[] = [];

  next(): Promise<Uint8Array> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  add(frame: Uint8Array): void {
    this.frames.push(frame);
    if (this.stalled) this.waiting += frame.length;
    for (const wake of this.#wake.splice(0)) wake(frame);
  }

  drain(): void {
    this.stalled = false;
    this.waiting = 0;
  }
}

/** The sides of one socket as the test has it. */
function endOf(
  sent: Sent,
  { message, drained }: { message: RuntimeSocket["message"]; drained: () => void },
): RuntimeSocket {
  return {
    sent: sent.frames,
    get stalled() {
      return sent.stalled;
    },
    set stalled(stalled) {
      sent.stalled = stalled;
    },
    next: () => sent.next(),
    message,
    drain() {
      sent.drain();
      drained();
    },
  };
}

function openDeno(app: ServedApp): RuntimeSocket {
  const { Deno } = globalThis as unknown as {
    readonly Deno: { upgradeWebSocket: DenoRuntime["upgradeWebSocket"] };
  };
  const { upgradeWebSocket } = Deno;
  const socket = new DenoSocket();
  Deno.upgradeWebSocket = () => ({ socket: socket as unknown as WebSocket, response: new Response(null) });
  try {
    void app.fetch(handshake(), { remoteAddr: { hostname: "127.0.0.1" } });
  } finally {
    Deno.upgradeWebSocket = upgradeWebSocket;
  }
  socket.readyState = 1;
  socket.dispatchEvent(new Event("open"));
  return endOf(socket.sent, {
    message: ({ buffer }) => void socket.dispatchEvent(new MessageEvent("message", { data: buffer })),
    drained: () => {}, // Deno does not say so: it is asked
  });
}

/** The part of Deno's WebSocket that is used. */
class DenoSocket extends EventTarget {
  readonly sent = new Sent();
  binaryType = "blob";
  readyState = 0;

  get bufferedAmount(): number {
    return this.sent.waiting;
  }

  send(frame: Uint8Array): void {
    this.sent.add(frame);
  }

  close(code = 1005, reason = ""): void {
    if (this.readyState >= 2) return;
    this.readyState = 3;
    this.dispatchEvent(new CloseEvent("close", { code, reason }));
  }
}

function openBun(app: ServedApp): RuntimeSocket {
  const handler = app.websocket as BunWebSocketHandler;
  const sockets: BunEnd[] = [];
  const server: BunServer = {
    upgrade(_request, { data }) {
      const socket = new BunEnd(handler, data);
      sockets.push(socket);
      handler.open(socket);
      return true;
    },
    requestIP: () => ({ address: "127.0.0.1" }),
  };
  void app.fetch(handshake(), server);
  const socket = sockets[0]!;
  return endOf(socket.sent, {
    message: (frame) => handler.message(socket, frame),
    drained: () => handler.drain(socket),
  });
}

/** The part of Bun's ServerWebSocket that is used. */
class BunEnd implements BunSocket {
  readonly sent = new Sent();
  readonly data: LinkEvents;
  readonly #handler: BunWebSocketHandler;
  readyState = 1;

  constructor(handler: BunWebSocketHandler, data: LinkEvents) {
    this.#handler = handler;
    this.data = data;
  }

  sendBinary(frame: Uint8Array): number {
    this.sent.add(frame);
    return this.sent.stalled ? -1 : frame.length;
  }

  getBufferedAmount(): number {
    return this.sent.waiting;
  }

  close(code = 1005, reason = ""): void {
    if (this.readyState !== 1) return;
    this.readyState = 3;
    this.#handler.close(this, code, reason);
  }

  terminate(): void {
    this.close(1006);
  }

  pause(): void {}

  resume(): void {}
}
