/**
 * The clients that a user may bring, as a user makes them, and what the tests of Redis wait with.
 */
import { Buffer } from "node:buffer";
import { Redis } from "ioredis";
import { createClient, RESP_TYPES } from "redis";
import type { BunRedis } from "../../redis/bun_redis.ts";
import type { RedisLostError, RedisSubscriber, SubscriberEvents } from "../../redis/link.ts";
import { Mailbox } from "./mailbox.ts";

/** A client of the user's. */
export interface UserClient {
  /** What `linkOf` gets. */
  readonly client: unknown;
  /** Sends a command on it, connecting first if need be. */
  command(...args: [string, ...string[]]): Promise<unknown>;
  /** Ends it. */
  close(): void;
}

/** One kind of client. */
export interface ClientKind {
  /** Its name. */
  readonly name: string;
  /** Makes one; nothing has connected yet. `odd`: with options that would change everything, were they to hold for a link. */
  make(url: string, odd?: boolean): UserClient;
}

const ioredis: ClientKind = {
  name: "ioredis",
  make(url, odd = false) {
    const options = {
      keyPrefix: "odd:",
      stringNumbers: true,
      maxRetriesPerRequest: 0,
      protocol: 2,
      enableAutoPipelining: true,
      retryStrategy: () => null,
      commandTimeout: 1,
    } as const;
    const client = new Redis(url, { lazyConnect: true, ...(odd && options) });
    return {
      client,
      command: (command, ...args) => client.call(command, ...args),
      close: () => client.disconnect(),
    };
  },
};

const nodeRedis: ClientKind = {
  name: "node-redis",
  make(url, odd = false) {
    const options = {
      RESP: 2,
      keyPrefix: "odd:",
      pingInterval: 5,
      commandsQueueMaxLength: 1,
      commandOptions: {
        typeMapping: { [RESP_TYPES.SIMPLE_STRING]: Buffer, [RESP_TYPES.BLOB_STRING]: Buffer },
      },
    } as const;
    const socket = { reconnectStrategy: false, socketTimeout: 100 } as const;
    const client = odd ? createClient({ url, ...options, socket }) : createClient({ url });
    client.on("error", () => {});
    return {
      client,
      async command(...args) {
        if (!client.isOpen) await client.connect();
        return client.sendCommand(args);
      },
      close: () => client.destroy(),
    };
  },
};

type BunClass = { readonly RedisClient: new (url: string, options?: Record<string, boolean>) => BunRedis };
const bun = (globalThis as { Bun?: BunClass }).Bun;

const bunRedis: ClientKind = {
  name: "Bun.RedisClient",
  make(url, odd = false) {
    const options = { autoReconnect: false, enableOfflineQueue: false, enableAutoPipelining: false };
    const client = new bun!.RedisClient(url, odd ? options : {});
    return {
      client,
      command: (command, ...args) => client.send(command, args),
      close: () => client.close(),
    };
  },
};

/** The clients that there are on this runtime. */
export const CLIENTS: readonly ClientKind[] = bun ? [ioredis, nodeRedis, bunRedis] : [ioredis, nodeRedis];

/** Waits for something that must come; an error says what did not. */
export async function within<T>(what: string, promise: Promise<T>, ms = 15_000): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a subscriber tells, to be waited for. */
export class Heard implements SubscriberEvents {
  readonly #messages = new Mailbox<string>();
  readonly #states = new Mailbox<"restored" | "lost">();
  /** The loss that was told last. */
  error: RedisLostError | undefined;

  /** Messages that came and that nobody has asked for. */
  get size(): number {
    return this.#messages.size;
  }

  /** Changes that came and that nobody has asked for. */
  get changes(): number {
    return this.#states.size;
  }

  message(channel: string, payload: string): void {
    this.#messages.push(`${channel} ${payload}`);
  }

  restored(): void {
    this.#states.push("restored");
  }

  lost(error: RedisLostError): void {
    this.error = error;
    this.#states.push("lost");
  }

  /** The next message, as `channel payload`. */
  next(): Promise<string> {
    return within("a message", this.#messages.next());
  }

  /** The next change. */
  state(): Promise<"restored" | "lost"> {
    return within("lost or restored", this.#states.next());
  }
}

/** Subscribes, and waits for it. */
export async function subscribed(subscriber: RedisSubscriber, ...channels: string[]): Promise<void> {
  await within("subscribe", Promise.all(channels.map((channel) => subscriber.subscribe(channel))));
}
