/**
 * The sockets of one server: who is open, what they share, and how all of them are closed.
 */

import { bunWebSocket, type BunWebSocketHandler } from "./bun.ts";
import { closeCodes } from "./close.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { type SocketLimits, socketLimits } from "./limits.ts";
import type { Socket, SocketHandlers, Upgrade } from "./socket.ts";
import { systemTimers, type Timers } from "./timers.ts";
import { acceptUpgrade, type RequestSnapshot } from "./upgrade.ts";
import { Watch } from "./watch.ts";

/** What a {@linkcode SocketGroup} is made of. */
export interface GroupOptions<Data> {
  /** What to do with the sockets. */
  readonly handlers: SocketHandlers<Data>;
  /** Limits other than the defaults. */
  readonly limits?: Partial<SocketLimits> | undefined;
  /** The clock. Default: the runtime's. */
  readonly timers?: Timers | undefined;
}

/** What {@linkcode SocketGroup.accept} needs beside the request. */
export interface GroupUpgrade<Data> extends Upgrade<Data> {
  /** The second argument of `fetch`: Deno's `ServeHandlerInfo` or Bun's `Server`. */
  readonly info: unknown;
  /** The copy that was taken of the request, or what is known of it. */
  readonly snapshot: Pick<RequestSnapshot, "headers" | "address">;
}

/** How {@linkcode SocketGroup.close} closes. */
export interface CloseAllOptions {
  /** The close code of every socket. Default: 1001, going away. 1012 tells clients of a restart. */
  code?: number;
  /** The close reason, cut to 123 bytes of UTF-8. Default: none. */
  reason?: string;
  /** Milliseconds until the sockets that are still closing are terminated. Default: `limits.closeTimeout`. */
  deadline?: number;
}

/**
 * A set of sockets with common handlers and limits. It routes nothing and checks no origin: `socketServer` does, and
 * servers with routes of their own use this.
 */
export class SocketGroup<Data> {
  /** The limits in force. */
  readonly limits: SocketLimits;
  /** What Bun's `serve` wants as `websocket`; Deno ignores it. */
  readonly websocket: BunWebSocketHandler;
  readonly #owner: Owner<Data>;

  /**
   * Starts with no sockets.
   *
   * @throws {RangeError} When a limit is not a positive number.
   */
  constructor({ handlers, limits, timers = systemTimers }: GroupOptions<Data>) {
    this.limits = socketLimits(limits);
    // Some slack, so that what is a little too big is refused by the same code as on Deno.
    this.websocket = bunWebSocket(this.limits.message + 1_024, this.limits.idle);
    this.#owner = new Owner(handlers, this.limits, timers);
  }

  /** The open sockets. */
  get sockets(): ReadonlySet<Socket<Data>> {
    return this.#owner.sockets;
  }

  /**
   * Connections that were given up but that the runtime still holds: stalled peers on Deno, which cannot cut them.
   * Always 0 on Bun.
   */
  get lingering(): number {
    return this.#owner.lingering;
  }

  /** True from the first call of {@linkcode close} on: answer new requests with 503. */
  get closing(): boolean {
    return this.#owner.closing;
  }

  /**
   * Upgrades a request that `checkUpgrade` has passed, and returns what `fetch` must return: the 101 response, or 400
   * when the client has left meanwhile. The `open` handler runs before this returns on Bun, later on Deno, and never
   * when the client leaves first: `data` has to be complete.
   *
   * @throws {TypeError} When the protocol was not offered, a header belongs to the handshake, or Bun's server is missing.
   */
  accept(request: Request, { info, snapshot, data, protocol, headers }: GroupUpgrade<Data>): Response {
    const events = new Connection(this.#owner, { address: snapshot.address, data });
    return acceptUpgrade(request, { info, snapshot, protocol, headers, idle: this.limits.idle, events });
  }

  /**
   * Closes every socket, and each that is still on its way in, and resolves when all close handlers have been called:
   * at the latest after `deadline`. There is no way back.
   *
   * @throws {RangeError} When `code` may not be sent.
   */
  close(options: CloseAllOptions = {}): Promise<void> {
    return this.#owner.closeAll(options);
  }

  /** Tells the `error` handler of an exception outside of any socket. Never throws. */
  report(error: unknown): void {
    this.#owner.report(error);
  }
}

/** The group as its connections see it. */
class Owner<Data> implements ConnectionOwner<Data> {
  readonly handlers: SocketHandlers<Data>;
  readonly limits: SocketLimits;
  readonly timers: Timers;
  readonly watch: Watch;
  readonly sockets = new Set<Socket<Data>>();
  lingering = 0;
  closing = false;
  #allClosed: (() => void)[] = [];

  constructor(handlers: SocketHandlers<Data>, limits: SocketLimits, timers: Timers) {
    this.handlers = handlers;
    this.limits = limits;
    this.timers = timers;
    this.watch = new Watch(timers, limits.stall);
  }

  add(socket: Socket<Data>): boolean {
    if (!this.closing) this.sockets.add(socket);
    return !this.closing;
  }

  remove(socket: Socket<Data>): void {
    this.sockets.delete(socket);
    if (this.sockets.size > 0) return;
    for (const resolve of this.#allClosed.splice(0)) resolve();
  }

  report(error: unknown, socket?: Socket<Data>): void {
    try {
      if (this.handlers.error === undefined) return console.error(error);
      const result: unknown = this.handlers.error(error, socket);
      Promise.resolve(result).catch((failure) => console.error(failure));
    } catch (failure) {
      console.error(failure);
    }
  }

  async closeAll({ code = closeCodes.goingAway, reason = "", deadline }: CloseAllOptions): Promise<void> {
    this.closing = true;
    for (const socket of this.sockets) socket.close(code, reason);
    if (this.sockets.size === 0) return;
    const timer = this.timers.setTimeout(() => this.#terminateAll(), deadline ?? this.limits.closeTimeout);
    await new Promise<void>((resolve) => this.#allClosed.push(resolve));
    this.timers.clearTimeout(timer);
  }

  #terminateAll(): void {
    for (const socket of this.sockets) socket.terminate();
  }
}
