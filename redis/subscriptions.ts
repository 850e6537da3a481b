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

/** A channel that is wanted, or that the connection has not yet let go. */
interface Channel {
  readonly name: string;
  wanted: boolean;
  /** Whether the connection that there is has confirmed it. */
  confirmed: boolean;
  /** Whether something is asked of that connection and not answered. */
  asked: boolean;
  /** All who wait until it is confirmed: one for all, since some ask again and again. Nobody while it is not wanted. */
  waiting: PromiseWithResolvers<void> | undefined;
}

/** A {@linkcode RedisSubscriber} on any client. */
export class Subscriptions implements RedisSubscriber {
  readonly #client: Client;
  readonly #events: SubscriberEvents;
  readonly #keeper: Keeper;
  readonly #channels = new Map<string, Channel>();
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
          if (this.#channels.get(channel)?.wanted) events.message(channel, payload);
        },
      },
      clock,
      options,
    );
  }

  subscribe(name: string): Promise<void> {
    if (this.#closed) return Promise.reject(new RedisLostError("Redis: the subscriber is closed", false));
    const channel = this.#channels.get(name) ??
      { name, wanted: true, confirmed: false, asked: false, waiting: undefined };
    channel.wanted = true;
    if (channel.confirmed) return Promise.resolve();
    this.#channels.set(name, channel);
    const { promise } = channel.waiting ??= Promise.withResolvers();
    void this.#settle(channel);
    return promise;
  }

  unsubscribe(name: string): void {
    const channel = this.#channels.get(name);
    if (!channel?.wanted) return;
    this.#end(channel, new RedisLostError(`Redis: ${name} was unsubscribed`, true));
    void this.#settle(channel);
  }

  drop(reason: string): void {
    this.#keeper.drop(reason);
  }

  close(): Promise<void> {
    this.#closed = true;
    const closed = new RedisLostError("Redis: the subscriber is closed", true);
    for (const channel of this.#channels.values()) this.#end(channel, closed);
    this.#channels.clear();
    return this.#keeper.close();
  }

  #opened(connection: Connection): void {
    const settled = [...this.#channels.values()].map((channel) => this.#settle(channel));
    Promise.all(settled).then(() => {
      if (!this.#missed || this.#keeper.current !== connection) return;
      this.#missed = false;
      this.#events.restored();
    });
  }

  #lost(error: RedisLostError): void {
    for (const channel of this.#channels.values()) {
      channel.confirmed = channel.asked = false;
      if (!channel.wanted) this.#channels.delete(channel.name);
    }
    if (this.#missed) return; // it was lost before all channels had come back
    this.#missed = true;
    this.#events.lost(error);
  }

  /**
   * Asks until the connection has what is wanted, one thing at a time: node-redis sends nothing for what is subscribed anew before
   * UNSUBSCRIBE is answered, and Bun's client throws for what is unsubscribed before SUBSCRIBE is. Never rejects.
   */
  async #settle(channel: Channel): Promise<void> {
    if (channel.asked) return; // it goes on when that is answered
    const connection = this.#keeper.current;
    while (connection && connection === this.#keeper.current && channel.wanted !== channel.confirmed) {
      const { name, wanted } = channel;
      channel.asked = true;
      channel.confirmed = false;
      const asked = wanted ? connection.subscribe(name) : connection.unsubscribe(name);
      const found = await asked.then(() => undefined, (error) => errorOf(error, this.#client));
      if (found instanceof RedisLostError) return this.#keeper.gone(connection, found);
      if (this.#keeper.current !== connection) return;
      channel.asked = false;
      if (!wanted) continue; // and if that was refused, nobody hears it
      if (found) this.#refused(connection, channel, found);
      else this.#confirmed(channel);
    }
    if (!channel.wanted) this.#channels.delete(channel.name);
  }

  #confirmed(channel: Channel): void {
    channel.confirmed = true;
    channel.waiting?.resolve();
    channel.waiting = undefined;
  }

  /** Whoever has it already can be told of no refusal: then it is the connection that is no good, and the next one may be. */
  #refused(connection: Connection, channel: Channel, refusal: RedisReplyError): void {
    if (channel.waiting !== undefined) this.#end(channel, refusal);
    else if (channel.wanted) this.#keeper.gone(connection, refusal);
  }

  #end(channel: Channel, error: Error): void {
    channel.wanted = false;
    channel.waiting?.reject(error);
    channel.waiting = undefined;
  }
}
