/**
 * A binary WebSocket server for Deno and Bun: the same file runs under `deno serve` and `bun`. It says nothing of
 * MessagePack or of calls, and is usable alone.
 *
 * What it adds to the runtimes: checks before the upgrade, an Origin rule, one queue with a limit in front of a small
 * runtime buffer, deadlines for peers that stall or never close, close codes that mean the same on both, and handlers
 * whose exceptions stay inside.
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
 * @module
 */

// The server.
export { socketServer } from "./server.ts";
export type { SocketServer, SocketServerOptions } from "./server.ts";
export type { CloseAllOptions } from "./group.ts";

// Its sockets.
export type { SendResult, Socket, SocketHandlers, Upgrade } from "./socket.ts";
export type { SocketLimits } from "./limits.ts";
export { type CloseCodes, closeCodes } from "./close.ts";

// Who may connect.
export { originRule } from "./origin.ts";
export type { OriginOptions, OriginRule } from "./origin.ts";
export type { RequestSnapshot } from "./upgrade.ts";
export { parseSubprotocols, selectSubprotocol } from "./subprotocol.ts";
export { TokenBuckets } from "./token_bucket.ts";
export type { TokenBucketOptions } from "./token_bucket.ts";
export { addressKey } from "./address.ts";

// The runtimes' side of the types above.
export type { BunSocket, BunWebSocketHandler } from "./bun.ts";
export type { Link, LinkEvents } from "./link.ts";
