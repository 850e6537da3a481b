/**
 * A broker on a real redis-server, as the checks of brokers want it.
 */
import type { Broker } from "../../rpc/broker.ts";
import { redisBroker, type RedisBrokerOptions } from "../../redis/mod.ts";
import { channelKeys } from "../../redis/keys.ts";
import type { BrokerCapability, BrokerFixture } from "../../testing/broker_suite.ts";
import type { RedisServer } from "../../tools/redis.mjs";
import type { ClientKind, UserClient } from "./redis_clients.ts";

/** What {@linkcode RedisFixture} can do. The time of a server cannot be moved on. */
export const CAPABILITIES: readonly BrokerCapability[] = ["evict", "node", "restart"];

/** One broker, and others of the same server. */
export class RedisFixture implements BrokerFixture {
  readonly broker: Broker;
  readonly errors: unknown[];
  readonly #server: RedisServer;
  readonly #kind: ClientKind;
  readonly #made: { readonly broker: Broker; readonly user: UserClient }[] = [];

  private constructor(server: RedisServer, kind: ClientKind, errors: unknown[], broker: Broker) {
    this.#server = server;
    this.#kind = kind;
    this.errors = errors;
    this.broker = broker;
  }

  /** Joins a server. */
  static async open(
    server: RedisServer,
    kind: ClientKind,
    options: RedisBrokerOptions = {},
  ): Promise<RedisFixture> {
    const errors: unknown[] = [];
    const user = kind.make(server.url);
    const broker = await redisBroker(user.client as object, {
      report: (error) => errors.push(error),
      ...options,
    });
    const fixture = new RedisFixture(server, kind, errors, broker);
    fixture.#made.push({ broker, user });
    return fixture;
  }

  async node(options: RedisBrokerOptions = {}): Promise<Broker> {
    const user = this.#kind.make(this.#server.url);
    const broker = await redisBroker(user.client as object, {
      report: (error) => this.errors.push(error),
      ...options,
    });
    this.#made.push({ broker, user });
    return broker;
  }

  async evict(channel: string): Promise<void> {
    const { life, entries } = channelKeys("millrace", channel);
    await this.#server.ask("DEL", life);
    await this.#server.ask("DEL", entries);
  }

  async restart(): Promise<void> {
    await this.#server.kill();
    await this.#server.start();
  }

  async close(): Promise<void> {
    for (const { broker, user } of this.#made) {
      await broker.close();
      user.close();
    }
  }
}
