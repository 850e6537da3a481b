/**
 * A link on any client: one connection for commands, and one for each subscriber.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import { type Client, errorOf, replyOf } from "./connection.ts";
import { Keeper } from "./keeper.ts";
import {
  type LinkOptions,
  type RedisLink,
  RedisLostError,
  type RedisSubscriber,
  type Reply,
  type SubscriberEvents,
} from "./link.ts";
import { Subscriptions } from "./subscriptions.ts";

/** A {@linkcode RedisLink} on any client. */
export class ClientLink implements RedisLink {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #options: LinkOptions;
  readonly #keeper: Keeper;
  readonly #listeners = new Set<() => void>();
  readonly #subscribers = new Set<Subscriptions>();
  #waiting: { resolve(): void; reject(error: unknown): void }[] = [];
  #closed = false;

  constructor(client: Client, clock: Clock, options: LinkOptions) {
    this.#client = client;
    this.#clock = clock;
    this.#options = options;
    const kept = { opened: () => this.#opened(), lost: () => {}, message: () => {} };
    this.#keeper = new Keeper(client, kept, clock, options);
  }

  get pubsub(): "sharded" | "ordinary" {
    return this.#client.pubsub;
  }

  get trouble(): RedisLostError | undefined {
    return this.#keeper.trouble;
  }

  get untold(): string | undefined {
    return this.#client.untold;
  }

  async command(args: readonly string[]): Promise<Reply> {
    const connection = this.#keeper.current;
    if (!connection) throw new RedisLostError("Redis: there is no connection", false);
    let value;
    try {
      value = await connection.command(args);
    } catch (error) {
      const found = errorOf(error, this.#client);
      if (found instanceof RedisLostError) this.#keeper.gone(connection, found);
      throw found;
    }
    this.#keeper.heard();
    return replyOf(value);
  }

  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) reject(new RedisLostError("Redis: the link is closed", false));
      else if (this.#keeper.current) resolve();
      else this.#waiting.push({ resolve, reject });
    });
  }

  onConnect(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  subscriber(events: SubscriberEvents): RedisSubscriber {
    if (this.#closed) throw new RedisLostError("Redis: the link is closed", false);
    const made = new Subscriptions(this.#client, events, this.#clock, this.#options);
    this.#subscribers.add(made);
    return made;
  }

  drop(reason: string): void {
    this.#keeper.drop(reason);
    for (const made of this.#subscribers) made.drop(reason);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const closed = new RedisLostError("Redis: the link is closed", false);
    for (const { reject } of this.#waiting.splice(0)) reject(closed);
    await Promise.all([this.#keeper.close(), ...[...this.#subscribers].map((made) => made.close())]);
  }

  #opened(): void {
    for (const listener of [...this.#listeners]) listener();
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
}
