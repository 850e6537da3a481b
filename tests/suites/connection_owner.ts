/**
 * A connection on a fake runtime, with time at a standstill.
 */

import { Connection, type ConnectionOwner } from "../../src/connection.ts";
import { type SocketLimits, socketLimits } from "../../src/limits.ts";
import type { Socket, SocketHandlers } from "../../src/socket.ts";
import { Watch } from "../../src/watch.ts";
import { FakeLink } from "./fake_link.ts";
import { ManualTimers } from "./manual_timers.ts";

/** A server of one connection, with what its handlers were told. */
export class Owner implements ConnectionOwner<undefined> {
  readonly timers = new ManualTimers();
  readonly log: string[] = [];
  readonly sockets = new Set<Socket<undefined>>();
  readonly limits: SocketLimits;
  readonly watch: Watch;
  readonly handlers: SocketHandlers<undefined>;
  readonly link: FakeLink;
  readonly connection: Connection<undefined>;
  lingering = 0;
  stopping = false;

  constructor(
    { announcesDrain = false, limits = {}, handlers = {} }: {
      announcesDrain?: boolean;
      limits?: Partial<SocketLimits>;
      handlers?: Partial<SocketHandlers<undefined>>;
    } = {},
  ) {
    this.limits = socketLimits({
      queue: 10_000,
      runtimeBuffer: 1_000,
      stall: 4_000,
      closeTimeout: 500,
      ...limits,
    });
    this.watch = new Watch(this.timers, this.limits.stall);
    this.handlers = {
      open: () => void this.log.push("open"),
      message: (_socket, frame) => void this.log.push(`message ${frame.byteLength}`),
      drain: () => void this.log.push("drain"),
      close: (_socket, code, reason) => void this.log.push(`close ${code} ${reason}`.trim()),
      ...handlers,
    };
    this.link = new FakeLink({ announcesDrain });
    this.connection = new Connection<undefined>(this, { address: "192.0.2.1", data: undefined });
  }

  add(socket: Socket<undefined>): boolean {
    if (!this.stopping) this.sockets.add(socket);
    return !this.stopping;
  }

  remove(socket: Socket<undefined>): void {
    this.sockets.delete(socket);
  }

  report(error: unknown): void {
    this.log.push(`error ${(error as Error).message}`);
  }

  /** Opens, and forgets that it did. */
  open(): this {
    this.connection.opened(this.link);
    this.log.length = 0;
    return this;
  }
}
