// The client that a node brings: ioredis, or under Bun its own.
import { Redis } from "ioredis";

/** Connects to Redis on this port of 127.0.0.1. */
export function redisClient(port: number): Promise<object> | object {
  return new Redis(port, "127.0.0.1").on("error", () => {}); // it comes back by itself, and the broker says what it misses
}
