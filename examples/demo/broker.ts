import process from "node:process";
import type { Broker } from "../../rpc/broker.ts";
import { redisBroker } from "../../redis/mod.ts";

/** Where channels live: in the Redis that `MILLRACE_REDIS_URL` names, which several nodes share, or else in the memory of this process. */
export async function chosenBroker(): Promise<{ broker?: Broker }> {
  const url = process.env.MILLRACE_REDIS_URL;
  return url ? { broker: await redisBroker(await clientOf(url)) } : {};
}

/** The client that suits the runtime: Bun brings one. Neither connects by itself; the broker makes its own connections like it. */
async function clientOf(url: string): Promise<object> {
  const bun = (globalThis as { Bun?: { RedisClient: new (url: string) => object } }).Bun;
  if (bun) return new bun.RedisClient(url);
  const { Redis } = await import("ioredis");
  return new Redis(url, { lazyConnect: true });
}
