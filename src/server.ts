/**
 * `socketServer()`: a binary WebSocket server that runs unchanged on Deno and on Bun.
 */

import type { BunWebSocketHandler } from "./bun.ts";
import { type CloseAllOptions, SocketGroup } from "./group.ts";
import type { SocketLimits } from "./limits.ts";
import { type OriginOptions, originRule } from "./origin.ts";
import type { Socket, SocketHandlers, Upgrade } from "./socket.ts";
import { checkUpgrade, refuse, type RequestSnapshot, snapshot, unavailable } from "./upgrade.ts";

/** What a {@linkcode socketServer} does with requests, beside its handlers. */
export interface SocketServerOptions<Data> extends SocketHandlers<Data>, OriginOptions {
  /** The path of the handshake; others get 404, and a plain GET on it 426. Default: `/`. */
  path?: string;
  /**
   * Decides on a handshake that has passed all checks: what the socket is upgraded with, or a refusal. It gets a
   * copy of the request, which stays valid. Default: no data, no subprotocol.
   */
  upgrade?(request: RequestSnapshot): Upgrade<Data> | Response | Promise<Upgrade<Data> | Response>;
  /** Limits other than the defaults. */
  limits?: Partial<SocketLimits>;
}

/** A WebSocket server as both runtimes serve it: `export default` it. */
export interface SocketServer<Data> {
  /** Answers a request. `info` is Deno's `ServeHandlerInfo` or Bun's `Server`; Bun cannot do without. */
  fetch(request: Request, info?: unknown): Response | Promise<Response>;
  /** What Bun's `serve` wants as `websocket`; Deno ignores it. */
  readonly websocket: BunWebSocketHandler;
  /** The open sockets. */
  readonly sockets: ReadonlySet<Socket<Data>>;
  /** Stalled connections that were given up but that Deno still holds, because it cannot cut them; 0 on Bun. */
  readonly lingering: number;
  /**
   * Refuses new handshakes with 503, closes every socket, and resolves when all close handlers have been called, at the
   * latest after `deadline`. The runtime's own server keeps listening: stop it afterwards.
   *
   * Not named `stop`: `bun app.ts` takes a default export with a `stop` method for a server that runs already
   * and does not serve it.
   *
   * @throws {RangeError} When `code` may not be sent.
   */
  close(options?: CloseAllOptions): Promise<void>;
}

/**
 * A binary WebSocket server for `deno serve` and `bun`.
 *
 * Browsers may connect from the server's own origin only, unless `origins` lists others.
 *
 * @example An echo server
 * ```ts
 * import { socketServer } from "@millrace/millrace/socket";
 *
 * export default socketServer({
 *   message: (socket, frame) => socket.send(frame),
 * });
 * ```
 *
 * @throws {TypeError} When an origin or host entry, or the path, cannot be what it should.
 * @throws {RangeError} When a limit is not a positive number.
 */
export function socketServer<Data = undefined>(options: SocketServerOptions<Data>): SocketServer<Data> {
  const { path = "/" } = options;
  if (!path.startsWith("/")) throw new TypeError(`Cannot serve path "${path}": it does not start with "/"`);
  const mayConnect = originRule(options);
  const group = new SocketGroup<Data>({ handlers: options, limits: options.limits });

  async function handshake(request: Request, info: unknown, copy: RequestSnapshot): Promise<Response> {
    try {
      const decision = await options.upgrade?.(copy);
      if (decision instanceof Response) return decision;
      if (group.closing) return unavailable();
      return group.accept(request, { info, snapshot: copy, ...(decision ?? { data: undefined as Data }) });
    } catch (error) {
      group.report(error);
      return refuse(500, "Internal server error");
    }
  }

  return {
    fetch(request, info) {
      const copy = snapshot(request, info);
      if (new URL(copy.url).pathname !== path) return refuse(404, "Not found");
      const refusal = checkUpgrade(copy) ?? mayConnect(copy);
      if (refusal !== undefined) return refusal;
      return group.closing ? unavailable() : handshake(request, info, copy);
    },
    websocket: group.websocket,
    sockets: group.sockets,
    get lingering() {
      return group.lingering;
    },
    close: (closing) => group.close(closing),
  };
}
