// One WebSocket handler on the bare runtime, `Deno.upgradeWebSocket` or `Bun.serve`, with nothing between: what the
// contenders without a framework of their own run on. Idle timeouts are off: Deno's costs a timer for each message.
//   deno serve -A bench/contenders/echo.ts        bun bench/contenders/echo.ts

/** A frame: text, or bytes in the type that the runtime gives when it is told nothing else. */
export type Frame = string | ArrayBuffer | Uint8Array<ArrayBuffer>;

/** The part of a socket that Deno's and Bun's share. */
export interface NativeSocket {
  send(frame: Frame): unknown;
}

interface BunServer {
  upgrade(request: Request): boolean;
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

/** Serves `message`, which is called once for each frame. */
export function native(message: (socket: NativeSocket, frame: Frame) => void): Served {
  const deno = (globalThis as { readonly Deno?: DenoUpgrade }).Deno;
  return {
    fetch(request, info) {
      if (deno === undefined) return void (info as BunServer).upgrade(request);
      const { socket, response } = deno.upgradeWebSocket(request, { idleTimeout: 0 });
      socket.binaryType = "arraybuffer";
      socket.onmessage = ({ data }) => message(socket, data);
      return response;
    },
    websocket: { message, idleTimeout: 0 },
  };
}
