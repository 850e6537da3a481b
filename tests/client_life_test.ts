import { assertEquals, assertLess, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { failure, told } from "./suites/check.ts";
import { FakeClient } from "./suites/fake_client.ts";
import { payload } from "./suites/wire.ts";

const PONG = 3;
const GOODBYE = 5;
const TOKEN = 6;

const PING = [2, 0];

describe("a heartbeat", () => {
  it("is answered at once", async () => {
    const fake = await FakeClient.connected();
    fake.socket.receive(PING);
    await fake.clock.settle();
    assertEquals(fake.socket.take(PONG), [[PONG, 0]]);
    await fake.close();
  });

  it("that stays away for heartbeat and grace ends the connection: 4504, and the client comes back", async () => {
    const fake = new FakeClient();
    await fake.clock.settle();
    fake.socket.accept({ heartbeat: 1_000, grace: 500 });
    await fake.clock.advance(1_499);
    fake.socket.receive(PING);
    await fake.clock.advance(1_499);
    assertEquals(fake.status, "open");
    const waiting = failure(fake.call["add"]!());
    await fake.clock.advance(1);
    assertEquals([fake.status, fake.client.state.reason?.code, fake.socket.closedBy?.code], [
      "reconnecting",
      4504,
      4504,
    ]);
    assertEquals(told(await waiting), { code: "DISCONNECTED", ambiguous: true });
    (await fake.retry()).accept();
    assertEquals(fake.status, "open");
    await fake.close();
  });
});

describe("a token", () => {
  const tokens = (fake: FakeClient) =>
    fake.socket.take(TOKEN).map(([, sent]) => (sent as { token: string }).token);

  it("is sent again 30 s before it expires, or in the last quarter of a short life", async () => {
    let asked = 0;
    const fake = new FakeClient({ token: () => `${++asked}` });
    await fake.clock.settle();
    fake.socket.accept({ expires: 20_000, heartbeat: 1e9 });
    await fake.clock.advance(14_999);
    assertEquals(tokens(fake), []);
    await fake.clock.advance(1);
    assertEquals(tokens(fake), ["2"]);
    fake.socket.receive([7, 300_000]);
    await fake.clock.advance(269_999);
    assertEquals(tokens(fake), []);
    await fake.clock.advance(1);
    assertEquals(tokens(fake), ["3"]);
    fake.socket.receive([7, null]);
    await fake.clock.advance(1e8);
    assertEquals(tokens(fake), []);
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });

  it("that comes when the connection is gone is for nobody", async () => {
    const gate = Promise.withResolvers<string>();
    let asked = 0;
    const fake = new FakeClient({ token: () => ++asked === 2 ? gate.promise : "token" });
    await fake.clock.settle();
    fake.socket.accept({ expires: 1_000, heartbeat: 1e9 });
    await fake.clock.advance(750);
    await fake.drop();
    (await fake.retry()).accept();
    gate.resolve("late");
    await fake.clock.settle();
    assertEquals([fake.status, asked], ["open", 3]);
    await fake.close();
  });
});

describe("a token that cannot be a subprotocol", () => {
  it("closes for good: UNAUTHENTICATED, and the message says what is allowed, not what it was", async () => {
    for (const token of ["to ken", "pad==", "a,b", "größe", "line\n"]) {
      const fake = new FakeClient({ token, tokenIn: "subprotocol" });
      const waiting = failure(fake.call["add"]!());
      const error = await waiting;
      assertEquals([fake.status, fake.client.state.reason?.code, told(error)], [
        "closed",
        4401,
        { code: "UNAUTHENTICATED" },
      ]);
      assertEquals(
        error.message,
        "Cannot send the token in a subprotocol: only A-Z, a-z, 0-9, -, _ and dots are allowed",
      );
      assertStrictEquals(await failure(fake.call["add"]!()), error);
      assertEquals([fake.network.sockets.length, fake.errors, fake.clock.pending], [0, [], 0]);
    }
  });

  it("is one that travels in the message", async () => {
    const fake = new FakeClient({ token: "any thing=" });
    await fake.clock.settle();
    fake.socket.accept();
    assertEquals(fake.status, "open");
    await fake.close();
    const dotted = new FakeClient({ token: "eyJ-a_b.c0", tokenIn: "subprotocol" });
    await dotted.clock.settle();
    assertEquals(dotted.socket.protocols[1], "auth.eyJ-a_b.c0");
    await dotted.close();
  });
});

describe("close()", () => {
  it("closes with 1000 and resolves when the socket has closed", async () => {
    const fake = await FakeClient.connected();
    let done = false;
    const closed = fake.client.close().then(() => done = true);
    await fake.clock.settle();
    assertEquals([fake.status, fake.socket.closedBy?.code, done], ["closed", 1000, false]);
    fake.socket.drop(1000);
    await fake.clock.settle();
    assertEquals(done, true);
    await closed;
    assertEquals(fake.clock.pending, 0);
  });

  it("waits a second for a server that does not answer", async () => {
    const fake = await FakeClient.connected();
    let done = false;
    const closed = fake.client.close().then(() => done = true);
    await fake.clock.advance(999);
    assertEquals(done, false);
    await fake.clock.advance(1);
    assertEquals(done, true);
    await closed;
  });

  it("is for good, at whatever moment it comes, and late events wake nobody", async () => {
    const moments: Record<string, (fake: FakeClient) => Promise<void> | void> = {
      "at once": () => {},
      "while the socket opens": (fake) => fake.clock.settle(),
      "before WELCOME": async (fake) => {
        await fake.clock.settle();
        fake.socket.open();
      },
      "when it is open": async (fake) => {
        await fake.clock.settle();
        fake.socket.accept();
      },
      "after GOODBYE": async (fake) => {
        await fake.clock.settle();
        fake.socket.accept();
        fake.socket.receive([GOODBYE, 1012, null, payload({})]);
      },
      "during the backoff": async (fake) => {
        await fake.clock.settle();
        await fake.drop();
      },
    };
    for (const [moment, reach] of Object.entries(moments)) {
      const fake = new FakeClient();
      await reach(fake);
      const made = fake.network.sockets.length;
      const closed = fake.client.close();
      await fake.clock.settle();
      for (const socket of fake.network.sockets) {
        socket.onopen?.({} as never);
        socket.welcome();
        socket.drop();
      }
      await closed;
      await fake.clock.advance(3_600_000);
      assertEquals(
        [fake.status, fake.network.sockets.length, fake.clock.pending],
        ["closed", made, 0],
        moment,
      );
      await fake.client.close();
    }
  });

  it("during a token function that takes its time opens no socket", async () => {
    const gate = Promise.withResolvers<string>();
    const fake = new FakeClient({ token: () => gate.promise });
    await fake.client.close();
    gate.resolve("late");
    await fake.clock.advance(60_000);
    assertEquals(fake.network.sockets, []);
  });

  it("from a listener is heard of once by all, in order", async () => {
    const fake = await FakeClient.connected();
    const heard: string[] = [];
    fake.client.on("state", ({ status }) => {
      heard.push(`first ${status}`);
      if (status === "reconnecting") void fake.client.close();
    });
    fake.client.on("state", ({ status }) => void heard.push(`second ${status}`));
    await fake.drop();
    assertEquals(heard, ["first reconnecting", "first closed", "second closed"]);
    await fake.clock.advance(60_000);
    assertEquals([fake.network.sockets.length, fake.clock.pending], [1, 0]);
  });
});

describe("ready() and on()", () => {
  it("ready resolves when it is open, at once where it is, and rejects when it is closed", async () => {
    const fake = new FakeClient();
    const early = fake.client.ready();
    await fake.clock.settle();
    fake.socket.accept();
    await early;
    await fake.client.ready();
    await fake.drop();
    const again = fake.client.ready();
    const closed = fake.close();
    assertEquals((await failure(again)).code, "CLOSED");
    assertEquals((await failure(fake.client.ready())).code, "CLOSED");
    await closed;
  });

  it("a listener that throws is reported, and one that was removed hears nothing", async () => {
    const fake = new FakeClient();
    const broken = new Error("listener");
    fake.client.on("state", () => {
      throw broken;
    });
    let heard = 0;
    const stop = fake.client.on("state", () => void heard++);
    await fake.clock.settle();
    fake.socket.accept();
    stop();
    await fake.drop();
    assertEquals([heard, fake.errors.length, fake.states.length], [1, 2, 2]);
    assertStrictEquals(fake.errors[0], broken);
    await fake.close();
  });

  it("a token that cannot be sent is an error of the program: at once, or of its function, which is asked again", async () => {
    for (const token of ["lone \ud800", 7, {}, Symbol("token")] as never[]) {
      assertThrows(() => new FakeClient({ token }), TypeError, "Cannot send the token");
      let asked = 0;
      const fake = new FakeClient({ token: () => asked++ === 0 ? token : "good" });
      await fake.clock.settle();
      assertEquals([`${fake.errors}`.includes("Cannot send the token"), fake.network.sockets.length], [
        true,
        0,
      ]);
      await fake.clock.advance(500);
      fake.socket.accept();
      await fake.clock.settle();
      assertEquals([fake.status, asked], ["open", 2]);
      await fake.close();
    }
    const none = new FakeClient({ token: () => null as never });
    await none.clock.settle();
    none.socket.accept();
    await none.clock.settle();
    assertEquals([none.status, none.errors], ["open", []]);
    await none.close();
  });

  it("a token that cannot be sent is none that refreshes", async () => {
    let asked = 0;
    const fake = new FakeClient({ token: () => asked++ === 0 ? "good" : "lone \ud800" });
    await fake.clock.settle();
    fake.socket.accept({ expires: 10_000 });
    await fake.clock.advance(9_000);
    assertEquals([asked, fake.status, fake.errors.length], [2, "open", 1]);
    await fake.close();
  });

  it("names that no procedure can have make no call", async () => {
    const fake = await FakeClient.connected();
    const call = fake.client.call as unknown as Record<string, unknown> & {
      add: { bind: unknown; name: string };
    };
    assertEquals([call["then"], typeof call["toString"], typeof call.add.bind], [
      undefined,
      "function",
      "function",
    ]);
    assertLess(`${call}`.length, 100);
    assertEquals([JSON.stringify(call), JSON.stringify(call.add)], ["{}", undefined]);
    assertStrictEquals(call["add"], call["add"]);
    assertThrows(() => call["add"] = 1 as never, TypeError);
    assertEquals(fake.socket.take(16), []);
    await assertRejects(() => Promise.reject(new Error("the await above made no call")));
    await fake.close();
  });
});
