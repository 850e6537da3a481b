// One WebSocket of a runtime that is not there: what a server sends goes nowhere, and turns end when the benchmark says so. Import this
// before the server, which looks for `setImmediate` when it is loaded.

const immediates: (() => void)[] = [];
Object.assign(globalThis, { setImmediate: (run: () => void) => void immediates.push(run) });

/** What a server file exports. */
export interface App {
  fetch(request: Request, info: unknown): unknown;
  readonly websocket: object;
}

interface Heard {
  readonly type: string;
  data?: unknown;
}
type Listener = ((event: Heard) => void) | { handleEvent(event: Heard): void };

interface DenoSocket {
  onopen?: Listener;
  onclose?: Listener;
  onmessage?: Listener;
  readonly listeners: Record<string, Listener>;
  send(frame: Uint8Array): void;
}

let opened: DenoSocket;
if ("Deno" in globalThis) {
  const upgradeWebSocket = () => {
    const socket: DenoSocket & Record<string, unknown> = {
      readyState: 1,
      bufferedAmount: 0,
      binaryType: "",
      send: nothing,
      close: nothing,
      listeners: {},
      addEventListener: (type: string, listener: Listener) => void (socket.listeners[type] = listener),
      removeEventListener: nothing,
    };
    opened = socket;
    return { socket, response: new Response(null) };
  };
  Object.defineProperty((globalThis as unknown as { Deno: object }).Deno, "upgradeWebSocket", {
    value: upgradeWebSocket,
  });
}

function nothing(): void {}

/** The other end of a socket. */
export interface Client {
  /** A frame comes: text, or bytes that are the server's own from then on. */
  receive(frame: string | Uint8Array<ArrayBuffer>): void;
  /** The socket closes. */
  close(): void;
}

/** Opens a socket; what is given takes frames. */
export function open(app: App): Client["receive"] {
  return connect(app).receive;
}

/** Opens a socket; `heard` gets what the server sends, where somebody asks. */
export function connect(app: App, heard: (frame: Uint8Array) => void = nothing): Client {
  return "Bun" in globalThis ? openOnBun(app, heard) : openOnDeno(app, heard);
}

function openOnBun(app: App, heard: (frame: Uint8Array) => void): Client {
  const websocket = app.websocket as Record<string, (...args: unknown[]) => void>;
  const send = (frame: Uint8Array): number => {
    heard(frame);
    return frame.length;
  };
  const socket = {
    data: undefined as unknown,
    readyState: 1,
    binaryType: "",
    send,
    sendBinary: send,
    getBufferedAmount: nothingWaits,
    close: nothing,
    terminate: nothing,
  };
  app.fetch(handshake(), {
    upgrade(_request: Request, options?: { data: unknown }) {
      socket.data = options?.data;
      websocket.open?.(socket);
      return true;
    },
    requestIP: () => ({ address: "127.0.0.1" }),
  });
  return {
    receive: (frame) => websocket.message!(socket, frame),
    close: () => websocket.close?.(socket, 1000, ""),
  };
}

function openOnDeno(app: App, heard: (frame: Uint8Array) => void): Client {
  app.fetch(handshake(), { remoteAddr: { hostname: "127.0.0.1" } });
  const socket = opened;
  if (heard !== nothing) socket.send = heard;
  tell(socket.listeners["open"] ?? socket.onopen, { type: "open" });
  const listener = socket.listeners["message"] ?? socket.onmessage;
  const event: Heard = { type: "message", data: undefined };
  return {
    receive: (frame) => {
      event.data = typeof frame === "string" ? frame : frame.buffer;
      tell(listener, event);
      event.data = undefined;
    },
    close: () => {
      const closed = { type: "close", code: 1000, reason: "" };
      tell(socket.listeners["close"] ?? socket.onclose, closed);
    },
  };
}

function tell(listener: Listener | undefined, event: Heard): void {
  if (typeof listener === "function") listener(event);
  else listener?.handleEvent(event);
}

function nothingWaits(): number {
  return 0;
}

function handshake(): Request {
  const headers = { host: "localhost", upgrade: "websocket", connection: "Upgrade" };
  const key = { "sec-websocket-version": "13", "sec-websocket-key": "bWlsbHJhY2UgYmVuY2htYQ==" };
  return new Request("http://localhost/", { headers: { ...headers, ...key } });
}

/** Ends the turn. */
export function endTurn(): void {
  for (let run = immediates.pop(); run !== undefined; run = immediates.pop()) run();
}

/** Ends turns until promises have gone on. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await Promise.resolve();
    endTurn();
  }
}
