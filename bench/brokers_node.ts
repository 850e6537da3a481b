// A node of bench/brokers.mjs: channels on the broker that BROKER names, the memory of the process or the port of a Redis.
import process from "node:process";
import { Redis } from "ioredis";
import { bytes, channel, millrace, procedure } from "../mod.ts";
import { redisBroker } from "../redis/mod.ts";

const where = process.env.BROKER ?? "memory";
const broker = where === "memory"
  ? undefined
  : await redisBroker(new Redis(Number(where), { lazyConnect: true }));

/** What a client asks for besides. */
const procedures = {
  /** Microseconds of CPU that this process has taken. */
  cpu: procedure(() => {
    const { user, system } = process.cpuUsage();
    return user + system;
  }),
};

/** The app. */
export const app = millrace({
  ...(broker === undefined ? {} : { broker }),
  procedures,
  channels: { "feed/:id": channel({ message: bytes(), history: { messages: 1_000 } }) },
});
export type App = typeof app;
export default app;
