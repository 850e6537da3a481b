// `Deno.upgradeWebSocket` or `Bun.serve`, whichever is there. Idle timeouts are off: Deno's costs a timer for each message.

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
