// A client whose code of streams, large messages and offers comes late, or not at all.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { CallError } from "../client/mod.ts";
import { told } from "./suites/check.ts";
import { LateClient, watch } from "./suites/late_client.ts";
import { payload } from "./suites/wire.ts";

const HELLO = 0;
const ERROR = 18;

async function* items(): AsyncGenerator<number> {
  yield 1;
}

describe("a client without the code of streams", () => {
  it("makes small calls, and asks for nothing", async () => {
    const fake = await LateClient.connected();
    const call = fake.call.add!(1);
    await fake.clock.settle();
    await fake.server([17, 1, 1, payload(2)]);
    assertEquals([await call, fake.bulk.asked, fake.offers.asked], [2, 0, 0]);
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });

  it("keeps what needs it, and what follows, until it is there", async () => {
    const fake = await LateClient.connected();
    const stream = fake.call.count!();
    const other = watch(fake.call.add!(1));
    await fake.clock.settle();
    const got: unknown[] = [];
    const read = (async () => {
      for await (const item of stream) got.push(item);
    })();
    await fake.server([19, 1, 1, 1], [24, 1, 1, payload("a")], [17, 2, 2, payload(3)]);
    await fake.server([24, 1, 2, payload("b")], [27, 1, 2]);
    assertEquals([got, other.end, fake.bulk.asked], [[], "waits", 1]);
    await fake.arrive();
    await read;
    assertEquals([got, other.end], [["a", "b"], 3]);
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });

  it("needs it for a stream of bytes in an answer, and for an answer in fragments", async () => {
    const fake = await LateClient.connected();
    const [bytes, large] = [fake.call.bytes!(), watch(fake.call.large!())];
    await fake.clock.settle();
    await fake.server([17, 1, 1, new Uint8Array([0xd6, 1, 0, 0, 0, 1])], [25, 1, 1, new Uint8Array([7, 8])], [
      27,
      1,
      1,
    ]);
    // [17, 2, 2, payload("x")]
    const message = new Uint8Array([0x94, 17, 2, 2, 0xc4, 2, 0xa1, 0x78]);
    await fake.server([9, 2, 1, 0, message]);
    assertEquals([large.end, fake.bulk.asked], ["waits", 1]);
    await fake.arrive();
    const stream = await bytes as ReadableStream<Uint8Array>;
    assertEquals(await new Response(stream as never).bytes(), new Uint8Array([7, 8]));
    assertEquals([large.end, fake.status], ["x", "open"]);
    await fake.close();
  });

  it("keeps calls that send streams, and those behind them, in order", async () => {
    const fake = await LateClient.connected();
    for (
      const [name, input] of [["a"], ["b", items()], ["c"], ["d", { file: new ReadableStream() }], ["e"]]
    ) {
      void fake.call[name as string]!(input).catch(() => {});
    }
    await fake.clock.settle();
    assertEquals([fake.called(), fake.bulk.asked], [[[1, "a"]], 1]);
    await fake.arrive();
    assertEquals(fake.called(), [[2, "b"], [3, "c"], [4, "d"], [5, "e"]]);
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });

  it("keeps them over a connection that is lost meanwhile, and before there is one", async () => {
    const fake = new LateClient();
    void fake.call.a!(items()).catch(() => {});
    void fake.call.b!().catch(() => {});
    await fake.clock.settle();
    assertEquals(fake.bulk.asked, 1);
    fake.accept();
    await fake.clock.settle();
    await fake.drop();
    await fake.retry();
    fake.accept();
    await fake.clock.settle();
    assertEquals(fake.called(), []);
    await fake.arrive();
    assertEquals(fake.called(), [[1, "a"], [2, "b"]]);
    await fake.close();
  });

  it("takes what it kept once, where its session goes on by another connection", async () => {
    const kept = new LateClient();
    await kept.clock.settle();
    kept.accept({ window: 60_000 });
    await kept.clock.settle();
    const got: unknown[] = [];
    const stream = kept.call.count!();
    const read = (async () => {
      for await (const item of stream) got.push(item);
    })();
    await kept.clock.settle();
    await kept.server([19, 1, 1, 1], [24, 1, 1, payload("a")]);
    await kept.drop();
    await kept.retry();
    kept.socket.open();
    await kept.clock.settle();
    const [[, , session, received]] = kept.socket.take(HELLO) as [unknown[]];
    assert(session !== null);
    assertEquals(received, 0); // what was not read has not come
    kept.accept({ window: 60_000, resumed: true, units: 0, streams: [] });
    await kept.clock.settle();
    await kept.server([19, 1, 1, 1], [24, 1, 1, payload("a")], [27, 1, 1]);
    await kept.arrive();
    await read;
    assertEquals([got, kept.errors], [["a"], []]);
    await kept.close();
  });

  it("keeps no more than a bound, and goes on by another connection", async () => {
    const fake = new LateClient({ limits: { queue: 1 } });
    await fake.clock.settle();
    fake.accept({ window: 60_000 });
    await fake.clock.settle();
    const read = watch(fake.call.count!().next());
    await fake.clock.settle();
    await fake.server([19, 1, 1, 1]);
    assertEquals(fake.status, "open");
    await fake.server([24, 1, 1, payload("0123456789")]);
    assertEquals([fake.status, fake.client.state.reason?.code], ["reconnecting", 4503]);
    await fake.arrive();
    await fake.retry();
    fake.socket.open();
    fake.accept({ window: 60_000, resumed: true, units: 0, streams: [] });
    await fake.clock.settle();
    await fake.server([19, 1, 1, 1], [24, 1, 1, payload("0123456789")]);
    assertEquals([read.end, fake.errors], [{ done: false, value: "0123456789" }, []]);
    await fake.close();
  });

  it("tells when it cannot be loaded: the call that has sent nothing, and the connection that cannot go on", async () => {
    const fake = await LateClient.connected({ timeout: Infinity, queueTimeout: 600_000 });
    const upload = watch(fake.call.upload!(items()));
    const behind = watch(fake.call.add!(1));
    await fake.clock.settle();
    await fake.failForGood();
    assertEquals(told(upload.end as CallError), { code: "UNAVAILABLE", retryable: true });
    assertEquals(fake.called(), [[1, "add"]]);
    await fake.server([17, 1, 1, payload(2)]);
    assertEquals([behind.end, fake.errors], [2, []]);
    const download = watch(fake.call.download!());
    await fake.clock.settle();
    await fake.server([19, 2, 2, 1]);
    await fake.failForGood();
    assertEquals(told(download.end as CallError), {
      code: "UNAVAILABLE",
      retryable: true,
      ambiguous: true,
    });
    assertEquals(fake.errors.map((error) => (error as Error).message), [
      "A part of the client cannot be loaded: Failed to fetch",
    ]);
    assertEquals(fake.status, "reconnecting");
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });
});

describe("a client that offers nothing", () => {
  it("says that there is no such procedure, and stops what a call brings", async () => {
    const fake = await LateClient.connected();
    await fake.server([16, 1, 1, "confirm", null, payload(1)], [20, 2, 1]);
    assertEquals(fake.socket.take(ERROR).map(([, , id, code]) => [id, code]), [[1, "NOT_FOUND"]]);
    assertEquals(fake.bulk.asked, 0);
    await fake.server([16, 3, 2, "confirm", { items: 1 }, payload(1)], [24, 1, 1, payload(5)]);
    assertEquals([fake.socket.take(ERROR), fake.bulk.asked], [[], 1]);
    await fake.arrive();
    assertEquals(fake.socket.take(ERROR).map(([, , id, code]) => [id, code]), [[2, "NOT_FOUND"]]);
    assertEquals(fake.socket.take(30), [[30, 1]]);
    assertEquals([fake.status, fake.errors, fake.offers.asked], ["open", [], 0]);
    await fake.close();
  });
});

describe("a client that offers something", () => {
  const client = { double: (n: number) => 2 * n } as never;

  it("connects when it can answer", async () => {
    const fake = new LateClient({ client });
    await fake.clock.settle();
    assertEquals([fake.network.sockets.length, fake.offers.asked, fake.status], [0, 1, "connecting"]);
    await fake.arrive();
    fake.accept();
    await fake.clock.settle();
    await fake.server([16, 1, 1, "double", null, payload(4)]);
    assertEquals(fake.socket.take(17).map(([, , id, value]) => [id, value]), [[1, 8]]);
    assertEquals(fake.bulk.asked, 0);
    await fake.close();
  });

  it("says that it cannot, and tries again", async () => {
    const fake = new LateClient({ client });
    await fake.clock.settle();
    await fake.failForGoodOnce();
    assertEquals([fake.network.sockets.length, fake.errors.map((error) => told(error as CallError))], [
      0,
      [{ code: "UNAVAILABLE", retryable: true }],
    ]);
    await fake.clock.advance(20_000);
    await fake.arrive();
    fake.accept();
    await fake.clock.settle();
    assertEquals(fake.status, "open");
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });

  it("may be closed before", async () => {
    const fake = new LateClient({ client });
    await fake.clock.settle();
    await fake.close();
    await fake.arrive();
    assertEquals([fake.network.sockets.length, fake.errors, fake.clock.pending], [0, [], 0]);
  });
});
