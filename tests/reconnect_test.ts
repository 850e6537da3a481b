import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { closeAdvice, connect } from "../client/mod.ts";
import { Backoff } from "../client/backoff.ts";
import { failure, told } from "./suites/check.ts";
import { FakeClient, TestClock } from "./suites/fake_client.ts";
import { payload } from "./suites/wire.ts";

const HELLO = 0;
const GOODBYE = 5;

const PING = [2, 0];

describe("a client connects", () => {
  it("at once, and says HELLO as soon as the socket is open", async () => {
    const fake = new FakeClient({ token: "secret" });
    await fake.clock.settle();
    assertEquals([fake.status, fake.network.sockets.length], ["connecting", 1]);
    assertEquals([fake.socket.url, fake.socket.protocols], ["ws://mill.test/rpc", ["millrace.1"]]);
    assertEquals(fake.socket.binaryType, "arraybuffer");
    fake.socket.open();
    await fake.clock.settle();
    const [hello] = fake.socket.take(HELLO);
    assertEquals(hello!.slice(0, 4), [HELLO, 1, null, 0]);
    assertEquals((hello![4] as { token: string }).token, "secret");
    fake.socket.welcome();
    assertEquals(fake.states, [{ status: "open" }]);
    await fake.close();
  });

  it("with the token in the subprotocol, and then not in HELLO", async () => {
    const fake = new FakeClient({ token: () => "a.b", tokenIn: "subprotocol" });
    await fake.clock.settle();
    assertEquals(fake.socket.protocols, ["millrace.1", "auth.a.b"]);
    assert(!fake.socket.url.includes("a.b"));
    fake.socket.open();
    await fake.clock.settle();
    assertEquals("token" in (fake.socket.take(HELLO)[0]![4] as object), false);
    await fake.close();
  });

  it("to ws, wss, http and https alike, and to nothing else", async () => {
    for (
      const [given, made] of [["https://a.test/x#y", "wss://a.test/x"], [
        "http://a.test:8/",
        "ws://a.test:8/",
      ]]
    ) {
      const urls: string[] = [];
      const clock = new TestClock();
      const fake = new FakeClient();
      const client = connect(given!, {
        clock,
        webSocket: (url, protocols) => {
          urls.push(url);
          return fake.network.webSocket(url, protocols);
        },
      });
      await clock.settle();
      assertEquals(urls, [made]);
      await Promise.all([fake.close(), client.close(), clock.advance(1_000)]);
    }
    for (const url of ["ftp://a.test/", "no url"]) assertThrows(() => connect(url), TypeError);
  });

  it("again when no WELCOME comes within 10 s", async () => {
    const fake = new FakeClient();
    await fake.clock.settle();
    fake.socket.open();
    await fake.clock.advance(9_999);
    assertEquals([fake.status, fake.socket.live], ["connecting", true]);
    await fake.clock.advance(1);
    assertEquals([fake.client.state.reason?.code, fake.network.live], [1006, 0]);
    (await fake.retry()).accept();
    assertEquals(fake.status, "open");
    await fake.close();
  });

  it("and is done when the server speaks another version, or text", async () => {
    const other = new FakeClient();
    await other.clock.settle();
    other.socket.open();
    other.socket.receive([1, 2, new Uint8Array(16), 0, payload({})]);
    assertEquals([other.status, other.client.state.reason?.code, other.socket.closedBy?.code], [
      "closed",
      4406,
      4406,
    ]);
    const text = await FakeClient.connected();
    text.socket.onmessage?.({ data: "hello" } as never);
    assertEquals([text.status, text.client.state.reason?.code], ["closed", 1003]);
    await Promise.all([other.close(), text.close()]);
  });
});

describe("after a close", () => {
  const reconnect = [1001, 1005, 1006, 1011, 1012, 1013, 4500, 4503, 4504, 4508, 4529, 4531, 4999];
  const final = [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 4000, 4400, 4402, 4403, 4406, 4409, 4499];

  for (const code of reconnect) {
    it(`with ${code} the client comes back`, async () => {
      assertEquals(closeAdvice(code), "reconnect");
      const fake = await FakeClient.connected();
      await fake.drop(code, "why");
      assertEquals([fake.status, fake.client.state.reason], ["reconnecting", { code, reason: "why" }]);
      (await fake.retry()).accept();
      assertEquals([fake.status, fake.network.sockets.length], ["open", 2]);
      await fake.close();
    });
  }

  for (const code of final) {
    it(`with ${code} it does not`, async () => {
      assertEquals(closeAdvice(code), "final");
      const fake = await FakeClient.connected();
      await fake.drop(code, "why");
      assertEquals([fake.status, fake.client.state.reason], ["closed", { code, reason: "why" }]);
      assertEquals((await failure(fake.client.ready())).code, code === 4403 ? "FORBIDDEN" : "DISCONNECTED");
      await fake.clock.advance(3_600_000);
      assertEquals([fake.network.sockets.length, fake.clock.pending], [1, 0]);
      await fake.close();
    });
  }

  it("with 4401 it comes back once, at once, with a new token", async () => {
    let asked = 0;
    const fake = await FakeClient.connected({ token: () => `token ${++asked}` });
    await fake.drop(4401);
    assertEquals([fake.network.sockets.length, asked], [2, 2]);
    await fake.drop(4401);
    assertEquals([fake.status, asked], ["closed", 2]);
    await fake.close();
  });

  it("with 4401 it comes back again where a WELCOME came between", async () => {
    const fake = await FakeClient.connected({ token: () => "token" });
    for (let i = 0; i < 3; i++) {
      await fake.drop(4401);
      fake.socket.accept();
    }
    assertEquals([fake.status, fake.network.sockets.length], ["open", 4]);
    await fake.close();
  });

  it("with 4401 it is done where its token is always the same", async () => {
    const fake = await FakeClient.connected({ token: "token" });
    await fake.drop(4401, "not authenticated");
    assertEquals(fake.status, "closed");
    assertEquals(told(await failure(fake.call["add"]!())), { code: "UNAUTHENTICATED" });
    await fake.close();
  });
});

describe("between attempts", () => {
  it("the bound doubles from 500 ms to 20 s, and chance says how much of it", async () => {
    const fake = new FakeClient();
    await fake.clock.settle();
    for (
      const [chance, expected] of [[1, [500, 1_000, 2_000, 4_000]], [0.5, [
        4_000,
        8_000,
        10_000,
        10_000,
      ]]] as const
    ) {
      fake.clock.chance = chance;
      for (const retryIn of expected) {
        await fake.drop();
        assertEquals(fake.client.state, {
          status: "connecting",
          reason: { code: 1006, reason: "the connection could not be made" },
          retryIn,
        });
        await fake.clock.advance(retryIn - 1);
        assertEquals(fake.network.live, 0);
        await fake.clock.advance(1);
        assertEquals(fake.network.live, 1);
      }
    }
    await fake.close();
  });

  it("the wait is a full jitter, whatever the chance", () => {
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(fc.property(fc.array(chance, { maxLength: 60 }), (chances) => {
      const clock = new TestClock();
      const backoff = new Backoff(clock, { base: 100, cap: 3_000 });
      chances.forEach((chance, failures) => {
        clock.chance = chance;
        assertEquals(backoff.next(undefined), chance * Math.min(3_000, 100 * 2 ** failures));
      });
    }));
    for (const bad of [{ base: 0 }, { base: -1 }, { cap: 0 }, { base: NaN }]) {
      assertThrows(() => new Backoff(new TestClock(), bad), RangeError);
    }
  });

  it("a connection that lived 30 s starts over, a shorter one does not", async () => {
    for (const [lived, expected] of [[29_999, 2_000], [30_000, 500]] as const) {
      const fake = new FakeClient();
      fake.clock.chance = 1;
      await fake.clock.settle();
      await fake.drop();
      await fake.retry();
      await fake.drop();
      (await fake.retry()).accept();
      await fake.clock.advance(15_000);
      fake.socket.receive(PING);
      await fake.clock.advance(lived - 15_000);
      await fake.drop();
      assertEquals(fake.client.state.retryIn, expected);
      await fake.close();
    }
  });

  it("a connection that is welcomed and cut again and again backs off too", async () => {
    const fake = await FakeClient.connected();
    fake.clock.chance = 1;
    for (const retryIn of [500, 1_000, 2_000]) {
      await fake.drop();
      assertEquals(fake.client.state.retryIn, retryIn);
      (await fake.retry()).accept();
    }
    await fake.close();
  });

  it("GOODBYE's advice is the bound, where it gives one", async () => {
    for (const [retryAfter, retryIn] of [[8_000, 4_000], [0, 0], [null, 250]] as const) {
      const fake = await FakeClient.connected();
      fake.socket.receive([GOODBYE, 1012, retryAfter, payload({ deadline: 1_000 })]);
      assertEquals(fake.client.state, { status: "reconnecting" });
      await fake.drop(1012, "restart");
      assertEquals(fake.client.state.retryIn, retryIn);
      (await fake.retry()).accept();
      assertEquals(fake.status, "open");
      await fake.close();
    }
  });

  it("a token function that fails is reported and asked again", async () => {
    let asked = 0;
    const fake = new FakeClient({
      token: () => ++asked < 3 ? Promise.reject(new Error(`no token ${asked}`)) : "token",
    });
    await fake.clock.settle();
    await fake.retry();
    await fake.retry();
    assertEquals(fake.errors.map((error) => (error as Error).message), ["no token 1", "no token 2"]);
    fake.socket.accept();
    assertEquals(fake.status, "open");
    await fake.close();
  });

  it("a WebSocket that cannot be made is reported and tried again", async () => {
    const fake = new FakeClient();
    fake.network.failure = new SyntaxError("no subprotocol");
    await fake.clock.settle();
    assertEquals([fake.errors, fake.status], [[fake.network.failure], "connecting"]);
    fake.network.failure = undefined;
    (await fake.retry()).accept();
    assertEquals(fake.status, "open");
    await fake.close();
  });

  it("a WebSocket that is refused, and tells each close() of that again, is closed once (Node 22)", async () => {
    const fake = new FakeClient();
    for (let i = 0; i < 2; i++) {
      await (i === 0 ? fake.clock.settle() : fake.retry());
      const { socket } = fake;
      let closes = 0;
      // Its readyState stays 0, so that a second call tells of it once more.
      socket.close = () => {
        if (++closes < 5) socket.onerror?.({} as never);
      };
      socket.onerror?.({} as never);
      await fake.clock.settle();
      assertEquals([fake.client.state.reason?.code, closes], [1006, 1]);
    }
    const done = fake.client.close();
    await fake.clock.advance(10_000);
    await done;
  });
});
