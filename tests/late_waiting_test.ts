// What waits while code is loaded: calls, and what the server sends. How it ends, what it may hold, and what goes on meanwhile.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { CallError, ConnectOptions, HasContract } from "../client/mod.ts";
import { told } from "./suites/check.ts";
import { LateClient, watch } from "./suites/late_client.ts";
import { payload } from "./suites/wire.ts";

const [HELLO, PING, PONG, ACK, GOODBYE, NAME] = [0, 2, 3, 4, 5, 8];
const [STREAM, RESULT, ITEM, END] = [19, 17, 24, 27];
const IDEMPOTENT = 1;
const WINDOW = { window: 60_000 };

/** What a call ends with whose code never comes. */
const LOST = { code: "UNAVAILABLE", retryable: true, ambiguous: true };

async function* items(): AsyncGenerator<number> {
  yield 1;
}

function tell({ end }: { end: unknown }): unknown {
  return end instanceof Error ? told(end as CallError) : end;
}

/** All that a stream has given so far. */
function gather(stream: AsyncIterable<unknown>): unknown[] {
  const got: unknown[] = [];
  void (async () => {
    try {
      for await (const item of stream) got.push(item);
      got.push("end");
    } catch (error) {
      got.push((error as CallError).code);
    }
  })();
  return got;
}

/** A client that is connected, with a call `count` that may be sent twice and that the server answers with a stream. */
async function streaming(
  options: ConnectOptions<HasContract> = {},
  welcome: object = {},
): Promise<LateClient> {
  const fake = new LateClient(options);
  await fake.clock.settle();
  fake.accept(welcome);
  await fake.clock.settle();
  await fake.server([NAME, 1, "count", IDEMPOTENT]);
  return fake;
}

/** Another connection than the one that was lost. */
async function again(fake: LateClient, welcome: object = {}): Promise<unknown> {
  await fake.retry();
  fake.socket.open();
  await fake.clock.settle();
  const [[, , session]] = fake.socket.take(HELLO) as [unknown[]];
  fake.socket.welcome({ heartbeat: 600_000, ...welcome });
  await fake.clock.settle();
  return session;
}

describe("an answer whose code cannot be loaded", () => {
  it("ends its call, though that may be sent again", async () => {
    for (const welcome of [{}, WINDOW]) {
      const fake = await streaming({}, welcome);
      const read = watch(fake.call.count!().next());
      await fake.clock.settle();
      assertEquals(fake.called(), [[1, 1]]);
      await fake.server([STREAM, 1, 1, 1]);
      await fake.failForGood();
      assertEquals(tell(read), LOST);
      assert(String(read.end).includes("A part of the client cannot be loaded: Failed to fetch"));
      assertEquals([fake.status, fake.errors.length], ["reconnecting", 1]);
      const session = await again(fake, welcome);
      assertEquals([session, fake.called(), fake.bulk.refuse()], [null, [], false]);
      await fake.close();
      assertEquals([fake.errors.length, fake.clock.pending], [1, 0]);
    }
  });

  it("ends it between two connections too", async () => {
    const fake = await streaming({ limits: { hello: 600_000 } }, WINDOW);
    const read = watch(fake.call.count!().next());
    await fake.clock.settle();
    await fake.server([STREAM, 1, 1, 1]);
    await fake.drop();
    await fake.retry();
    fake.socket.open();
    await fake.clock.settle();
    await fake.failForGoodOnce(fake.bulk);
    assertEquals(tell(read), LOST);
    fake.socket.welcome({ ...WINDOW, resumed: true, units: 0, streams: [] });
    await fake.clock.settle();
    assertEquals(fake.status, "reconnecting");
    assertEquals(await again(fake), null);
    assertEquals([fake.status, fake.called(), fake.errors.length], ["open", [], 1]);
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });

  it("ends it where more came than is kept, and no session brings it again", async () => {
    const fake = await streaming({ limits: { queue: 1 } });
    const read = watch(fake.call.count!().next());
    await fake.clock.settle();
    await fake.server([STREAM, 1, 1, 1]);
    await fake.server([ITEM, 1, 1, payload("0123456789")]);
    assertEquals(tell(read), LOST);
    await again(fake);
    assertEquals(fake.called(), []);
    await fake.close();
  });
});

describe("calls that wait for code", () => {
  it("keep nobody waiting who is behind one that was given up", async () => {
    const fake = await LateClient.connected();
    const abort = new AbortController();
    const first = watch(fake.call.a!(items(), { signal: abort.signal }));
    const calls = [["b"], ["c", items(), { timeout: 50 }], ["d"], ["e", items()], ["f"]] as const;
    const [, third] = calls.map(([name, ...args]) => watch(fake.call[name]!(...args)));
    await fake.clock.settle();
    assertEquals(fake.called(), []);
    abort.abort();
    await fake.clock.settle();
    assertEquals([tell(first), fake.called()], [{ code: "CANCELLED", ambiguous: true }, [[1, "b"]]]);
    await fake.clock.advance(50);
    assertEquals([tell(third!), fake.called()], [{ code: "DEADLINE" }, [[2, "d"]]]);
    await fake.arrive();
    assertEquals([fake.called(), fake.bulk.asked], [[[3, "e"], [4, "f"]], 1]);
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });

  it("do not leave when one signal gives up the first and them", async () => {
    const fake = await LateClient.connected();
    const abort = new AbortController();
    const { signal } = abort;
    const calls = [
      fake.call.a!(items(), { signal }),
      fake.call.b!(undefined, { signal }),
      fake.call.c!(undefined, { signal: AbortSignal.any([signal]) }),
      fake.call.d!(),
    ].map(watch);
    await fake.clock.settle();
    abort.abort();
    await fake.clock.settle();
    assertEquals(fake.called(), [[1, "d"]]);
    for (const call of calls.slice(0, 3)) assertEquals((tell(call) as CallError).code, "CANCELLED");
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });

  it("stay where they are when one behind the first is given up", async () => {
    const fake = await LateClient.connected();
    void fake.call.a!(items()).catch(() => {});
    const second = fake.call.b!();
    void second.catch(() => {});
    void fake.call.c!().catch(() => {});
    second.cancel();
    await fake.clock.settle();
    assertEquals(fake.called(), []);
    await fake.arrive();
    assertEquals(fake.called(), [[1, "a"], [2, "c"]]);
    await fake.close();
  });

  it("wait for no connection where there is one: neither queue nor queueTimeout bound them", async () => {
    const fake = await LateClient.connected({ queue: 0, queueTimeout: 100, limits: { calls: 2 } });
    const [a, b, c] = [fake.call.a!(items()), fake.call.b!(), fake.call.c!()].map(watch);
    await fake.clock.advance(1_000);
    assertEquals([tell(a!), tell(b!), tell(c!)], ["waits", "waits", {
      code: "RESOURCE_EXHAUSTED",
      retryable: true,
    }]);
    await fake.arrive();
    assertEquals(fake.called(), [[1, "a"], [2, "b"]]);
    await fake.close();
  });

  it("wait for a connection when theirs is lost", async () => {
    const fake = await LateClient.connected({ queue: 1, queueTimeout: 100 });
    const [a, b] = [fake.call.a!(items()), fake.call.b!()].map(watch);
    await fake.clock.advance(1_000);
    fake.clock.chance = 1;
    await fake.drop();
    assertEquals([tell(a!), tell(b!)], ["waits", { code: "RESOURCE_EXHAUSTED", retryable: true }]);
    await fake.clock.advance(100);
    assertEquals(tell(a!), { code: "UNAVAILABLE", retryable: true });
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });

  it("end with their client", async () => {
    for (const code of [1000, 4403]) {
      const fake = await LateClient.connected({ queue: 0 });
      const call = watch(fake.call.a!(items()));
      await fake.clock.settle();
      if (code === 1000) await fake.close();
      else await fake.drop(code);
      assertEquals(tell(call), { code: code === 1000 ? "CLOSED" : "FORBIDDEN" });
      assertEquals(fake.clock.pending, 0);
    }
  });
});

describe("what comes before its code", () => {
  it("is counted when it comes, and once", async () => {
    const fake = await streaming({ limits: { messageRate: 2, byteRate: 100 } });
    const got = gather(fake.call.count!());
    await fake.clock.advance(5_000);
    await fake.server([STREAM, 1, 1, 1]);
    for (let n = 1; n <= 10; n++) {
      await fake.clock.advance(500);
      await fake.server([ITEM, 1, n, payload("0123456789".repeat(4))]);
    }
    assertEquals([fake.status, got], ["open", []]);
    await fake.arrive();
    assertEquals([fake.status, got.length], ["open", 10]);
    await fake.close();
  });

  it("is counted at once where it is a flood", async () => {
    for (const limits of [{ messageRate: 2 }, { byteRate: 100 }]) {
      const fake = await streaming({ limits });
      void gather(fake.call.count!());
      await fake.clock.advance(5_000);
      await fake.server([STREAM, 1, 1, 1]);
      assertEquals(fake.status, "open");
      for (let n = 1; n <= 10; n++) await fake.server([ITEM, 1, n, payload("0123456789".repeat(4))]);
      assertEquals([fake.status, fake.client.state.reason?.code], ["reconnecting", 4529]);
      await fake.close();
    }
  });

  it("is kept whatever its size is, and asks for it", async () => {
    const fake = await streaming({ limits: { queue: 1 } });
    const got = gather(fake.call.count!());
    await fake.clock.settle();
    const text = "0123456789".repeat(10);
    await fake.server([STREAM, 1, 1, 1], [ITEM, 1, 1, payload(text)]);
    assertEquals([fake.status, fake.bulk.asked], ["open", 1]);
    await fake.arrive();
    assertEquals(got, [text]);
    await fake.close();
  });

  it("does not keep a PING waiting, nor anything else that is about the connection", async () => {
    const fake = await streaming({}, WINDOW);
    const got = gather(fake.call.count!());
    const other = watch(fake.call.add!(1));
    await fake.clock.settle();
    await fake.server([STREAM, 1, 1, 1], [PING, 2], [ITEM, 1, 1, payload("a")]);
    assertEquals(fake.socket.take(PONG), [[PONG, 0]]);
    await fake.server([PING, 2]);
    await fake.server([RESULT, 2, 2, payload(3)], [ACK, 2], [ITEM, 1, 2, payload("b")], [PING, 2], [
      END,
      1,
      2,
    ]);
    assertEquals([fake.socket.take(PONG), got, other.end], [[[PONG, 0], [PONG, 0]], [], "waits"]);
    await fake.arrive();
    assertEquals([got, other.end, fake.socket.take(PONG)], [["a", "b", "end"], 3, []]);
    await fake.server([PING, 2]);
    assertEquals([fake.socket.take(PONG), fake.status], [[[PONG, 2]], "open"]);
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });

  it("does not hide that the server leaves, or breaks a rule", async () => {
    const fake = await streaming();
    void gather(fake.call.count!());
    await fake.clock.settle();
    await fake.server([STREAM, 1, 1, 1], [GOODBYE, 1012, 100, payload({})]);
    assertEquals(fake.status, "reconnecting");
    await fake.close();
    const quick = await streaming();
    const got = gather(quick.call.count!());
    await quick.clock.settle();
    quick.client.on("state", () => void quick.client.close());
    await quick.server([STREAM, 1, 1, 1], [GOODBYE, 1012, 100, payload({})], [ITEM, 1, 1, payload("a")]);
    assertEquals([quick.status, got, quick.errors], ["closed", ["CLOSED"], []]);
    await quick.close();
    for (const wrong of [[1, 1, null, 0, payload({})], [], ["x"], [PING, 99]]) {
      const strict = await streaming();
      void gather(strict.call.count!());
      await strict.clock.settle();
      await strict.server([STREAM, 1, 1, 1], wrong, [ITEM, 1, 1, payload("a")]);
      assertEquals([strict.status, strict.client.state.reason?.code], ["closed", 4400]);
      await strict.close();
    }
  });
});
