// Why a Redis cannot be reached is told at the start, with each client; or that the client does not tell it, and what to look at.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { redisBroker } from "../redis/mod.ts";
import { freePort } from "../tools/ports.mjs";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import { CLIENTS } from "./suites/redis_clients.ts";

const HINT =
  "Bun's client does not tell why: look whether there is a server at its address, whether user and password are right, and whether both sides speak TLS or neither does";

for (const kind of CLIENTS) {
  describe(`redis: a server that cannot be reached on ${kind.name}`, () => {
    let server: RedisServer;
    let nobody: number;

    beforeAll(async () => {
      server = await startRedis();
      await server.ask("CONFIG", "SET", "requirepass", "right");
      nobody = await freePort();
    });

    afterAll(async () => {
      await server.stop();
    });

    async function told(url: string): Promise<string> {
      const user = kind.make(url);
      const error = await assertRejects(() => redisBroker(user.client as object, { timeout: 300 }), Error);
      user.close();
      return (error as Error).message;
    }

    for (
      const [what, url, why] of [
        ["no server", () => `redis://127.0.0.1:${nobody}`, "ECONNREFUSED"],
        ["a wrong password", () => `redis://:wrong@127.0.0.1:${server.port}`, "WRONGPASS"],
      ] as const
    ) {
      it(`${what} is told of`, async () => {
        const message = await told(url());
        assert(message.startsWith("Redis cannot be reached in 300 ms"), message);
        assert(message.includes(kind.name === "Bun.RedisClient" ? HINT : why), message);
        assertEquals(message.includes("Bun's client"), kind.name === "Bun.RedisClient");
      });
    }
  });
}
