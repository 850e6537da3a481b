/**
 * From the client that the user brings to a link.
 *
 * @module
 */
import { type Clock, systemClock } from "../rpc/clock.ts";
import { bunRedis, isBunRedis } from "./bun_redis.ts";
import { ClientLink } from "./client_link.ts";
import type { Client } from "./connection.ts";
import { ioRedis, isIoRedis } from "./ioredis.ts";
import type { LinkOptions, RedisLink } from "./link.ts";
import { isNodeRedis, nodeRedis } from "./node_redis.ts";

/** When the turn is over, so that what it sends leaves in one write. */
const endOfTurn: (run: () => void) => void =
  (globalThis as { setImmediate?: (run: () => void) => unknown }).setImmediate ?? queueMicrotask;

/**
 * A link on connections like those of a client, which itself is not used and need not be connected.
 *
 * @param client A `Redis` of ioredis, what `createClient` of node-redis gives, or Bun's `RedisClient`.
 * @throws {TypeError} If it is none of these. A client of a cluster is none; a client of one node is, and reaches the slots of that node.
 *   What `createSentinel` of node-redis makes is none; a `Redis` of ioredis with `sentinels` is.
 */
export function linkOf(
  client: unknown,
  options: LinkOptions = {},
  clock: Clock = systemClock(endOfTurn),
): RedisLink {
  return new ClientLink(clientOf(client, clock), clock, options);
}

function clientOf(client: unknown, { immediate }: Clock): Client {
  if (typeof client === "object" && client !== null) {
    if (isIoRedis(client)) return ioRedis(client, immediate);
    if (isNodeRedis(client)) return nodeRedis(client);
    if (isBunRedis(client)) return bunRedis(client);
  }
  throw new TypeError(
    `Cannot use ${
      named(client)
    } as a Redis client: give a Redis of ioredis, the client that createClient() of node-redis makes, or Bun's RedisClient`,
  );
}

function named(value: unknown): string {
  if (typeof value === "string") return `the text ${JSON.stringify(value)}`;
  if (typeof value === "function") return `the function or class ${value.name || "(anonymous)"}`;
  if (typeof value === "object" && value !== null) {
    if ("getSentinelNode" in value) return "what createSentinel() of node-redis makes";
    return `a ${Object.getPrototypeOf(value)?.constructor?.name ?? "object"}`;
  }
  return String(value);
}
