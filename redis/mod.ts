/**
 * Channels on Redis, for several nodes.
 *
 * @module
 */
import { systemRandomness } from "../brokers/epoch.ts";
import type { Broker } from "../rpc/broker.ts";
import { systemClock } from "../rpc/clock.ts";
import { RedisBroker } from "./broker.ts";
import { linkOf } from "./links.ts";

/** What {@linkcode redisBroker} takes besides the client. */
export interface RedisBrokerOptions {
  /** What all keys begin with, so that several apps can share one Redis: letters, digits, `-`, `_`, `.`, `:`. @default "millrace" */
  readonly prefix?: string;
  /**
   * Milliseconds that Redis may take to answer, reconnecting included. What takes longer ends as `UNAVAILABLE`: publications are then `ambiguous`, and clients
   * send theirs again. @default 5000
   */
  readonly timeout?: number;
  /** Told of what is wrong with the server behind the client, and of errors that have nobody else to be told to. @default console.error */
  readonly report?: (error: unknown) => void;
}

const OPTIONS: readonly string[] = ["prefix", "timeout", "report"] satisfies (keyof RedisBrokerOptions)[];

/**
 * A broker for several nodes: give the same Redis to each. Nodes need no sticky sessions: who comes to another one goes on in its channels from where it was.
 *
 * Redis 7.0 or newer, or what is compatible with it, with `maxmemory-policy noeviction` where it has a limit. What an acknowledged publication has reached is
 * Redis's memory, as its `durability` (`"redis"`) says: how much of that a crash or a fail-over loses is up to Redis's own settings
 * (https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/), and is told to subscribers as a `reset`.
 *
 * @param client A client of `ioredis`, of `redis`, or Bun's own `RedisClient`: what it is told of server, password and database is taken from it. It is not used itself,
 *   need not be connected, and stays as it is.
 * @throws {TypeError} It is no such client, or an option, or its value, is none.
 * @throws {Error} The server is too old, or evicts, its user may not do what channels need, or it cannot be reached in time, and why.
 *
 * @example
 * ```ts ignore
 * import { millrace } from "@millrace/millrace";
 * import { redisBroker } from "@millrace/millrace/redis";
 * import { Redis } from "ioredis";
 *
 * const broker = await redisBroker(new Redis("redis://localhost:6379"));
 * const app = millrace({ broker, procedures });
 * ```
 */
export async function redisBroker(client: object, options: RedisBrokerOptions = {}): Promise<Broker> {
  const { prefix = "millrace", timeout = 5_000, report = (error) => console.error(error) } = options;
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) throw new TypeError(`Cannot make a broker: it has no option named "${unknown}"`);
  if (typeof prefix !== "string" || !/^[\w.:-]+$/.test(prefix)) {
    throw new TypeError(`Cannot make a broker: its prefix must be of letters, digits, "-", "_", "." and ":"`);
  }
  if (!(Number.isFinite(timeout) && timeout > 0)) {
    throw new TypeError(`Cannot make a broker: its timeout must be a number of milliseconds above 0`);
  }
  if (typeof report !== "function") {
    throw new TypeError(`Cannot make a broker: its report must be a function`);
  }
  return await RedisBroker.open({
    link: linkOf(client),
    prefix,
    timeout,
    clock: systemClock(),
    random: systemRandomness,
    report: (error) => {
      try {
        report(error);
      } catch (thrown) {
        console.error(thrown); // what tells of it goes on
      }
    },
  });
}
