/**
 * Connections like those of an ioredis client (tried with 6.0.0 on Deno and Bun). None connects again by itself, and with that goes all that hangs on it:
 * by default ioredis sends again what had no answer, so that an append whose answer was lost is appended twice, and it
 * subscribes again without a handler for the refusal, which is then an unhandled rejection.
 *
 * @module
 */
import type { Client, Connection, ConnectionEvents } from "./connection.ts";

/** What is used of `Redis` of ioredis. */
export interface IoRedis {
  /** A client with the same options and these. */
  duplicate(override: Record<string, unknown>): IoRedis;
  /** `wait`, `connecting`, `connect`, `ready`, `close`, `end`. */
  readonly status: string;
  /** The socket, once there is one. */
  readonly stream?: { destroy(): unknown; cork?(): void; uncork?(): void } | null | undefined;
  /** Answered when it is ready. */
  connect(): Promise<unknown>;
  /** Ends the connection. */
  disconnect(): void;
  /** Sends any command. */
  call(command: string, ...args: string[]): Promise<unknown>;
  /** SSUBSCRIBE. */
  ssubscribe(channel: string): Promise<unknown>;
  /** SUNSUBSCRIBE. */
  sunsubscribe(channel: string): Promise<unknown>;
  /** An EventEmitter's. */
  on(event: string, listener: (...args: never[]) => void): unknown;
}

const OVERRIDE = {
  lazyConnect: true,
  retryStrategy: () => null,
  sentinelRetryStrategy: () => null,
  enableOfflineQueue: false,
  reconnectOnError: null,
  enableAutoPipelining: false,
  commandTimeout: undefined,
  socketTimeout: undefined,
  keyPrefix: "",
  stringNumbers: false,
  replyMapping: "legacy",
  monitor: false,
  readOnly: false,
};

/** Whether this is a `Redis` of ioredis. */
export function isIoRedis(client: object): client is IoRedis {
  const { call, duplicate, ssubscribe, isCluster } = client as Record<string, unknown>;
  return typeof call === "function" && typeof duplicate === "function" && typeof ssubscribe === "function" &&
    isCluster !== true;
}

/**
 * Connections like this client's.
 *
 * @param immediate Runs something when the turn is over.
 */
export function ioRedis(user: IoRedis, immediate: (run: () => void) => void): Client {
  return {
    pubsub: "sharded",
    connect: (events) => new IoRedisConnection(user.duplicate(OVERRIDE), events, immediate),
    meaning(error) {
      if (!(error instanceof Error)) return "lost";
      if (error.name === "ReplyError") return "reply";
      return error.message.startsWith("Stream isn't writeable") ? "unsent" : "lost";
    },
  };
}

class IoRedisConnection implements Connection {
  readonly #client: IoRedis;
  readonly #immediate: (run: () => void) => void;
  readonly #ended: Promise<void>;
  #corked = false;

  constructor(client: IoRedis, events: ConnectionEvents, immediate: (run: () => void) => void) {
    this.#client = client;
    this.#immediate = immediate;
    let reason: unknown = new Error("the connection is closed");
    client.on("error", (error: Error) => {
      reason = error;
    });
    this.#ended = new Promise((resolve) => {
      client.on("end", () => {
        resolve();
        events.lost(reason);
      });
    });
    // The slot of a channel has moved to another node: its subscription is over.
    client.on("moved", () => events.lost(new Error("a slot has moved")));
    client.on("smessage", (channel: string, payload: string) => events.message(channel, payload));
  }

  async open(): Promise<unknown> {
    return await this.#client.connect();
  }

  async command([command, ...args]: readonly string[]): Promise<unknown> {
    this.#cork();
    return await this.#client.call(command!, ...args);
  }

  ping(): Promise<unknown> {
    return this.command(["PING"]);
  }

  async subscribe(channel: string): Promise<unknown> {
    this.#cork();
    return await this.#client.ssubscribe(channel);
  }

  async unsubscribe(channel: string): Promise<unknown> {
    return await this.#client.sunsubscribe(channel);
  }

  close(): Promise<void> {
    if (this.#client.status === "end") return Promise.resolve(); // disconnect() would leave a timer of 2 s
    this.#client.disconnect();
    this.#client.stream?.destroy(); // disconnect() waits for the other end, which may be silent
    return this.#ended;
  }

  /** ioredis writes each command by itself: 1,000 of one turn came in 255 to 444 reads. */
  #cork(): void {
    const { stream } = this.#client;
    if (this.#corked || !stream?.cork) return;
    this.#corked = true;
    stream.cork();
    this.#immediate(() => {
      this.#corked = false;
      stream.uncork?.();
    });
  }
}
