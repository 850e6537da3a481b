/**
 * The channels that a subscriber wants, and their way back after a loss.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import { type Client, type Connection, errorOf } from "./connection.ts";
import { Keeper } from "./keeper.ts";
import {
  type LinkOptions,
  RedisLostError,
  type RedisReplyError,
  type RedisSubscriber,
  type SubscriberEvents,
} from "./link.ts";

/** One channel that is wanted. */
interface Wanted {
  /** Whether the connection that there is has confirmed it. */
  confirmed: boolean;
  /** Who waits for that. */
  waiting: { resolve(): void; reject(error: unknown): void }[];
}

/** A {@linkcode RedisSubscriber} on any client. */
export class Subscriptions implements RedisSubscriber {
  readonly #client: Client;
  readonly #events: SubscriberEvents;
  readonly #keeper: Keeper;
  readonly #wanted = new Map<string, Wanted>();
  #missed = false;
  #closed = false;

  constructor(client: Client, events: SubscriberEvents, clock: Clock, options: LinkOptions) {
    this.#client = client;
    this.#events = events;
    this.#keeper = new Keeper(
      client,
      {
        opened: (connection) => this.#opened(connection),
        lost: (error) => this.#lost(error),
        message: (channel, payload) => {
          if (this.#wanted.has(channel)) events.message(channel, payload);
        },
      },
      clock,
      options,
    );
  }

  subscribe(channel: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new RedisLostError("Redis: the subscriber is closed", false));
      const known = this.#wanted.get(channel);
      if (known?.confirmed) return resolve();
      if (known) return void known.waiting.push({ resolve, reject });
      const wanted: Wanted = { confirmed: false, waiting: [{ resolve, reject }] };
      this.#wanted.set(channel, wanted);
      const connection = this.#keeper.current;
      if (connection) this.#ask(connection, channel, wanted);
    });
  }

  unsubscribe(channel: string): void {
    const wanted = this.#wanted.get(channel);
    if (!wanted) return;
    this.#end(channel, wanted, new RedisLostError(`Redis: ${channel} was unsubscribed`, true));
    const connection = this.#keeper.current;
    connection?.unsubscribe(channel).catch((error) => {
      const found = errorOf(error, this.#client);
      if (found instanceof RedisLostError) this.#keeper.gone(connection, found);
    });
  }

  drop(reason: string): void {
    this.#keeper.drop(reason);
  }

  close(): Promise<void> {
    this.#closed = true;
    const closed = new RedisLostError("Redis: the subscriber is closed", true);
    for (const [channel, wanted] of this.#wanted) this.#end(channel, wanted, closed);
    return this.#keeper.close();
  }

  #opened(connection: Connection): void {
    const asked = [...this.#wanted].map(([channel, wanted]) => this.#ask(connection, channel, wanted));
    Promise.all(asked).then(() => {
      if (!this.#missed || this.#keeper.current !== connection) return;
      this.#missed = false;
      this.#events.restored();
    });
  }

  #lost(error: RedisLostError): void {
    for (const wanted of this.#wanted.values()) wanted.confirmed = false;
    if (this.#missed) return; // it was lost before all channels had come back
    this.#missed = true;
    this.#events.lost(error);
  }

  /** Never rejects. */
  async #ask(connection: Connection, channel: string, wanted: Wanted): Promise<void> {
    let refusal: RedisReplyError | undefined;
    try {
      await connection.subscribe(channel);
    } catch (error) {
      const found = errorOf(error, this.#client);
      // Whoever has it already can be told of no refusal: then it is the connection that is no good, and the next one may be.
      if (found instanceof RedisLostError || wanted.waiting.length === 0) {
        return this.#keeper.gone(connection, found);
      }
      refusal = found;
    }
    if (this.#keeper.current !== connection || this.#wanted.get(channel) !== wanted) return;
    if (refusal) return this.#end(channel, wanted, refusal);
    wanted.confirmed = true;
    for (const { resolve } of wanted.waiting.splice(0)) resolve();
  }

  #end(channel: string, wanted: Wanted, error: Error): void {
    this.#wanted.delete(channel);
    for (const { reject } of wanted.waiting.splice(0)) reject(error);
  }
}
