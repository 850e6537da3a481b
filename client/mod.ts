/**
 * The client: browsers, Deno, Bun and Node 22 or newer, on the standard WebSocket.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@millrace/millrace/client";
 * import type { App } from "./app.ts";
 *
 * await using app = connect<App>("wss://example.org/rpc");
 * console.log(await app.call.add({ a: 1, b: 2 }));
 * ```
 *
 * @module
 */

// The client.
export { connect } from "./client.ts";
export type { Client, ClientState, ConnectOptions } from "./client.ts";
export type { BackoffOptions } from "./backoff.ts";
export type { WebSocketFactory, WebSocketLike } from "./web_socket.ts";

// Calls and what they end in.
export type {
  Call,
  CallOptions,
  CallResult,
  ErrorsOf,
  ItemStream,
  StreamCall,
  ValueCall,
} from "../rpc/calls.ts";
export { CallError, isCallError } from "../rpc/errors.ts";
export type { CallErrorCode, DeclaredError, SystemError } from "../rpc/errors.ts";
export { closeAdvice, CloseCode } from "../rpc/close.ts";
