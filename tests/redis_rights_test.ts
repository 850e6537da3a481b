// What a user of Redis may do is tried at the start: who lacks a right is told which, before anything is stored that is then pushed to nobody.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import type { Broker } from "../rpc/broker.ts";
import { DIRECTORY_SCRIPTS } from "../redis/directory_scripts.ts";
import { LEDGER_SCRIPTS } from "../redis/ledger_scripts.ts";
import { redisBroker } from "../redis/mod.ts";
import { PRESENCE_SCRIPTS } from "../redis/presence_scripts.ts";
import { triedOfCall, triedOfChannel, triedOfNames, triedOfPresence } from "../redis/rights.ts";
import { APPEND, BEGIN, READ, SIGNAL } from "../redis/scripts.ts";
import { bytesOf, Heard, KEEP, textsOf } from "../testing/broker_kit.ts";
import { type RedisServer, startCluster, startRedis } from "../tools/redis.mjs";
import { CLIENTS } from "./suites/redis_clients.ts";

/** As docs/brokers.md has them. */
const LEAST =
  "~millrace:* &millrace:* +@read +@write +@connection +evalsha +script|load +time +info +publish +spublish +subscribe +ssubscribe +unsubscribe +sunsubscribe";

for (const kind of CLIENTS) {
  describe(`redis: the rights of a user on ${kind.name}`, () => {
    let server: RedisServer;

    beforeAll(async () => {
      server = await startRedis();
    });

    afterAll(async () => {
      await server.stop();
    });

    /** A broker of a user who may do this. */
    async function open(rights: string, database = 0): Promise<Broker> {
      await server.ask("ACL", "SETUSER", "app", "reset", "on", ">pw", ...rights.split(" "));
      const user = kind.make(`redis://app:pw@127.0.0.1:${server.port}/${database}`);
      try {
        return await redisBroker(user.client as object);
      } finally {
        user.close();
      }
    }

    async function keys(): Promise<unknown> {
      return await server.ask("DBSIZE");
    }

    const hears = kind.name === "Bun.RedisClient" ? "subscribe" : "ssubscribe";
    for (
      const [rights, lacks] of [
        ["~* +@all", "&millrace:*"], // what Redis 7 gives where nothing is said of channels
        ["~* &other:* +@all", "&millrace:*"],
        ["~* &* +@all -spublish", "+spublish"],
        ["~* &* +@all -publish -xadd -xtrim", "+xadd +xtrim +publish"],
        ["~* &* +@all -del -unlink -pexpire", "+del +unlink +pexpire"],
        [`~* &* +@all -${hears}`, `+${hears}`],
        ["~* &* +@all -evalsha", "+evalsha"],
        ["~* &* +@all -script", "+script|load"],
        ["~* &* +@all -info", "+info"],
        ["~* &* +@all -time", "+time"],
        ["~other:* &* +@all", "~millrace:*"],
        ["%R~* &* +@all", "~millrace:*"],
        ["~other:* +@all -xadd", "~millrace:* &millrace:*"],
      ] as const
    ) {
      it(`${rights}: ${lacks}`, async () => {
        const error = await assertRejects(() => open(rights), Error, "may not do what channels need");
        assert((error as Error).message.includes(`lacks ${lacks} (`), (error as Error).message);
        assertEquals(await keys(), 0);
      });
    }

    it("those that docs/brokers.md names are enough, in any database", async () => {
      for (const database of [0, 1]) {
        const broker = await open(LEAST, database);
        assertEquals(await keys(), 0);
        const heard = new Heard();
        await broker.subscribe("a", heard);
        await broker.append("a", { data: bytesOf("x"), room: 0, fingerprint: 1, retention: KEEP });
        await broker.signal("a", bytesOf("s"), undefined);
        await heard.until(() => heard.signals.length > 0, "a signal");
        assertEquals(heard.texts, ["x"]);
        assertEquals(textsOf(await broker.read("a", { messages: 10, bytes: 1_000 })), ["x"]);
        await broker.ledger.claim("k", "hash", 60_000);
        await broker.ledger.settle("k", bytesOf("reply"));
        assertEquals((await broker.ledger.claim("k", "hash", 60_000)).state, "done");
        broker.unsubscribe("a", heard);
        await broker.close();
        await server.ask("FLUSHALL");
      }
    });

    it("are no reason to refuse a server whose memory is full", async () => {
      await server.ask("CONFIG", "SET", "maxmemory", "1");
      try {
        await (await open("~* &* +@all")).close();
        await assertRejects(() => open("~* +@all"), Error, "lacks &millrace:* (");
      } finally {
        await server.ask("CONFIG", "SET", "maxmemory", "0");
      }
      assertEquals(await keys(), 0);
    });

    it("nor one that takes no writes now, for want of a replica", async () => {
      await server.ask("CONFIG", "SET", "min-replicas-to-write", "1");
      try {
        await (await open("~* &* +@all")).close();
      } finally {
        await server.ask("CONFIG", "SET", "min-replicas-to-write", "0");
      }
    });

    it("are tried on a node of a cluster that has not all slots, in one that it has", async () => {
      const [first, second] = [await startCluster(), await startRedis({ config: ["cluster-enabled yes"] })];
      try {
        await first.ask("CLUSTER", "DELSLOTSRANGE", 8_192, 16_383);
        await second.ask("CLUSTER", "ADDSLOTSRANGE", 8_192, 16_383);
        await second.ask("CLUSTER", "SET-CONFIG-EPOCH", 2);
        await first.ask("CLUSTER", "MEET", "127.0.0.1", second.port);
        const state = async () => String(await first.ask("CLUSTER", "INFO"));
        for (const end = performance.now() + 15_000; !(await state()).includes("cluster_slots_ok:16384");) {
          assert(performance.now() < end, await state());
        }
        await first.ask("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all");
        const user = kind.make(`redis://app:pw@127.0.0.1:${first.port}`);
        for (let times = 0; times < 8; times++) await (await redisBroker(user.client as object)).close();
        await first.ask("ACL", "SETUSER", "app", "resetchannels");
        for (let times = 0; times < 8; times++) {
          await assertRejects(() => redisBroker(user.client as object), Error, "lacks &millrace:* (");
        }
        assertEquals([await first.ask("DBSIZE"), await second.ask("DBSIZE")], [0, 0]);
        user.close();
      } finally {
        await first.stop();
        await second.stop();
      }
    });

    it("are tried on a node of a cluster", async () => {
      const cluster = await startCluster();
      try {
        await cluster.ask("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all");
        const user = kind.make(`redis://app:pw@127.0.0.1:${cluster.port}`);
        await (await redisBroker(user.client as object)).close();
        await cluster.ask("ACL", "SETUSER", "app", "resetchannels");
        await assertRejects(() => redisBroker(user.client as object), Error, "lacks &millrace:* (");
        assertEquals(await cluster.ask("DBSIZE"), 0);
        user.close();
      } finally {
        await cluster.stop();
      }
    });
  });
}

it("redis: every command of every script is among those that are tried", () => {
  const used = new Set<string>();
  for (
    const { source } of [
      APPEND,
      READ,
      BEGIN,
      SIGNAL,
      ...LEDGER_SCRIPTS,
      ...DIRECTORY_SCRIPTS,
      ...PRESENCE_SCRIPTS,
    ]
  ) {
    for (const [, command] of source.matchAll(/redis\.p?call\(\s*['"](\w+)/g)) used.add(command!);
  }
  const names = new Set(
    [triedOfChannel, triedOfCall, triedOfNames, triedOfPresence].flatMap((made) =>
      made("p", "x").commands.map(([name]) => name!)
    ),
  );
  assertEquals([...used].filter((command) => !names.has(command)), []);
  assert(used.size > 10, `${[...used]}`);
});
