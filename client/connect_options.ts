/**
 * What a client is made with, and what it tells of itself.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import type { HasContract } from "../rpc/contract.ts";
import type { Limits } from "../rpc/limits.ts";
import type { BackoffOptions } from "./backoff.ts";
import type { Offers } from "./types.ts";
import type { WakeSource } from "./wake.ts";
import type { WebSocketFactory } from "./web_socket.ts";

/** What `connect` takes beside the URL. */
export interface ConnectOptions<App extends HasContract> {
  /**
   * Says who it is: a text without lone surrogates. A function is asked for each connection and before the token expires; a text is used as it is. It travels in the
   * first message, never in the URL.
   */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>);
  /**
   * Where the token travels: a subprotocol reaches proxies that authenticate handshakes, and must be of base64url characters and dots;
   * with another the client closes for good, `UNAUTHENTICATED`.
   *
   * @default "message"
   */
  readonly tokenIn?: "message" | "subprotocol";
  /** The functions that the server may call, as the contract names them. */
  readonly client?: Offers<App>;
  /** Milliseconds that a call may take when it says nothing else, streams included. By default the server's bound holds. */
  readonly timeout?: number;
  /**
   * Calls that wait for a connection, at most; the surplus fails with `RESOURCE_EXHAUSTED`. Where there is one, calls may wait for the code
   * of streams: those are bounded by `limits.calls`, as calls that run.
   *
   * @default 256
   */
  readonly queue?: number;
  /** Milliseconds that a call waits for a connection before it fails with `UNAVAILABLE`. @default 30000 */
  readonly queueTimeout?: number;
  /** What waits to be published, or for the answer to that, at most; before the code of channels is there, with what else waits for it; the surplus fails with `RESOURCE_EXHAUSTED`. @default 1000 publications, 4 MiB */
  readonly outbox?: { readonly messages?: number; readonly bytes?: number };
  /** The waits between attempts. */
  readonly backoff?: BackoffOptions;
  /** Bounds other than the defaults. */
  readonly limits?: Partial<Limits>;
  /** Makes the WebSocket, by default the runtime's. */
  readonly webSocket?: WebSocketFactory;
  /** Told of what an offered function threw, and of a token function that failed. By default `console.error`. */
  readonly onError?: (error: unknown) => void;
  /** Tells of sleep and network changes. By default the events of the page or worker, and jumps of its time of day; timers that fire late tell everywhere. */
  readonly wake?: WakeSource;
  /** Time and chance, for tests. */
  readonly clock?: Clock;
  /** Random bytes that nobody can guess, for tests: by default those of `crypto`. */
  readonly randomBytes?: (length: number) => Uint8Array;
}

/** Where a client is. */
export interface ClientState {
  /**
   * `connecting` for the first time, `open`, `reconnecting` after a connection was lost or is about to be, `closed` for good.
   */
  readonly status: "connecting" | "open" | "reconnecting" | "closed";
  /** Why the last connection ended, if one did. */
  readonly reason?: { readonly code: number; readonly reason: string } | undefined;
  /**
   * Whether it carries on where the connection before was lost: calls and streams went on. `false` when it does not, and left out for the
   * first connection.
   */
  readonly resumed?: boolean | undefined;
  /** Milliseconds from then to the next attempt, while `reconnecting`. */
  readonly retryIn?: number | undefined;
}

/** The bytes of `crypto`. */
export function cryptoBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}
