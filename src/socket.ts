/**
 * What a program sees of one open WebSocket, on Deno and on Bun alike.
 */

/**
 * What became of a sent frame. `"sent"`: handed to the runtime. `"queued"`: waits in our queue, in order, and a
 * {@linkcode SocketHandlers.drain} will follow. `"closed"`: dropped, because the socket is closed, is closing,
 * or was cut by this very frame (4503).
 */
export type SendResult = "sent" | "queued" | "closed";

/** One open WebSocket that carries binary frames. */
export interface Socket<Data = unknown> {
  /** Unique within this process, never used again. */
  readonly id: number;
  /** The program's own data, given at the upgrade. */
  data: Data;
  /** The client's address without the port; "" for a unix socket. A proxy's address, if there is one. */
  readonly address: string;
  /** Bytes that wait for the peer: those in our queue and those in the runtime's buffer, not the kernel's. */
  readonly buffered: number;
  /** False from the first call of `close` or `terminate`, or the end of the connection, on. */
  readonly open: boolean;
  /**
   * Sends one binary frame, in order.
   *
   * `frame` is borrowed until the call returns and may be overwritten at once. What has to be queued is copied once,
   * unless `shared` promises that nobody will ever modify the bytes: then the queue keeps a reference, so that one
   * buffer serves any number of sockets.
   *
   * @throws {TypeError} When `frame` is not a `Uint8Array`.
   */
  send(frame: Uint8Array, options?: { shared?: boolean }): SendResult;
  /**
   * Asks for one call of {@linkcode SocketHandlers.drain} as soon as {@linkcode buffered} is zero, on the next turn
   * if it is zero already. Not needed after a `send` that returned `"queued"`.
   */
  requestDrain(): void;
  /**
   * Sends what is queued, then closes with `code` (default 1000) and `reason` (cut to 123 bytes of UTF-8).
   * Frames that still arrive are dropped. After `closeTimeout` the connection is ended without the peer's answer. The
   * close handler gets this code and reason, never during this call. Does nothing on a closed socket.
   *
   * @throws {RangeError} When `code` may not be sent: 1004 to 1006, below 1000, 1015 to 2999, above 4999.
   */
  close(code?: number, reason?: string): void;
  /**
   * Ends the connection at once and drops what waits; the close handler gets 1006, never during this call. On
   * Deno, which cannot cut a connection, a peer that does not read may keep its TCP connection until TCP itself gives up.
   */
  terminate(): void;
  /**
   * Stops reading, so that TCP holds the peer back. Returns false, and changes nothing, where the runtime cannot: on
   * Deno. The idle timeout of Bun stops with it: keep a deadline of your own.
   */
  pause(): boolean;
  /** Reads again after {@linkcode pause}. */
  resume(): void;
}

/**
 * What a program does with its sockets. A handler that throws, or whose promise rejects, is reported to `error` and
 * its socket is closed with 1011; nothing escapes. Promises are not awaited: the next message may come before.
 */
export interface SocketHandlers<Data = unknown> {
  /** A socket has opened. */
  open?(socket: Socket<Data>): void;
  /**
   * A binary frame has arrived. `frame` is yours to keep: a buffer of its own, exactly this long, on both runtimes.
   * A text frame never gets here: it closes the socket with 1003, and a frame over `limits.message` with 1009.
   */
  message(socket: Socket<Data>, frame: Uint8Array): void;
  /** `buffered` is zero again, after a `send` returned `"queued"` or after `requestDrain()`; once for each. */
  drain?(socket: Socket<Data>): void;
  /**
   * The socket has closed. Called exactly once for each `open`, with the code and reason of whoever closed first:
   * 1005 for a peer that gave none, 1006 for a connection that broke.
   */
  close?(socket: Socket<Data>, code: number, reason: string): void;
  /** A handler threw; `socket` is the one it was called for. Default: `console.error`. */
  error?(error: unknown, socket?: Socket<Data>): void;
}

/** What a socket is upgraded with. */
export interface Upgrade<Data> {
  /** Becomes {@linkcode Socket.data}. Acquire resources in `open`, not here: a client may leave during the upgrade. */
  data: Data;
  /** The subprotocol to select, one of those the client offered. Default: none, and none is sent. */
  protocol?: string;
  /** Further headers of the 101 response, such as `set-cookie`. */
  headers?: HeadersInit;
}
