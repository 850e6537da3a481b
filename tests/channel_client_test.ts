// One subscription of a client, its server played by the test: every row of DESIGN section 8 that a client sees, and the bugs of others.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Channels } from "../client/channels.ts";
import { CallError } from "../client/mod.ts";
import { DEFAULT_LIMITS } from "../rpc/limits.ts";
import {
  at,
  brief,
  ChannelClient,
  FRESH,
  gap,
  publication,
  publications,
  RECOVERED,
  RESET,
  skip,
  SUBSCRIBE,
  subscribed,
  UNSUBSCRIBE,
  unsubscribed,
  wired,
} from "./suites/channel_client.ts";
import { failure, told } from "./suites/check.ts";
import { ManualClock } from "./suites/manual_clock.ts";

const NAME = "board/7";

describe("a subscription", () => {
  it("asks right behind HELLO, begins where the server says, and gets what is published", async () => {
    const fake = new ChannelClient();
    const sub = fake.follow();
    assertEquals([sub.state, sub.position, sub.got], ["subscribing", undefined, []]);
    await fake.clock.settle();
    fake.socket.open();
    await fake.clock.settle();
    assertEquals(fake.socket.sent.map(([kind]) => kind), [0, SUBSCRIBE]);
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, null, null]]);
    fake.socket.welcome();
    await fake.server(subscribed(1, 9, FRESH, at(4)), publication(9, 5), publication(9, 6));
    assertEquals([sub.state, sub.position, sub.got], ["live", at(6), [5, 6]]);
    await fake.close();
    assertEquals([fake.asked(), fake.errors, fake.clock.pending, sub.state], [[], [], 0, "closed"]);
  });

  it("is left with UNSUBSCRIBE, and what comes late is ignored", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow();
    await fake.server(subscribed(1, 9, FRESH, at(0)), publication(9, 1));
    sub.close();
    sub.close();
    await fake.server(publication(9, 2), subscribed(1, 10, RESET, at(5)), unsubscribed(1, "FORBIDDEN"));
    assertEquals([sub.got, sub.position, sub.state], [[1], at(1), "closed"]);
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, null, null], [UNSUBSCRIBE, 1]]);
    assertEquals(fake.status, "open");
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });

  it("that is left before it was answered does not come back to life (centrifuge#372, #207)", async () => {
    const fake = await ChannelClient.connected();
    const first = fake.follow();
    first.close();
    const second = fake.follow({ position: at(3) });
    await fake.clock.settle();
    assertEquals(fake.asked(), [
      [SUBSCRIBE, 1, NAME, null, null],
      [UNSUBSCRIBE, 1],
      [SUBSCRIBE, 2, NAME, wired(at(3)), null],
    ]);
    await fake.server(subscribed(1, 9, FRESH, at(50)), publication(9, 51));
    assertEquals([first.got, second.got, second.state], [[], [], "subscribing"]);
    await fake.server(subscribed(2, 9, RECOVERED, at(3)), publication(9, 4));
    assertEquals([first.got, second.got], [[], [4]]);
    await fake.close();
  });

  it("is made once where its connection is told of twice: at HELLO and at WELCOME", () => {
    let sent = 0;
    const clock = new ManualClock();
    const call = () => Promise.reject(new Error("no call"));
    const outbox = { count: 1, bytes: 1 };
    const channels = new Channels({ clock, limits: DEFAULT_LIMITS, call, report: () => {}, outbox });
    channels.subscribe("news", { start: {}, handler: () => {}, delta: false });
    const send = () => void sent++;
    const first = channels.connected(send, () => 1);
    assertEquals([channels.connected(send, () => 1) === first, sent], [true, 1]);
    channels.disconnected();
    assertEquals([channels.connected(send, () => 1) === first, sent], [false, 2]);
    channels.end(new CallError("CLOSED"));
    assertEquals(clock.pending, 0);
  });

  it("passes rewind on, by count and by time, and only while it is nowhere", async () => {
    const fake = await ChannelClient.connected();
    const one = fake.follow({ rewind: 50 });
    const two = fake.follow({ rewindMs: 60_000 }, fake.channel("news", {}));
    await fake.clock.settle();
    assertEquals(fake.asked(), [
      [SUBSCRIBE, 1, NAME, null, { rewind: 50 }],
      [SUBSCRIBE, 2, "news", null, { rewindMs: 60_000 }],
    ]);
    await fake.server(
      subscribed(1, 9, FRESH, at(7)),
      ...publications(9, 8, 9),
      subscribed(2, 4, FRESH, at(0, "N")),
    );
    await fake.reconnect();
    assertEquals(fake.asked(), [
      [SUBSCRIBE, 1, NAME, wired(at(9)), null],
      [SUBSCRIBE, 2, "news", wired(at(0, "N")), null],
    ]);
    assertEquals([one.got, two.got], [[8, 9], []]);
    await fake.close();
  });

  it("can be told by a position that was kept, even that of an empty stream", async () => {
    for (const position of [at(3), at(0)]) {
      const fake = await ChannelClient.connected();
      const sub = fake.follow({ position });
      assertEquals(sub.position, position);
      await fake.clock.settle();
      assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(position), null]]);
      await fake.server(subscribed(1, 9, RECOVERED, position), publication(9, position.offset + 1));
      assertEquals(sub.got, [position.offset + 1]);
      await fake.close();
    }
  });

  it("refuses positions that are none before anything is sent", async () => {
    const fake = await ChannelClient.connected();
    const wrong = [
      { ...at(3), epoch: "" },
      { ...at(3), epoch: "lone \ud800" },
      { ...at(3), offset: -1 },
      { ...at(3), offset: 2 ** 53 },
      { ...at(3), fingerprint: 2 ** 32 },
      { ...at(0), fingerprint: 1 },
      { ...at(3), offset: "3" },
      {},
      null,
      7,
    ];
    for (const position of wrong) {
      assertThrows(() => fake.follow({ position }), TypeError, "the position is none");
    }
    for (const rewind of [-1, 1.5, "5"]) {
      assertThrows(() => fake.follow({ rewind }), TypeError, "rewind must be");
    }
    assertThrows(() => fake.channel("board/:id", {}), TypeError, 'its parameter "id" is missing');
    assertThrows(() => fake.channel("@publish", {}), TypeError, "names with @ belong to the library");
    await fake.clock.settle();
    assertEquals(fake.asked(), []);
    await fake.close();
  });
});

describe("a subscription after an outage", () => {
  it("goes on where the position is the top, with nothing to be sent (socket.io#5282)", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow();
    await fake.server(subscribed(1, 9, FRESH, at(100)));
    await fake.reconnect();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(at(100)), null]]);
    await fake.server(subscribed(1, 9, RECOVERED, at(100)), publication(9, 101));
    assertEquals([sub.got, sub.position], [[101], at(101)]);
    await fake.close();
  });

  it("gets what it missed, once, and what is new", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow();
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 3));
    await fake.reconnect();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(at(3)), null]]);
    assertEquals(sub.state, "subscribing");
    await fake.server(subscribed(1, 5, RECOVERED, at(3)), ...publications(5, 4, 6));
    assertEquals([sub.got, sub.position, sub.state], [[1, 2, 3, 4, 5, 6], at(6), "live"]);
    await fake.close();
  });

  it("tells a reset before anything newer, and the connection stays open", async () => {
    for (
      const [position, reason] of [
        [at(20, "F"), "epoch"], // another stream
        [at(50), "history"], // trimmed past it
        [at(2), "history"], // ahead of the top
        [at(3, "E", 2), "history"], // another publication at the same offset
        [at(3), "history"], // whatever it was: the server says so
      ] as const
    ) {
      const fake = await ChannelClient.connected();
      const sub = fake.follow();
      await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 3));
      await fake.reconnect();
      await fake.server(subscribed(1, 5, RESET, position), publication(5, position.offset + 1));
      assertEquals(sub.got, [
        1,
        2,
        3,
        `reset ${position.epoch} ${position.offset} ${reason}`,
        position.offset + 1,
      ]);
      assertEquals([sub.position?.epoch, sub.position?.offset], [position.epoch, position.offset + 1]);
      assertEquals(fake.status, "open");
      await fake.reconnect();
      const [, , , again] = fake.asked()[0]!;
      assertEquals((again as unknown[]).slice(0, 2), [position.epoch, position.offset + 1]);
      await fake.close();
    }
  });

  it("takes nothing for recovered that is not its own position", async () => {
    for (const [status, position] of [[RECOVERED, at(4)], [RECOVERED, at(3, "F")], [FRESH, at(7)]] as const) {
      const fake = await ChannelClient.connected();
      const sub = fake.follow({ position: at(3) });
      await fake.server(subscribed(1, 5, status, position));
      assertEquals(sub.got.length, 1, JSON.stringify(sub.got));
      assert(String(sub.got[0]).startsWith(`reset ${position.epoch} ${position.offset}`));
      await fake.close();
    }
  });

  it("closes the connection when the server says an empty epoch: it never matches (centrifuge-js#434)", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow({ position: at(3) });
    await fake.server([33, 1, 9, RECOVERED, "", 3, at(3).fingerprint]);
    assertEquals([fake.status, fake.client.state.reason?.code], ["closed", 4400]);
    assertEquals([sub.got, sub.position], [[], at(3)]);
    await fake.close();
  });

  it("keeps its cursor through connections that die early (MCP SDK #2499)", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow();
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 3));
    for (let i = 0; i < 5; i++) {
      await fake.drop();
      const socket = await fake.retry();
      if (i % 2 === 0) socket.open(); // dies before WELCOME
      else socket.accept(); // dies before SUBSCRIBED
      await fake.clock.settle();
      assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(at(3)), null]]);
      assertEquals(sub.position, at(3));
    }
    await fake.reconnect();
    await fake.server(subscribed(1, 5, RECOVERED, at(3)));
    await fake.reconnect(); // recovered, and nothing came
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(at(3)), null]]);
    await fake.close();
  });

  it("changes epoch, offset and fingerprint together (centrifuge-go#160)", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow();
    await fake.server(subscribed(1, 9, FRESH, at(100)), publication(9, 101));
    await fake.server(subscribed(1, 10, RESET, at(2, "F", 3)));
    assertEquals(sub.position, at(2, "F", 3));
    await fake.reconnect();
    assertEquals(fake.asked().at(-1), [SUBSCRIBE, 1, NAME, ["F", 2, at(2, "F", 3).fingerprint], null]);
    await fake.close();
  });

  it("has one store of positions: that of the subscription is what the wire goes on from (centrifuge-js#385)", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow();
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 2));
    await fake.server(subscribed(1, 12, RESET, at(7, "F"))); // the server invalidates
    await fake.server(publication(9, 3), publication(12, 8));
    assertEquals([sub.got, sub.position], [[1, 2, "reset F 7 epoch", 8], at(8, "F")]);
    await fake.reconnect();
    assertEquals(fake.asked().at(-1), [SUBSCRIBE, 1, NAME, wired(at(8, "F")), null]);
    await fake.close();
  });
});

describe("what comes to a subscription", () => {
  const live = async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow();
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 3));
    fake.asked();
    return { fake, sub };
  };

  it("twice is given once: replays do not repeat (socket.io#5419)", async () => {
    const { fake, sub } = await live();
    await fake.server(publication(9, 3), publication(9, 2), publication(9, 4), publication(9, 4));
    assertEquals([sub.got, fake.asked()], [[1, 2, 3, 4], []]);
    await fake.reconnect();
    await fake.server(subscribed(1, 5, RECOVERED, at(4)), ...publications(5, 3, 6));
    assertEquals(sub.got, [1, 2, 3, 4, 5, 6]);
    await fake.close();
  });

  it("with a hole stops it: it asks again from its position, and what follows the hole is not applied", async () => {
    const { fake, sub } = await live();
    await fake.server(publication(9, 5), publication(9, 4), publication(9, 6));
    assertEquals([sub.got, sub.state], [[1, 2, 3], "subscribing"]);
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, wired(at(3)), null]]);
    await fake.server(subscribed(1, 9, RECOVERED, at(6)), publication(9, 7)); // late answers to the first
    assertEquals(sub.got, [1, 2, 3]);
    await fake.server(subscribed(2, 9, RECOVERED, at(3)), ...publications(9, 4, 7));
    assertEquals([sub.got, sub.state], [[1, 2, 3, 4, 5, 6, 7], "live"]);
    await fake.close();
  });

  it("of another past at the same offset stops it too", async () => {
    const { fake, sub } = await live();
    await fake.server(publication(9, 3, { past: 2 }), publication(9, 4));
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, wired(at(3)), null]]);
    await fake.server(subscribed(2, 9, RESET, at(5, "E", 2)), publication(9, 6, { past: 2 }));
    assertEquals(sub.got, [1, 2, 3, "reset E 5 history", 6]);
    await fake.close();
  });

  it("with a hole again and again keeps nobody busy: it waits longer each time, until something comes", async () => {
    const { fake, sub } = await live();
    await fake.server(publication(9, 5));
    await fake.server(subscribed(2, 9, RECOVERED, at(3)), publication(9, 5));
    assertEquals(fake.asked().at(-1), [UNSUBSCRIBE, 2]);
    for (const [index, wait] of [500, 1_000, 2_000].entries()) {
      await fake.clock.advance(wait - 1);
      assertEquals(fake.asked(), []);
      await fake.clock.advance(1);
      const sub = index + 3;
      assertEquals(fake.asked(), [[SUBSCRIBE, sub, NAME, wired(at(3)), null]]);
      if (index < 2) await fake.server(subscribed(sub, 9, RECOVERED, at(3)), publication(9, 5));
      fake.asked();
    }
    await fake.server(subscribed(5, 9, RECOVERED, at(3)), publication(9, 4));
    assertEquals(sub.got, [1, 2, 3, 4]);
    await fake.close();
  });

  it("of an old generation is ignored, whatever it says: old numbers, old aliases", async () => {
    const { fake, sub } = await live();
    await fake.reconnect();
    await fake.server(subscribed(1, 5, RECOVERED, at(3)));
    await fake.server(publication(9, 4), gap(9, 4, 8), skip(9, 9), [41, 9, new Uint8Array(0)]);
    await fake.server(subscribed(7, 6, RESET, at(50)), unsubscribed(8, "NOT_FOUND"));
    assertEquals([sub.got, sub.position, sub.state], [[1, 2, 3], at(3), "live"]);
    assertEquals(fake.status, "open");
    await fake.close();
  });

  it("can be a gap, which is an event, or a skip, which is none: both move the position", async () => {
    const { fake, sub } = await live();
    await fake.server(gap(9, 4, 6, "drop oldest"), publication(9, 7), skip(9, 12), publication(9, 13));
    assertEquals([sub.got, sub.position], [[1, 2, 3, "gap 4-6 drop oldest", 7, 13], at(13)]);
    await fake.server(gap(9, 5, 9), skip(9, 13), gap(9, 10, 15));
    assertEquals([sub.got.at(-1), sub.position, fake.asked()], ["gap 14-15 slow", at(15), []]);
    await fake.server(gap(9, 17, 18));
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, wired(at(15)), null]]);
    await fake.close();
  });

  it("without an offset touches no position: signals, heartbeats, answers (AIQ#272, socket.io#5539)", async () => {
    const { fake, sub } = await live();
    const heard: unknown[] = [];
    const stop = fake.channel().onSignal((message) => heard.push(message));
    await fake.server([41, 9, new Uint8Array([5])], [41, 9, new Uint8Array([99])], [2, 0]);
    assertEquals([heard, sub.position, sub.got], [[5, 99], at(3), [1, 2, 3]]);
    stop();
    await fake.server([41, 9, new Uint8Array([6])]);
    assertEquals([heard, fake.asked()], [[5, 99], []]);
    await fake.reconnect();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(at(3)), null]]);
    await fake.close();
  });

  it("is replaced in the middle: reset first, then what belongs to the new stream, and the old alias is dead", async () => {
    const { fake, sub } = await live();
    await fake.server(subscribed(1, 10, RESET, at(1, "F")), publication(9, 4), publication(10, 2));
    assertEquals([sub.got, sub.position], [[1, 2, 3, "reset F 1 epoch", 2], at(2, "F")]);
    await fake.close();
  });
});

describe("a subscription that is refused", () => {
  it("for good ends: the iterator throws once, and the handler's onError is told", async () => {
    const fake = await ChannelClient.connected();
    const channel = fake.channel();
    const read = failure(channel.subscribe().next());
    const errors: unknown[] = [];
    const sub = channel.subscribe({ onError: (error) => errors.push(error) }, () => {});
    const silent = fake.follow();
    const ready = failure(sub.ready());
    await fake.server(unsubscribed(1, "FORBIDDEN"));
    assertEquals([told(await ready), told(await read)], [{ code: "FORBIDDEN" }, { code: "FORBIDDEN" }]);
    assertEquals([errors.length, sub.state, silent.state, fake.errors.length], [1, "closed", "closed", 1]);
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, null, null]]);
    await fake.reconnect();
    assertEquals(fake.asked(), []);
    fake.follow();
    await fake.clock.settle();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, null, null]]);
    await fake.close();
  });

  it("for now is made again, later each time, and at once on a new connection", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow({ position: at(3) });
    for (const [index, wait] of [250, 500, 1_000].entries()) {
      await fake.server(unsubscribed(index + 1, "UNAVAILABLE", 1));
      fake.asked();
      await fake.clock.advance(wait - 1);
      assertEquals([fake.asked(), sub.state], [[], "subscribing"]);
      await fake.clock.advance(1);
      assertEquals(fake.asked(), [[SUBSCRIBE, index + 2, NAME, wired(at(3)), null]]);
    }
    await fake.server(unsubscribed(4, "RESOURCE_EXHAUSTED", 1));
    await fake.reconnect();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(at(3)), null]]);
    await fake.server(subscribed(1, 9, RECOVERED, at(3)), publication(9, 4));
    assertEquals(sub.got, [4]);
    await fake.server(unsubscribed(1, "UNAVAILABLE", 1)); // while it is live
    await fake.server(publication(9, 5));
    await fake.clock.advance(250);
    assertEquals(fake.asked(), [[SUBSCRIBE, 2, NAME, wired(at(4)), null]]);
    sub.close();
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });

  it("gives what had come before it fails", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.channel().subscribe();
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 2), unsubscribed(1, "NOT_FOUND"));
    assertEquals([brief((await sub.next()).value!), brief((await sub.next()).value!)], [1, 2]);
    await assertRejects(() => sub.next(), Error, "NOT_FOUND");
    assertEquals(await sub.next(), { done: true, value: undefined });
    await fake.close();
  });

  it("ends with CLOSED when the client is closed, before and after", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.channel().subscribe();
    const next = failure(sub.next());
    const quiet = fake.follow();
    await fake.close();
    assertEquals(told(await next), { code: "CLOSED" });
    assertEquals(told(await failure(fake.channel().subscribe().next())), { code: "CLOSED" });
    assertEquals([quiet.state, fake.errors], ["closed", []]);
    assertEquals(told(await failure(quiet.ready().then(() => fake.follow().ready()))), { code: "CLOSED" });
  });
});
