// Filters at the client: what it asks for, several that share what comes, and from end to end.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { Channels } from "../client/channels.ts";
import { LocalSubscription } from "../client/subscription.ts";
import { CallError, channel, millrace } from "../mod.ts";
import { DEFAULT_LIMITS } from "../rpc/limits.ts";
import { simulate } from "../testing/mod.ts";
import {
  at,
  ChannelClient,
  FRESH,
  gap,
  publication,
  publications,
  RECOVERED,
  SEEN,
  skip,
  SUBSCRIBE,
  subscribed,
  UNSUBSCRIBE,
  wired,
} from "./suites/channel_client.ts";
import { ManualClock } from "./suites/manual_clock.ts";

const NAME = "board/7";
const RED = ["eq", ["team"], "red"];

/** PUBLICATION of a team. */
function of(alias: number, offset: number, team: string): ReturnType<typeof publication> {
  return publication(alias, offset, { data: { team, offset } });
}

const offsets = (got: unknown[]) => got.map((one) => (one as { offset: number }).offset ?? one);

describe("a filter at the client", () => {
  it("goes with SUBSCRIBE, in its long form, beside a rewind, and again from the position", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow({ rewind: 3, filter: { team: "red" } });
    await fake.clock.settle();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, null, { rewind: 3, filter: RED }]]);
    await fake.server(subscribed(1, 9, FRESH, at(0)), skip(9, 2), of(9, 3, "red"), skip(9, 5));
    assertEquals([offsets(sub.got), sub.position], [[3], at(5)]);
    await fake.reconnect();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(at(5)), { filter: RED }]]);
    await fake.close();
  });

  it("that is none fails the subscription, as where the server refuses it", async () => {
    const fake = await ChannelClient.connected();
    const errors: CallError[] = [];
    const sub = fake.follow({
      filter: { team: { like: "x" } },
      onError: (error: CallError) => errors.push(error),
    });
    assertEquals([sub.state, errors], ["subscribing", []]);
    await fake.clock.settle();
    assertEquals([sub.state, errors.map(({ code }) => code), fake.asked()], ["closed", ["BAD_INPUT"], []]);
    await assertRejects(
      () => fake.channel().subscribe({ filter: 7 as never }).next(),
      CallError,
      "Cannot filter",
    );
    await assertRejects(() => fake.channel().history({ filter: 7 as never }), TypeError);
    await fake.close();
  });

  it("of several that want the same is asked for once", async () => {
    const fake = await ChannelClient.connected();
    const [one, other] = [fake.follow({ filter: { team: "red" } }), fake.follow({ filter: RED })];
    await fake.clock.settle();
    assertEquals(fake.asked().length, 1);
    await fake.server(subscribed(1, 9, FRESH, at(0)), skip(9, 1), of(9, 2, "red"));
    assertEquals([offsets(one.got), offsets(other.got)], [[2], [2]]);
    assertEquals(fake.asked(), []);
    await fake.close();
  });

  it("is asked here where another wants something else, and goes to the server again when that has left", async () => {
    const fake = await ChannelClient.connected();
    const red = fake.follow({ filter: { team: "red" } });
    await fake.server(subscribed(1, 9, FRESH, at(0)), skip(9, 1));
    fake.asked();
    const blue = fake.follow({ filter: { team: "blue" } });
    await fake.clock.settle();
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, wired(at(1)), null]]);
    await fake.server(
      subscribed(2, 9, RECOVERED, at(1)),
      of(9, 2, "red"),
      of(9, 3, "blue"),
      of(9, 4, "green"),
    );
    assertEquals([offsets(red.got), red.position, offsets(blue.got), blue.position], [
      [2],
      at(4),
      [3],
      at(4),
    ]);
    blue.close();
    await fake.clock.settle();
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 2], [SUBSCRIBE, 3, NAME, wired(at(4)), { filter: RED }]]);
    await fake.server(subscribed(3, 9, RECOVERED, at(4)), skip(9, 5), of(9, 6, "red"));
    assertEquals(offsets(red.got), [2, 6]);
    await fake.close();
  });

  it("is not widened by who listens to signals alone", async () => {
    const fake = await ChannelClient.connected();
    fake.follow({ filter: { team: "red" } });
    const stop = fake.channel().onSignal(() => {});
    await fake.clock.settle();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, null, { filter: RED }]]);
    await fake.server(subscribed(1, 9, FRESH, at(0)));
    stop();
    await fake.clock.settle();
    assertEquals(fake.asked(), []);
    await fake.close();
  });

  it("that comes while the server is asked for another is asked for when that is live", async () => {
    const fake = await ChannelClient.connected();
    const all = fake.follow();
    await fake.clock.settle();
    const red = fake.follow({ filter: { team: "red" } });
    all.close();
    await fake.server(subscribed(1, 9, FRESH, at(3)));
    assertEquals(fake.asked(), [
      [SUBSCRIBE, 1, NAME, null, null],
      [UNSUBSCRIBE, 1],
      [SUBSCRIBE, 2, NAME, wired(at(3)), { filter: RED }],
    ]);
    await fake.server(subscribed(2, 9, RECOVERED, at(3)), of(9, 4, "red"));
    assertEquals(offsets(red.got), [4]);
    await fake.close();
  });
});

describe("a policy at the client", () => {
  it("goes with SUBSCRIBE, and again on the next connection", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow({ policy: { latest: ["id"] }, filter: { team: "red" } });
    await fake.clock.settle();
    const options = { filter: RED, policy: { latest: ["id"] } };
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, null, options]]);
    await fake.server(
      subscribed(1, 9, FRESH, at(0)),
      of(9, 1, "red"),
      gap(9, 2, 7, "conflated"),
      of(9, 8, "red"),
    );
    assertEquals([offsets(sub.got), sub.position], [[1, "gap 2-7 conflated", 8], at(8)]);
    await fake.reconnect();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(at(8)), options]]);
    await fake.close();
  });

  it("acknowledges a gap at once, and 16 times as often as without one", async () => {
    const fake = await ChannelClient.connected();
    fake.follow({ policy: "drop oldest" });
    await fake.server(subscribed(1, 9, FRESH, at(0)), gap(9, 1, 10, "dropped"));
    assertEquals(fake.socket.take(SEEN), [[SEEN, 9, 10]]);
    await fake.server(...publications(9, 11, 25));
    assertEquals(fake.socket.take(SEEN), []);
    await fake.server(...publications(9, 26, 41));
    assertEquals(fake.socket.take(SEEN), [[SEEN, 9, 26]]);
    await fake.close();
  });

  it("is none where another subscription wants everything, or has another filter", async () => {
    for (const other of [{}, { policy: { latest: true as const }, filter: { team: "blue" } }]) {
      const fake = await ChannelClient.connected();
      fake.follow({ policy: { latest: true }, filter: { team: "red" } });
      fake.follow(other);
      await fake.clock.settle();
      await fake.server(subscribed(1, 9, FRESH, at(0)));
      const last = fake.asked().at(-1)!;
      assertEquals(last.slice(3), [wired(at(0)), null], JSON.stringify(other));
      await fake.close();
    }
  });

  it("that is none fails the subscription", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.channel().subscribe({ policy: { sample: 0 } });
    await assertRejects(() => sub.next(), CallError, "sample is a number");
    await fake.close();
  });
});

describe("what a subscription leaves behind that wants what is none", () => {
  it("is no channel that waits for ever", async () => {
    const clock = new ManualClock();
    const made: WeakRef<object>[] = [];
    let joined = 0;
    class Local extends LocalSubscription {
      constructor(...[owner, options]: ConstructorParameters<typeof LocalSubscription>) {
        super(owner, options);
        if (made.every((one) => one.deref() !== owner)) made.push(new WeakRef(owner));
        joined++;
      }
    }
    const all = new Channels({
      clock,
      limits: DEFAULT_LIMITS,
      call: () => Promise.reject(new CallError("CLOSED")),
      report: () => {},
      outbox: { count: 1, bytes: 1 },
    } as never);
    const onError = () => {};
    const wanted = { start: {}, handler: () => {}, delta: false, onError, filter: 7 } as never;
    all.join(NAME, wanted, Local as never);
    await clock.settle();
    all.join(NAME, wanted, Local as never);
    await clock.settle();
    assertEquals([joined, made.length], [2, 2], "the channel of the first is not there any more");
  });
});

describe("a filter from end to end", () => {
  const app = millrace({
    procedures: {},
    channels: { "scores": channel({ message: z.object({ team: z.string(), points: z.number() }) }) },
  });

  it("holds live, behind a position, for a rewind and in the history", async () => {
    const world = simulate(app, { seed: 1 });
    const [reader, writer] = [world.connect(), world.connect()];
    const scores = writer.channel("scores");
    const filter = { team: { in: ["red", "green"] }, points: { gte: 10 } };
    const got: number[] = [];
    const sub = reader.channel("scores").subscribe({ filter }, (event) => {
      if (event.type === "message") got.push(event.data.points);
    });
    await world.wait(sub.ready());
    const published = [];
    for (let points = 1; points <= 30; points++) {
      const team = ["red", "blue", "green"][points % 3]!;
      published.push(await world.wait(scores.publish({ team, points })));
    }
    await world.wait(sub.reaches(published.at(-1)!));
    const expected = Array.from({ length: 21 }, (_, i) => i + 10).filter((points) => points % 3 !== 1);
    assertEquals(got, expected);
    const again: number[] = [];
    const position = published[14]!;
    const later = writer.channel("scores").subscribe({ filter, position }, (event) => {
      assert(event.type === "message");
      again.push(event.data.points);
    });
    await world.wait(later.reaches(published.at(-1)!));
    assertEquals(again, expected.filter((points) => points > 15));
    let page = await world.wait(scores.history({ filter, limit: 4 }));
    const read: number[] = [];
    for (;;) {
      read.push(...page.entries.map(({ data }) => data.points));
      if (!page.more) break;
      page = await world.wait(scores.history({ filter, limit: 4, before: page.through }));
    }
    assertEquals(read, expected.toReversed());
    await world[Symbol.asyncDispose]();
  });
});
