/**
 * Connections like those of Bun's own `RedisClient` (tried with Bun 1.4.5).
 *
 * - It cannot hear sharded pushes: SSUBSCRIBE by `send()` is confirmed, and what comes then is dropped. So it subscribes with SUBSCRIBE.
 * - `duplicate()` takes no options: it connects again by itself and queues what is sent meanwhile. It does not subscribe again,
 *   tells of no loss before 20 attempts (31 s) have failed, and then gives up. So a connection is over as soon as `connected` is false, a
 *   command fails, or it has connected a second time, and is then closed, which rejects what is in its queue.
 * - An error that the server answers while there are subscriptions ends the connection for good ("Connection has failed"), and the command that it
 *   answered is never told of it. So of subscriptions that Redis refuses only the first on a connection is told; with another in front, the
 *   connection comes and goes.
 * - `unsubscribe()` throws, and so does not reject, while no SUBSCRIBE is confirmed on the connection that there is.
 * - Of no connection it tells "Connection closed", after 2 s where nobody listens and where only one side speaks TLS, at once where the password is wrong.
 * - What was sent and has no answer, it never sends again.
 *
 * @module
 */
import type { Client, Connection, ConnectionEvents } from "./connection.ts";
import { RedisLostError } from "./link.ts";

/** What is used of Bun's `RedisClient`. */
export interface BunRedis {
  /** Whether there is a connection now. */
  readonly connected: boolean;
  /** Bytes that wait; what it is known by. */
  readonly bufferedAmount: number;
  /** Told of every connection. */
  onconnect: (() => void) | null;
  /** Told when it has given up, or was closed. */
  onclose: ((error: Error) => void) | null;
  /** A client with the same options, not yet connected if this one is not. */
  duplicate(): Promise<BunRedis>;
  /** Answered when there is a connection. */
  connect(): Promise<unknown>;
  /** Ends the connection, and rejects what waits. */
  close(): void;
  /** Sends any command. */
  send(command: string, args: string[]): Promise<unknown>;
  /** SUBSCRIBE. */
  subscribe(channel: string, listener: (payload: string, channel: string) => void): Promise<unknown>;
  /** UNSUBSCRIBE. */
  unsubscribe(channel: string): Promise<unknown>;
}

/** Whether this is a `RedisClient` of Bun. */
export function isBunRedis(client: object): client is BunRedis {
  const { send, duplicate, subscribe, bufferedAmount } = client as Record<string, unknown>;
  return [send, duplicate, subscribe].every((method) => typeof method === "function") &&
    typeof bufferedAmount === "number";
}

const UNTOLD =
  "Bun's client does not tell why: look whether there is a server at its address, whether user and password are right, and whether both sides speak TLS or neither does";

/** Connections like this client's. */
export function bunRedis(user: BunRedis): Client {
  return {
    pubsub: "ordinary",
    untold: UNTOLD,
    connect: (events) => new BunRedisConnection(user, events),
    meaning: (error) => (error as { code?: unknown })?.code === "ERR_REDIS_SERVER_ERROR" ? "reply" : "lost",
  };
}

class BunRedisConnection implements Connection {
  readonly #events: ConnectionEvents;
  readonly #made: Promise<BunRedis>;
  #client: BunRedis | undefined;
  #closed = false;

  constructor(user: BunRedis, events: ConnectionEvents) {
    this.#events = events;
    this.#made = user.duplicate();
  }

  async open(): Promise<void> {
    const client = await this.#made;
    if (this.#closed) return client.close();
    this.#client = client;
    let connections = 0;
    client.onconnect = () => {
      if (++connections > 1) this.#events.lost(new Error("the connection was lost"));
    };
    client.onclose = (error) => this.#events.lost(error);
    await client.connect();
    connections = 1; // of one that was connected already nothing is told
  }

  async command([command, ...args]: readonly string[]): Promise<unknown> {
    const client = this.#client;
    if (!client?.connected) throw new RedisLostError("Redis: the connection was lost", false);
    return await client.send(command!, args);
  }

  // PING may be answered with an error (MISCONF), which would be the end of a connection with subscriptions.
  ping(): Promise<unknown> {
    return this.command(["ECHO", ""]);
  }

  async subscribe(channel: string): Promise<unknown> {
    return await this.#client!.subscribe(channel, (payload) => this.#events.message(channel, payload));
  }

  async unsubscribe(channel: string): Promise<unknown> {
    return await this.#client!.unsubscribe(channel);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#client?.close();
    return Promise.resolve();
  }
}
