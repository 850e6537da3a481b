// The client that a node brings: Bun's own under Bun, ioredis under Deno. Each hears pushes in its own way.
import { Redis } from "ioredis";

interface BunSlice {
  readonly RedisClient: new (url: string) => object;
}

/** A client for Redis on this port of 127.0.0.1. The broker connects as it would; it is not used itself. */
export function redisClient(port: number): object {
  const { Bun } = globalThis as { readonly Bun?: BunSlice };
  if (Bun !== undefined) return new Bun.RedisClient(`redis://127.0.0.1:${port}`);
  return new Redis(port, "127.0.0.1", { lazyConnect: true });
}
