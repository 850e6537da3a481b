/**
 * Connections like those of a client of node-redis, made with `createClient` (tried with 6.3.1 on Deno and Bun). None connects again by itself, so nothing waits in
 * a queue; what was sent and has no answer, it never sends again.
 *
 * @module
 */
import type { Client, Connection, ConnectionEvents } from "./connection.ts";

/** What is used of a client of node-redis. */
export interface NodeRedis {
  /** What it was made with. */
  readonly options?: { readonly socket?: object | undefined } | undefined;
  /** A client with the same options and these. */
  duplicate(override: Record<string, unknown>): NodeRedis;
  /** Answered when it is ready. */
  connect(): Promise<unknown>;
  /** Ends the connection, and rejects what waits. */
  destroy(): void;
  /** Sends any command. */
  sendCommand(args: string[]): Promise<unknown>;
  /** SSUBSCRIBE. */
  sSubscribe(channel: string, listener: (payload: string, channel: string) => void): Promise<unknown>;
  /** SUNSUBSCRIBE. */
  sUnsubscribe(channel: string): Promise<unknown>;
  /** An EventEmitter's. */
  on(event: string, listener: (...args: never[]) => void): unknown;
}

/** Whether this was made with `createClient`. What `createCluster` and `createSentinel` make has all of it as well, and sends commands otherwise. */
export function isNodeRedis(client: object): client is NodeRedis {
  const { sendCommand, duplicate, sSubscribe, destroy, masters, getSentinelNode } = client as Record<
    string,
    unknown
  >;
  return [sendCommand, duplicate, sSubscribe, destroy].every((method) => typeof method === "function") &&
    masters === undefined && getSentinelNode === undefined;
}

/** Connections like this client's. */
export function nodeRedis(user: NodeRedis): Client {
  return {
    pubsub: "sharded",
    connect(events) {
      const override = {
        socket: { ...user.options?.socket, reconnectStrategy: false, socketTimeout: undefined },
        commandsQueueMaxLength: undefined,
        commandOptions: undefined,
        clientSideCache: undefined,
        emitInvalidate: undefined,
        pingInterval: undefined,
        readonly: undefined,
      };
      return new NodeRedisConnection(user.duplicate(override), events);
    },
    meaning: (error) =>
      error instanceof Error && /^(SimpleError|BlobError|ErrorReply)$/.test(error.constructor.name)
        ? "reply"
        : "lost",
  };
}

class NodeRedisConnection implements Connection {
  readonly #client: NodeRedis;
  readonly #hear: (payload: string, channel: string) => void;
  #closed = false;

  constructor(client: NodeRedis, events: ConnectionEvents) {
    this.#client = client;
    this.#hear = (payload, channel) => events.message(channel, payload);
    // destroy() misses a socket that is being connected.
    client.on("connect", () => {
      if (this.#closed) client.destroy();
    });
    client.on("error", (error: Error) => events.lost(error));
    client.on("end", () => events.lost(new Error("the connection is closed")));
    // The slot of a channel has moved to another node: its subscription is over.
    client.on("sharded-channel-moved", () => events.lost(new Error("a slot has moved")));
  }

  async open(): Promise<unknown> {
    return await this.#client.connect();
  }

  async command(args: readonly string[]): Promise<unknown> {
    return await this.#client.sendCommand([...args]);
  }

  ping(): Promise<unknown> {
    return this.command(["PING"]);
  }

  async subscribe(channel: string): Promise<unknown> {
    return await this.#client.sSubscribe(channel, this.#hear);
  }

  async unsubscribe(channel: string): Promise<unknown> {
    return await this.#client.sUnsubscribe(channel);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#client.destroy();
    return Promise.resolve();
  }
}
