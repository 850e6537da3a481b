// What somebody else writes where the broker keeps its streams, or pushes: nothing of it stops a channel, or a node.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { channelKeys } from "../redis/keys.ts";
import { type Append, BrokerError } from "../rpc/broker.ts";
import { bytesOf, Heard, KEEP, textOf } from "../testing/broker_kit.ts";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import { CLIENTS } from "./suites/redis_clients.ts";
import { RedisFixture } from "./suites/redis_fixture.ts";

let fingerprints = 1_000;

function append(text: string, more: Partial<Append> = {}): Append {
  return { data: bytesOf(text), room: 0, fingerprint: fingerprints++, retention: KEEP, ...more };
}

const ALL = { messages: 1_000, bytes: 1 << 20 };

describe("redis: a broker on keys that others write to", () => {
  let server: RedisServer;
  let fixture: RedisFixture;

  beforeAll(async () => {
    server = await startRedis();
    fixture = await RedisFixture.open(server, CLIENTS[0]!);
  });

  afterAll(async () => {
    await fixture.close();
    await server.stop();
  });

  it("what somebody else has written is another life, or not heard", async () => {
    const { broker } = fixture;
    const { life, entries, producers, pushes } = channelKeys("millrace", "a");
    const heard = new Heard();
    await broker.subscribe("a", heard);
    const damage: readonly (readonly string[])[] = [
      ["SET", life, "garbage"],
      ["SET", life, "more 1 2 3 4 5 6 7 8 9"],
      ["LPUSH", life, "x"],
      ["SET", entries, "x"],
      ["XADD", entries, "9-0", "h", "1 2 3", "d", "AA"],
      ["SET", producers + "p", "x"],
    ];
    for (const [i, command] of damage.entries()) {
      const before = await broker.append("a", append("before"));
      await server.ask(
        ...(command[0] === "XADD" ? ["XDEL", entries, `${before.position.offset}-0`] : ["DEL", command[1]!]),
      );
      await server.ask(...command);
      const { position } = await broker.append(
        "a",
        append("after", { producer: { id: "p", n: i + 1, low: i + 1 } }),
      );
      const { epoch, top, entries: kept } = await broker.read("a", ALL);
      assertEquals([epoch, top.offset], [position.epoch, position.offset], command.join(" "));
      assertEquals(textOf(kept.at(-1)!.data), "after");
      if (!command[1]!.includes("producer")) {
        assert(position.epoch !== before.position.epoch, command.join(" "));
      }
    }
    const count = heard.entries.length;
    const { position: { epoch, offset, fingerprint } } = await broker.append("a", append("last"));
    for (
      const head of [
        `zzz ${fingerprint} 5`,
        `-5 ${fingerprint} 5`,
        `1.5 ${fingerprint} 5`,
        `1 ${fingerprint} 1e300`,
      ]
    ) {
      for (const publish of ["PUBLISH", "SPUBLISH"]) {
        await server.ask(publish, pushes, `e ${epoch} ${offset + 1} ${head} AAAA`);
      }
    }
    await broker.append("a", append("heard"));
    await heard.until(() => heard.entries.length === count + 2, "what this package has written");
  });

  it("a right that is taken away meanwhile costs nothing that was stored", async () => {
    const { broker } = fixture;
    const stored = await broker.append("b", append("stored"));
    await server.ask("ACL", "SETUSER", "default", "-xadd");
    try {
      const error = await assertRejects(async () => await broker.append("b", append("refused")), BrokerError);
      assertEquals(error.code, "UNAVAILABLE");
    } finally {
      await server.ask("ACL", "SETUSER", "default", "+xadd");
    }
    const { position } = await broker.append("b", append("next"));
    const { entries } = await broker.read("b", ALL);
    assertEquals([position.epoch, position.offset], [stored.position.epoch, 2]);
    assertEquals(entries.map(({ data }) => textOf(data)), ["stored", "next"]);
  });
});
