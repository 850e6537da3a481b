/**
 * Starts `export default { fetch, websocket }` on a free port of this runtime, as `deno serve` and `bun` would.
 */

/** What both runtimes serve. */
export interface ServedApp {
  /** Answers a request; `info` is Deno's `ServeHandlerInfo` or Bun's `Server`. */
  fetch(request: Request, info: unknown): Response | Promise<Response>;
  /** Bun's WebSocket handlers; Deno takes no notice. */
  readonly websocket?: object;
}

/** A server under test. */
export interface Served {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and cuts every connection. */
  close(): Promise<void>;
}

interface DenoSlice {
  serve(
    options: { port: number; hostname: string; signal: AbortSignal; onListen(): void },
    handler: ServedApp["fetch"],
  ): { readonly addr: { readonly port: number }; readonly finished: Promise<void> };
}

interface BunSlice {
  serve(
    options: ServedApp & { port: number; hostname: string },
  ): { readonly port: number; stop(force: boolean): Promise<void> };
}

const { Deno, Bun } = globalThis as { readonly Deno?: DenoSlice; readonly Bun?: BunSlice };

/** The runtime of this process. */
export const runtimeName: "deno" | "bun" = Deno === undefined ? "bun" : "deno";

/** Serves `app` on a free port of 127.0.0.1. */
export function serve(app: ServedApp): Promise<Served> {
  return Promise.resolve(Deno === undefined ? serveBun(app) : serveDeno(app, Deno));
}

function serveDeno(app: ServedApp, deno: DenoSlice): Served {
  const abort = new AbortController();
  const options = { port: 0, hostname: "127.0.0.1", signal: abort.signal, onListen: () => {} };
  const server = deno.serve(options, (request, info) => app.fetch(request, info));
  const { port } = server.addr;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close() {
      abort.abort();
      return server.finished;
    },
  };
}

function serveBun({ fetch, websocket }: ServedApp): Served {
  if (Bun === undefined) throw new TypeError("Cannot serve: neither Deno nor Bun runs this");
  const server = Bun.serve({ fetch, ...(websocket && { websocket }), port: 0, hostname: "127.0.0.1" });
  const { port } = server;
  return { url: `http://127.0.0.1:${port}`, port, close: () => server.stop(true) };
}
