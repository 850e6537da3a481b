// The broker on Redis, with each client that a user may bring, on a real server: what every broker has to hold, and what Redis can do to it.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, describe, it } from "@std/testing/bdd";
import type { Append, Broker } from "../rpc/broker.ts";
import { redisBroker } from "../redis/mod.ts";
import { channelKeys } from "../redis/keys.ts";
import { bytesOf, Heard, KEEP, textOf, textsOf } from "../testing/broker_kit.ts";
import { brokerSuite } from "../testing/broker_suite.ts";
import { type RedisServer, startCluster, startRedis } from "../tools/redis.mjs";
import { CLIENTS, type UserClient } from "./suites/redis_clients.ts";
import { CAPABILITIES, RedisFixture } from "./suites/redis_fixture.ts";

const MINUTES = 600_000;
/** What the checks do that Redis takes part of: they write 64 MiB. */
const LONG = "ledger: who fills it up";

let fingerprints = 1_000;

function append(text: string, more: Partial<Append> = {}): Append {
  return { data: bytesOf(text), room: 0, fingerprint: fingerprints++, retention: KEEP, ...more };
}

const EDIT_1 = { kind: "edit", target: 1, most: 1_000 } as const;
const ALL = { messages: 1_000, bytes: 1 << 20 };

for (const kind of CLIENTS) {
  describe(`redis: a broker on ${kind.name}`, () => {
    let server: RedisServer;

    beforeAll(async () => {
      server = await startRedis();
    });

    afterAll(() => server.stop());

    for (const { name, lacks, run } of brokerSuite(() => RedisFixture.open(server, kind), CAPABILITIES)) {
      if (lacks.length > 0 || (name.startsWith(LONG) && kind.name !== "ioredis")) continue;
      it(name, run);
    }
  });
}

it("redis: the checks that are left out need a time that can be moved on, and nothing else", () => {
  const left = brokerSuite(() => {
    throw new Error("not run");
  }, CAPABILITIES).filter(({ lacks }) => lacks.length > 0);
  assertEquals([left.length, new Set(left.flatMap(({ lacks }) => lacks))], [6, new Set(["advance"])]);
});

describe("redis: a broker on a node of a cluster", () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startCluster();
  });

  afterAll(() => server.stop());

  for (
    const { name, lacks, run } of brokerSuite(() => RedisFixture.open(server, CLIENTS[0]!), ["evict", "node"])
  ) {
    if (lacks.length === 0 && !name.startsWith(LONG)) it(name, run);
  }
});

describe("redis: a broker on a server", () => {
  const [kind] = CLIENTS;
  let server: RedisServer;
  let fixture: RedisFixture | undefined;

  afterEach(async () => {
    await fixture?.close();
    fixture = undefined;
    await server.stop();
  });

  async function open(...config: string[]): Promise<RedisFixture> {
    server = await startRedis({ config });
    return fixture = await RedisFixture.open(server, kind!);
  }

  it("that evicts is refused, and one that has no limit, or does not evict, is not", async () => {
    server = await startRedis({ config: ["maxmemory 100mb", "maxmemory-policy volatile-lru"] });
    const user = kind!.make(server.url);
    const error = await assertRejects(() => redisBroker(user.client as object));
    assertEquals(
      (error as Error).message,
      'Redis must not evict what channels stand on: its maxmemory-policy is "volatile-lru", and must be "noeviction"',
    );
    for (
      const [name, value] of [["maxmemory", "0"], ["maxmemory-policy", "noeviction"], ["maxmemory", "100mb"]]
    ) {
      await server.ask("CONFIG", "SET", name!, value!);
      await (await redisBroker(user.client as object)).close();
    }
    user.close();
  });

  it("that is not there is told of in the time that it has", async () => {
    server = await startRedis();
    await server.kill();
    const user = kind!.make(server.url);
    await assertRejects(
      () => redisBroker(user.client as object, { timeout: 200 }),
      Error,
      "Redis cannot be reached in 200 ms",
    );
    user.close();
  });

  it("keeps numbers, entries and producers for metaMs from the last use, a read too", async () => {
    const { broker } = await open();
    const { life, entries, producers } = channelKeys("millrace", "a");
    const ttl = async (key: string) => Number(await server.ask("PTTL", key));
    const producer = { id: "p", n: 1 };
    await broker.append(
      "a",
      append("x", { producer, retention: { messages: 10, ms: 1_000, metaMs: 3_600_000 } }),
    );
    for (const key of [life, entries, `${producers}p`]) assert(await ttl(key) > 3_590_000, key);
    for (const key of [life, entries]) await server.ask("PEXPIRE", key, 5_000);
    await broker.read("a", { messages: 0, bytes: 1 });
    for (const key of [life, entries]) assert(await ttl(key) > 3_590_000, key);
    await broker.append("b", append("x", { retention: { messages: 10, ms: 1_000, metaMs: 0 } }));
    assert(await ttl(channelKeys("millrace", "b").life) > 590_000);
  });

  it("keeps payloads that may be deleted as long as their entries, and not longer", async () => {
    const { broker } = await open();
    const { life, bodies, entries } = channelKeys("millrace", "a");
    const ttl = async (key: string) => Number(await server.ask("PTTL", key));
    const long = { messages: 2, ms: 1_000, metaMs: 3_600_000 };
    await broker.append("a", append("x", { by: "a", retention: long }));
    await broker.append("a", append("y", { by: "a", retention: long, change: EDIT_1 }));
    assert(await ttl(bodies) > 3_590_000);
    assertEquals(await server.ask("HLEN", bodies), 3);
    assertEquals((await server.ask("GET", life) as string).split(" ").at(-1), "3");
    await broker.append("a", append("z", { by: "a", retention: long }));
    assertEquals(await server.ask("HKEYS", bodies), ["2", "3"]);
    await broker.append("a", append("none", { retention: { ...long, messages: 0 } }));
    assertEquals(await server.ask("EXISTS", bodies, entries), 0);
    assertEquals((await server.ask("GET", life) as string).split(" ").length, 9);
  });

  it("whose payloads were lost, or some of them, begins another life", async () => {
    const { broker } = await open();
    const { bodies } = channelKeys("millrace", "a");
    for (const loss of [["DEL", bodies], ["HDEL", bodies, "2"], ["HDEL", bodies, "v1"]]) {
      const { position } = await broker.append("a", append("x", { by: "a" }));
      await broker.append("a", append("y", { by: "a", change: EDIT_1 }));
      await server.ask(...loss as [string, ...string[]]);
      const { epoch, top } = await broker.read("a", ALL);
      assertEquals(top, { offset: 0, fingerprint: 0 }, loss.join(" "));
      assert(epoch !== position.epoch, loss.join(" "));
    }
  });

  it("keeps channels apart whatever they are called", async () => {
    const { broker } = await open();
    const names = [
      "a",
      "a:life",
      "{a}",
      "}{",
      "a b",
      "a%20b",
      "ä",
      "💥",
      "*",
      "millrace:{millrace/a}",
      "\u0001",
    ];
    for (const name of names) await broker.append(name, append(name));
    for (const name of names) {
      const page = await broker.read(name, ALL);
      assertEquals([textsOf(page), page.top.offset], [[name], 1], name);
    }
  });

  it("is shared by apps with different prefixes", async () => {
    const { broker } = await open();
    const other = await fixture!.node({ prefix: "other" });
    await broker.append("a", append("mine"));
    assertEquals((await other.read("a", ALL)).top.offset, 0);
    await assertRejects(() => fixture!.node({ prefix: "{}" }), TypeError);
    await assertRejects(() => fixture!.node({ prefix: "" }), TypeError);
    await assertRejects(() => fixture!.node({ timeout: 0 }), TypeError);
    await assertRejects(() => fixture!.node({ timeuot: 1 } as never), TypeError, 'no option named "timeuot"');
    for (const wrong of [{ prefix: 1 }, { timeout: "1" }, { report: "console" }]) {
      const error = await fixture!.node(wrong as never).then(() => undefined, (error) => error);
      assert(error instanceof TypeError && error.message.includes(Object.keys(wrong)[0]!), `${error}`);
    }
  });

  it("that keeps everything goes on after a crash in the same life", async () => {
    const { broker } = await open("appendonly yes", "appendfsync always");
    const heard = new Heard();
    await broker.subscribe("a", heard);
    const producer = { id: "p", n: 1 };
    const first = await broker.append("a", append("x", { producer }));
    await server.restart();
    await heard.until(() => heard.doubts > 0, "a doubt");
    assertEquals(await broker.append("a", append("x", { producer })), { ...first, duplicate: true });
    const page = await broker.read("a", ALL);
    assertEquals([page.epoch, textsOf(page)], [first.position.epoch, ["x"]]);
    const { doubts } = heard;
    await broker.append("a", append("y"));
    await heard.until(() => heard.texts.includes("y") || heard.doubts > doubts, "y, or a doubt behind it");
  });

  it("that is flushed begins another life, and a publication that is sent again lands in it", async () => {
    const { broker } = await open();
    const producer = { id: "p", n: 1 };
    const first = await broker.append("a", append("x", { producer }));
    await server.ask("FLUSHALL");
    const again = await broker.append("a", append("x", { producer }));
    assertEquals([again.duplicate, again.position.offset], [false, 1]);
    assert(again.position.epoch !== first.position.epoch);
  });

  it("whose stream lost its entries, its counter, or some of them begins another life", async () => {
    const { broker } = await open();
    const { life, entries } = channelKeys("millrace", "a");
    const losses = [["DEL", life], ["DEL", entries], ["XTRIM", entries, "MAXLEN", 1], [
      "XDEL",
      entries,
      "3-0",
    ]];
    for (const loss of losses) {
      const appended = [];
      for (const text of ["1", "2", "3"]) appended.push(await broker.append("a", append(text)));
      await server.ask(...loss as [string, ...string[]]);
      const { epoch, top } = await broker.read("a", ALL);
      assertEquals(top, { offset: 0, fingerprint: 0 }, loss.join(" "));
      assert(epoch !== appended[0]!.position.epoch, loss.join(" "));
    }
  });

  it("where pushes are lost says so: their connection was killed", async () => {
    const { broker } = await open();
    const heard = new Heard();
    await broker.subscribe("a", heard);
    await server.ask("CLIENT", "KILL", "TYPE", "pubsub");
    await heard.until(() => heard.doubts > 1, "two doubts"); // of the loss, and when it is subscribed again
    await broker.append("a", append("x"));
    await heard.until(() => heard.texts.includes("x"), "x");
  });

  it("that answers nothing for a while loses and repeats nothing", async () => {
    const { broker } = await open();
    const producer = (n: number) => ({ producer: { id: "p", n } });
    await broker.append("a", append("1", producer(1)));
    server.signal("SIGSTOP");
    const waiting = [2, 3, 4].map((n) => broker.append("a", append(`${n}`, producer(n))));
    const own = [5, 6].map((n) => broker.append("a", append(`${n}`)));
    server.signal("SIGCONT");
    assertEquals((await Promise.all([...waiting, ...own])).map(({ position }) => position.offset), [
      2,
      3,
      4,
      5,
      6,
    ]);
  });

  it("that cuts the connection behind a command answers it once it is back, and has done it once", async () => {
    const { broker } = await open();
    await broker.append("a", append("0"));
    // It reads on while it sleeps, and answers nobody: what was sent has run when the connection is cut.
    const asleep = server.ask("DEBUG", "SLEEP", "0.3").catch(() => {}); // its own connection may be cut as well
    const killed = server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").catch(() => {});
    const appended = await Promise.all([
      broker.append("a", append("1", { producer: { id: "p", n: 1 } })),
      broker.append("a", append("2", { producer: { id: "p", n: 2 } })),
      broker.append("a", append("3")),
      broker.append("a", append("4")),
    ]);
    await asleep;
    await killed;
    assertEquals(new Set(appended.map(({ position }) => position.offset)).size, 4);
    assertEquals(textsOf(await broker.read("a", ALL)).toSorted(), ["0", "1", "2", "3", "4"]);
  });

  it("that refuses for a moment, or has lost its scripts, gets what one node tells in order", async () => {
    const { broker } = await open();
    const order = Array.from({ length: 12 }, (_, i) => `${i}`);
    await server.ask("CONFIG", "SET", "min-replicas-to-write", "1");
    const many = order.map((text) => broker.append("a", append(text)));
    await server.ask("CONFIG", "SET", "min-replicas-to-write", "0");
    await Promise.all(many);
    assertEquals(textsOf(await broker.read("a", ALL)), order);
    await server.ask("SCRIPT", "FLUSH");
    const spread = [];
    for (const text of order) {
      spread.push(broker.append("b", append(text)));
      await new Promise((resolve) => setTimeout(resolve, 0)); // the next turn
    }
    await Promise.all(spread);
    assertEquals(textsOf(await broker.read("b", ALL)), order);
  });

  it("where somebody else pushes, too, says so, and goes on though that throws", async () => {
    server = await startRedis();
    const errors: unknown[] = [];
    const report = (error: unknown) => {
      errors.push(error);
      throw new Error("the program's own");
    };
    fixture = await RedisFixture.open(server, kind!, { report });
    const heard = new Heard();
    await fixture.broker.subscribe("a", heard);
    const { error: print } = console;
    const printed: unknown[] = [];
    console.error = (error) => printed.push(error);
    try {
      await server.ask("SPUBLISH", channelKeys("millrace", "a").pushes, "s  !!!!");
      await fixture.broker.append("a", append("x"));
      await heard.until(() => heard.texts.includes("x"), "x");
    } finally {
      console.error = print;
    }
    assertEquals([errors.length, printed.map(String)], [1, ["Error: the program's own"]]);
  });

  it("keeps its databases apart, pushes too", async () => {
    server = await startRedis();
    const made: { broker: Broker; user: UserClient; heard: Heard; name: string }[] = [];
    for (const [database, prefix] of [[0, "p"], [1, "p"], [0, "p.db1"], [0, "p:1"], [1, "q"]] as const) {
      const user = kind!.make(`${server.url}/${database}`);
      const broker = await redisBroker(user.client as object, { prefix });
      made.push({ broker, user, heard: new Heard(), name: `${prefix} in ${database}` });
    }
    for (const { broker, heard } of made) await broker.subscribe("a", heard);
    for (const { broker, name } of made) {
      await broker.append("a", append(name));
      await broker.signal("a", bytesOf(name), undefined);
    }
    for (const { heard, broker, user, name } of made) {
      await heard.until(() => heard.signals.length > 0, "a signal");
      assertEquals([heard.texts, heard.signals.length], [[name], 1]);
      await broker.close();
      user.close();
    }
  });

  it("that is away for longer than a command may take says so, and leaves nothing behind", async () => {
    server = await startRedis();
    fixture = await RedisFixture.open(server, kind!, { timeout: 300 });
    const { broker } = fixture;
    const { position } = await broker.append("a", append("x"));
    await server.kill();
    for (const act of [() => broker.append("a", append("y")), () => broker.read("a", ALL)]) {
      const error = await assertRejects(async () => await act());
      assertEquals((error as { code?: string }).code, "UNAVAILABLE");
    }
    await server.start();
    const again = await untilAnswered(() => broker.append("a", append("z")));
    assert(again.position.epoch !== position.epoch);
  });

  it("whose memory is full refuses what is new, and reads and known calls go on", async () => {
    const { broker } = await open("maxmemory 64mb", "maxmemory-policy noeviction");
    const { ledger } = broker;
    await broker.append("a", append("x"));
    for (const key of ["done", "runs"]) await ledger.claim(key, "hash", MINUTES);
    await ledger.settle("done", bytesOf("reply"));
    await server.ask("CONFIG", "SET", "maxmemory", "1mb");
    const error = await assertRejects(async () => await broker.append("a", append("y")));
    assertEquals((error as { code?: string }).code, "UNAVAILABLE");
    assertEquals(textsOf(await broker.read("a", ALL)), ["x"]);
    await assertRejects(async () => await broker.read("unknown", ALL)); // it would take room
    assertEquals((await ledger.claim("new", "hash", MINUTES)).state, "full");
    await ledger.settle("runs", bytesOf("no room"));
    await server.ask("CONFIG", "SET", "maxmemory", "64mb");
    assertEquals((await ledger.claim("runs", "hash", MINUTES)).state, "gone");
    const done = await ledger.claim("done", "hash", MINUTES);
    assertEquals(done.state === "done" && textOf(done.reply), "reply");
    assertEquals((await broker.append("a", append("y"))).position.offset, 2);
  });

  it("a claim whose time is over is free, and who waited for it is told", async () => {
    const { broker: { ledger } } = await open();
    assertEquals((await ledger.claim("a", "hash", 200)).state, "new");
    const waiting = await ledger.claim("a", "hash", 200);
    assert(waiting.state === "running");
    assertEquals(await waiting.done, undefined);
    assertEquals((await ledger.claim("a", "other", 200)).state, "new");
  });

  it("an older copy that takes over and grows is another past at the same offset", async () => {
    const { broker } = await open();
    for (let n = 1; n <= 90; n++) await broker.append("a", append(`${n}`));
    const copy = await server.replica();
    try {
      await copy.ask("REPLICAOF", "NO", "ONE");
      const ahead = [];
      for (let n = 91; n <= 100; n++) ahead.push(await broker.append("a", append(`lost ${n}`)));
      const other = await RedisFixture.open(copy, kind!);
      try {
        for (let n = 91; n <= 105; n++) await other.broker.append("a", append(`new ${n}`));
        const last = ahead.at(-1)!.position;
        const page = await other.broker.read("a", { after: last.offset, ...ALL });
        assertEquals([page.epoch, page.top.offset, textsOf(page).length], [last.epoch, 105, 5]);
        assert(page.boundary !== undefined && page.boundary !== last.fingerprint);
      } finally {
        await other.close();
      }
    } finally {
      await copy.stop();
    }
  });
});

async function untilAnswered<T>(act: () => T | Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if ((error as { code?: string }).code !== "UNAVAILABLE") throw error;
    }
  }
}
