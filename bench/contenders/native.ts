// WebSockets on the bare runtime, `Deno.upgradeWebSocket` or `Bun.serve`, with nothing between: what the contenders without
// a server of their own run on. Idle timeouts are off: Deno's costs a timer for each message.
//   deno serve -A bench/contenders/echo.ts        bun bench/contenders/echo.ts

/** A frame: text, or bytes in the type that the runtime gives when it is told nothing else. */
export type Frame = string | ArrayBuffer | Uint8Array<ArrayBuffer>;

/** The part of a socket that Deno's and Bun's share. */
export interface NativeSocket {
  send(frame: Frame): unknown;
}

interface BunServer {
  upgrade(request: Request, options: { data: object | undefined }): boolean;
}

interface DenoUpgrade {
  upgradeWebSocket(
    request: Request,
    options: { idleTimeout: number },
  ): { readonly socket: WebSocket; readonly response: Response };
}

/** What a server file exports: `deno serve` takes `fetch`, `bun` takes both. */
export interface Served {
  fetch(request: Request, info: unknown): Response | undefined;
  readonly websocket: object;
}

/** Serves `message`, which is called once for each frame; `close` is called when a connection has ended. */
export function native(
  message: (socket: NativeSocket, frame: Frame) => void,
  close: (socket: NativeSocket) => void = () => {},
): Served {
  return sockets((socket) => {
    socket.onmessage = ({ data }) => message(socket, data);
    socket.onclose = () => close(socket);
  }, { message, close });
}

/** Serves with what a framework wants: each new socket on Deno; on Bun the handlers of `Bun.serve`, and a place for its data. */
export function sockets(onDeno: (socket: WebSocket) => void, onBun: object, data?: () => object): Served {
  const deno = (globalThis as { readonly Deno?: DenoUpgrade }).Deno;
  return {
    fetch(request, info) {
      if (deno === undefined) return void (info as BunServer).upgrade(request, { data: data?.() });
      const { socket, response } = deno.upgradeWebSocket(request, { idleTimeout: 0 });
      socket.binaryType = "arraybuffer";
      onDeno(socket);
      return response;
    },
    websocket: { ...onBun, idleTimeout: 0 },
  };
}
