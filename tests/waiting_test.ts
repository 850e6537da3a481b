import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { all, failure, told } from "./suites/check.ts";
import { FakeClient } from "./suites/fake_client.ts";
import type { FakeWebSocket } from "./suites/fake_web_socket.ts";
import { payload } from "./suites/wire.ts";

const GOODBYE = 5;
const CALL = 16;
const CANCEL = 20;

/** The calls that a socket has carried: name and input. */
function callsOn(socket: FakeWebSocket): unknown[][] {
  return socket.take(CALL).map(([, , , method, , input]) => [method, input]);
}

function result(id: number, value: unknown): unknown[] {
  return [17, id, id, payload(value)];
}

describe("calls before the connection", () => {
  it("are sent behind HELLO, in order, once, before WELCOME", async () => {
    const fake = new FakeClient();
    const calls = [1, 2, 3].map((n) => fake.call["double"]!(n));
    await fake.clock.settle();
    fake.socket.open();
    await fake.clock.settle();
    assertEquals(callsOn(fake.socket), [["double", 1], ["double", 2], ["double", 3]]);
    fake.socket.welcome();
    fake.socket.receive(result(1, 2), result(2, 4), result(3, 6));
    assertEquals(await Promise.all(calls), [2, 4, 6]);
    assertEquals(callsOn(fake.socket), []);
    await fake.close();
  });

  it("over 60 KiB wait for WELCOME", async () => {
    const fake = new FakeClient();
    const calls = [1, 2, 3].map((n) => fake.call["size"]!(`${n}`.repeat(25_000)).result());
    await fake.clock.settle();
    fake.socket.open();
    await fake.clock.settle();
    assertEquals(callsOn(fake.socket).length, 2);
    fake.socket.welcome();
    await fake.clock.settle();
    assertEquals(fake.socket.sent.length > 0, true);
    await fake.close();
    assertEquals((await Promise.all(calls)).map(({ error }) => error?.code), ["CLOSED", "CLOSED", "CLOSED"]);
  });

  it("survive attempts that fail, and leave once, in order", async () => {
    const fake = new FakeClient();
    const answers = [1, 2].map((n) => fake.call["double"]!(n));
    await fake.clock.settle();
    for (let i = 0; i < 3; i++) {
      await fake.drop();
      await fake.retry();
    }
    const third = fake.call["double"]!(3);
    fake.socket.accept();
    await fake.clock.settle();
    assertEquals(callsOn(fake.socket), [["double", 1], ["double", 2], ["double", 3]]);
    fake.socket.receive(result(1, 2), result(2, 4), result(3, 6));
    assertEquals(await Promise.all([...answers, third]), [2, 4, 6]);
    await fake.close();
  });

  it("are as many as the queue allows, the surplus fails at once and may be tried again", async () => {
    const fake = new FakeClient({ queue: 2 });
    const kept = [1, 2].map((n) => fake.call["double"]!(n));
    const surplus = await failure(fake.call["double"]!(3));
    assertEquals(told(surplus), { code: "RESOURCE_EXHAUSTED", retryable: true });
    kept[0]!.cancel();
    const again = fake.call["double"]!(4);
    await fake.clock.settle();
    fake.socket.accept();
    await fake.clock.settle();
    assertEquals(callsOn(fake.socket), [["double", 2], ["double", 4]]);
    await fake.close();
    assertEquals((await failure(kept[0]!)).code, "CANCELLED");
    await Promise.all([kept[1]!.result(), again.result()]);
  });

  it("wait no longer than the queue's time: UNAVAILABLE, not ambiguous", async () => {
    const fake = new FakeClient({ queueTimeout: 5_000 });
    const call = failure(fake.call["double"]!(1));
    await fake.clock.advance(5_000);
    assertEquals(told(await call), { code: "UNAVAILABLE", retryable: true });
    assertEquals((await call).message, "There was no connection in time to ws://mill.test/rpc");
    await fake.close();
  });

  it("are told where to, without the query, and the last reason", async () => {
    const fake = new FakeClient({ queueTimeout: 5_000 }, "ws://user:word@mill.test:8000/rpc?token=secret");
    const calls = [failure(fake.call["double"]!(1))];
    await fake.clock.settle();
    await fake.drop(4503, "too slow");
    calls.push(failure(fake.call["double"]!(1)));
    await fake.clock.advance(5_000);
    for (const call of calls) {
      assertEquals(
        (await call).message,
        "There was no connection in time to ws://mill.test:8000/rpc; the last reason was 4503: too slow",
      );
    }
    await fake.close();
  });

  it("wait no longer than their own time: DEADLINE, not ambiguous", async () => {
    const fake = new FakeClient({ timeout: 3_000 });
    const own = failure(fake.call["double"]!(1, { timeout: 1_000 }));
    const common = failure(fake.call["double"]!(2));
    await fake.clock.advance(1_000);
    assertEquals(told(await own), { code: "DEADLINE" });
    await fake.clock.advance(2_000);
    assertEquals(told(await common), { code: "DEADLINE" });
    assertEquals([fake.network.live], [1]);
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });

  it("tell the server what is left of their time", async () => {
    const fake = new FakeClient();
    const call = fake.call["double"]!(1, { timeout: 9_000 });
    await fake.clock.advance(1_000);
    await fake.drop();
    await fake.retry();
    fake.socket.accept();
    await fake.clock.settle();
    assertEquals(fake.socket.take(CALL)[0]![4], 9_000 - 1_000 - 250);
    await fake.close();
    await call.result();
  });

  it("that are cancelled, or aborted before, are never sent", async () => {
    const fake = new FakeClient();
    const abort = new AbortController();
    const calls = [
      fake.call["double"]!(1),
      fake.call["double"]!(2, { signal: abort.signal }),
      fake.call["double"]!(3, { signal: AbortSignal.abort() }),
    ];
    calls[0]!.cancel();
    abort.abort();
    assertEquals(await Promise.all(calls.map(async (call) => (await failure(call)).code)), [
      "CANCELLED",
      "CANCELLED",
      "CANCELLED",
    ]);
    await fake.clock.settle();
    fake.socket.accept();
    await fake.clock.settle();
    assertEquals([callsOn(fake.socket), fake.socket.take(CANCEL)], [[], []]);
    await fake.close();
  });

  it("end CLOSED and not ambiguous when the client closes, as do later ones", async () => {
    const fake = new FakeClient();
    const call = fake.call["double"]!(1);
    await fake.client.close();
    assertEquals(told(await failure(call)), { code: "CLOSED" });
    assertEquals(told(await failure(fake.call["double"]!(2))), { code: "CLOSED" });
    await fake.clock.settle();
  });
});

describe("a cut", () => {
  it("ends calls in flight as ambiguous and sends none of them again", async () => {
    const fake = await FakeClient.connected();
    const call = failure(fake.call["pay"]!(100));
    await fake.clock.settle();
    assertEquals(callsOn(fake.socket), [["pay", 100]]);
    await fake.drop();
    assertEquals(told(await call), { code: "DISCONNECTED", ambiguous: true });
    const next = fake.call["pay"]!(200);
    (await fake.retry()).accept();
    await fake.clock.settle();
    assertEquals(callsOn(fake.socket), [["pay", 200]]);
    fake.socket.receive(result(1, "paid"));
    assertEquals(await next, "paid");
    await fake.close();
  });

  it("ends a stream at its reader with the error, once", async () => {
    const fake = await FakeClient.connected();
    const stream = fake.call["countdown"]!(3);
    const got: unknown[] = [];
    const reading = failure((async () => {
      for await (const n of stream) got.push(n);
    })());
    await fake.clock.settle();
    fake.socket.receive([19, 1, 1, 1], [24, 1, 1, payload(3)], [24, 1, 2, payload(2)]);
    await fake.clock.settle();
    await fake.drop();
    assertEquals([got, told(await reading)], [[3, 2], { code: "DISCONNECTED", ambiguous: true }]);
    assertEquals(await stream.next(), { done: true, value: undefined });
    await fake.close();
  });

  it("delivers what a stream held before its error", async () => {
    const fake = await FakeClient.connected();
    const stream = fake.call["countdown"]!(3);
    await fake.clock.settle();
    fake.socket.receive([19, 1, 1, 1], [24, 1, 1, payload(3)], [24, 1, 2, payload(2)]);
    await fake.drop();
    assertEquals([(await stream.next()).value, (await stream.next()).value], [3, 2]);
    assertEquals((await failure(stream.next())).code, "DISCONNECTED");
    assertEquals(await stream.next(), { done: true, value: undefined });
    await fake.close();
  });

  it("stops the source of an upload", async () => {
    const fake = await FakeClient.connected();
    let returned = false;
    const items = (async function* () {
      try {
        for (let n = 0;; n++) yield n;
      } finally {
        returned = true;
      }
    })();
    const upload = failure(fake.call["sum"]!("of", items));
    await fake.clock.settle();
    assertEquals(fake.socket.take(24).length > 0, true);
    await fake.drop();
    assertEquals([(await upload).code, returned], ["DISCONNECTED", true]);
    await fake.close();
  });

  it("errors a stream of bytes at its reader", async () => {
    const fake = await FakeClient.connected();
    const call = fake.call["download"]!();
    await fake.clock.settle();
    // bin of 6 bytes: extension 1, stream 1
    fake.socket.receive([17, 1, 1, new Uint8Array([0xd6, 1, 0, 0, 0, 1])], [
      25,
      1,
      1,
      new Uint8Array([7, 8]),
    ]);
    const bytes = await call as ReadableStream<Uint8Array>;
    const reader = bytes.getReader();
    assertEquals([...(await reader.read()).value!], [7, 8]);
    const next = failure(reader.read());
    await fake.drop();
    assertEquals((await next).code, "DISCONNECTED");
    await fake.close();
  });

  it("by a refusal before WELCOME says that none of the calls ran", async () => {
    const refusals = [[4401, "UNAUTHENTICATED"], [4403, "FORBIDDEN"], [4406, "DISCONNECTED"], [
      4508,
      "DISCONNECTED",
    ]];
    for (const [code, name] of refusals) {
      for (const welcomed of [false, true]) {
        const fake = new FakeClient();
        const call = failure(fake.call["pay"]!(100));
        await fake.clock.settle();
        fake.socket.open();
        await fake.clock.settle();
        if (welcomed) fake.socket.welcome();
        await fake.drop(code as number, "refused");
        const error = await call;
        assertEquals([error.code, error.ambiguous, code], [name, welcomed, code]);
        await fake.close();
      }
    }
  });

  it("before WELCOME by anything else leaves it open whether they ran, until the server says that it does not know", async () => {
    const fake = new FakeClient();
    const call = failure(fake.call["pay"]!(100));
    await fake.clock.settle();
    fake.socket.open();
    await fake.clock.settle();
    await fake.drop();
    (await fake.retry()).accept(); // with another session: the server knows nothing of the first
    assertEquals(told(await call), { code: "DISCONNECTED", ambiguous: true });
    await fake.close();
  });
});

describe("after GOODBYE", () => {
  it("calls in flight end normally, and new ones wait for the next connection", async () => {
    const fake = await FakeClient.connected();
    const old = fake.call["double"]!(1);
    await fake.clock.settle();
    fake.socket.receive([GOODBYE, 1012, 100, payload({ deadline: 1_000 })]);
    const next = fake.call["double"]!(2);
    await fake.clock.settle();
    assertEquals([fake.status, callsOn(fake.socket)], ["reconnecting", [["double", 1]]]);
    fake.socket.receive(result(1, 2));
    assertEquals(await old, 2);
    await fake.drop(1012);
    (await fake.retry()).accept();
    await fake.clock.settle();
    assertEquals(callsOn(fake.socket), [["double", 2]]);
    fake.socket.receive(result(1, 4));
    assertEquals(await next, 4);
    await fake.close();
  });

  it("streams go on", async () => {
    const fake = await FakeClient.connected();
    const reading = all(fake.call["countdown"]!(2));
    await fake.clock.settle();
    fake.socket.receive([19, 1, 1, 1], [24, 1, 1, payload(2)]);
    fake.socket.receive([GOODBYE, 1001, null, payload({})]);
    fake.socket.receive([24, 1, 2, payload(1)], [27, 1, 2]);
    assertEquals(await reading, [2, 1]);
    await fake.close();
  });

  it("with a code that is final, calls go on until the close", async () => {
    const fake = await FakeClient.connected();
    fake.socket.receive([GOODBYE, 4403, null, payload({})]);
    const call = fake.call["double"]!(1);
    await fake.clock.settle();
    assertEquals([fake.status, callsOn(fake.socket)], ["open", [["double", 1]]]);
    await fake.drop(4403);
    assertEquals([fake.status, (await failure(call)).code], ["closed", "FORBIDDEN"]);
    await fake.close();
  });
});
