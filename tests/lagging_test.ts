// Several subscriptions of a client to one channel, of which one is not read, or slowly.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { channel, millrace, procedure } from "../mod.ts";
import { simulate } from "../testing/mod.ts";
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
  SEEN,
  skip,
  SUBSCRIBE,
  subscribed,
  UNSUBSCRIBE,
  wired,
} from "./suites/channel_client.ts";
import { anything } from "./suites/pair.ts";

const NAME = "board/7";

/** The whole numbers from one to another. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Reads so many events, in short. */
async function read(subscription: AsyncIterator<unknown>, count: number): Promise<unknown[]> {
  const got: unknown[] = [];
  while (got.length < count) got.push(brief((await subscription.next()).value as never));
  return got;
}

/** A client with a handler and an iterator that nobody reads, to which the server has sent `count` publications. */
async function both(count: number) {
  const fake = await ChannelClient.connected();
  const handled = fake.follow();
  const unread = fake.channel().subscribe();
  await fake.server(subscribed(1, 9, FRESH, at(0)));
  await fake.server(...publications(9, 1, count));
  fake.asked();
  return { fake, handled, unread };
}

const seen = (fake: ChannelClient) => fake.socket.take(SEEN).map(([, , offset]) => offset);

describe("a subscription that is not read, beside one that is", () => {
  it("holds the channel up for a second, and is given no more", async () => {
    const { fake, handled, unread } = await both(1_000);
    await fake.clock.advance(999);
    assertEquals(seen(fake), []);
    await fake.clock.advance(1);
    assertEquals(seen(fake), [1_000]);
    await fake.server(...publications(9, 1_001, 2_000));
    assertEquals([handled.got, seen(fake).at(-1)], [range(1, 2_000), 2_000]);
    assertEquals([unread.state, unread.position, fake.asked()], ["live", at(0), []]);
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });

  it("goes on from its place when it was read, without a hole, and the other hears nothing twice", async () => {
    const { fake, handled, unread } = await both(1_000);
    await fake.clock.advance(1_000);
    await fake.server(...publications(9, 1_001, 1_500));
    assertEquals(await read(unread, 1_000), range(1, 1_000));
    assertEquals(fake.asked(), []);
    const next = unread.next();
    await fake.clock.settle();
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, wired(at(1_000)), null]]);
    await fake.server(subscribed(2, 9, RECOVERED, at(1_000)), ...publications(9, 1_001, 1_501));
    assertEquals([brief((await next).value!), ...await read(unread, 500)], range(1_001, 1_501));
    assertEquals(handled.got, range(1, 1_501));
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });

  it("is not given a gap or a skip that comes while it is further back", async () => {
    for (const cover of [gap(9, 1_101, 1_110), skip(9, 1_110)]) {
      const { fake, handled, unread } = await both(1_000);
      await fake.clock.advance(1_000);
      await fake.server(...publications(9, 1_001, 1_100));
      assertEquals(await read(unread, 1_000), range(1, 1_000)); // it holds nothing, and has not asked for more
      await fake.server(cover); // of which the other is done at once
      assertEquals([handled.position, fake.asked()], [
        at(1_110),
        [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, wired(at(1_000)), null]],
      ]);
      await fake.server(subscribed(2, 9, RECOVERED, at(1_000)), ...publications(9, 1_001, 1_001));
      assertEquals(await read(unread, 1), [1_001]);
      await fake.close();
    }
  });

  it("is told once that the stream is another one, and nothing of that before", async () => {
    for (const isDrained of [true, false]) {
      const { fake, unread } = await both(1_000);
      await fake.clock.advance(1_000);
      await read(unread, isDrained ? 1_000 : 999);
      await fake.server(subscribed(1, 10, RESET, at(1_000, "F"))); // the other is told at once, and does it
      if (!isDrained) await read(unread, 1);
      await fake.server(publication(10, 1_001));
      assertEquals(fake.asked(), [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, wired(at(1_000)), null]]);
      await fake.server(subscribed(2, 10, RESET, at(1_001, "F")));
      await fake.server(subscribed(3, 10, RECOVERED, at(1_001, "F")), ...publications(10, 1_002, 1_002));
      assertEquals(await read(unread, 2), ["reset F 1001 epoch", 1_002]);
      await fake.close();
    }
  });

  it("is not put aside for who listens to signals alone", async () => {
    const fake = await ChannelClient.connected();
    fake.channel().onSignal(() => {});
    fake.channel().subscribe();
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 1_000));
    await fake.clock.advance(10_000);
    assertEquals(seen(fake), []);
    await fake.close();
  });

  it("is told a reset when what it missed is no longer kept, and it alone", async () => {
    const { fake, handled, unread } = await both(1_000);
    await fake.clock.advance(1_000);
    await fake.server(...publications(9, 1_001, 1_500));
    await read(unread, 1_000);
    const next = unread.next();
    await fake.clock.settle();
    fake.asked();
    await fake.server(subscribed(2, 9, RESET, at(1_500)));
    assertEquals(brief((await next).value!), "reset E 1500 history");
    await fake.server(subscribed(3, 9, RECOVERED, at(1_500)), ...publications(9, 1_501, 1_501));
    assertEquals([await read(unread, 1), handled.got], [[1_501], range(1, 1_501)]);
    await fake.close();
  });

  it("asks for nothing anew where nothing was published meanwhile", async () => {
    const { fake, handled, unread } = await both(600);
    await fake.clock.advance(1_000);
    assertEquals(await read(unread, 600), range(1, 600));
    const next = unread.next();
    await fake.server(...publications(9, 601, 601));
    assertEquals([brief((await next).value!), handled.got.at(-1), fake.asked()], [601, 601, []]);
    await fake.close();
  });

  it("is not in the way of a new connection either", async () => {
    const { fake, handled } = await both(900);
    await fake.reconnect();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(at(900)), null]]);
    await fake.server(subscribed(1, 9, RECOVERED, at(900)), ...publications(9, 901, 1_800));
    assertEquals(handled.got, range(1, 1_800));
    await fake.close();
  });

  it("nor of one that comes later", async () => {
    const fake = await ChannelClient.connected();
    fake.channel().subscribe();
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 900));
    await fake.reconnect();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, null, null]].slice(1), "it holds too much");
    const handled = fake.follow();
    await fake.clock.settle();
    await fake.server(subscribed(1, 9, FRESH, at(900)), ...publications(9, 901, 1_000));
    assertEquals(handled.got, range(901, 1_000));
    await fake.close();
  });

  it("holds the channel up again when it is the last one: what nobody reads is bounded", async () => {
    const { fake, handled, unread } = await both(1_000);
    await fake.clock.advance(1_000);
    handled.close();
    await fake.clock.settle();
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1]]);
    assertEquals(await read(unread, 501), range(1, 501));
    await fake.clock.settle();
    assertEquals(fake.asked(), [[SUBSCRIBE, 2, NAME, wired(at(1_000)), null]]);
    await fake.server(subscribed(2, 9, RECOVERED, at(1_000)), ...publications(9, 1_001, 1_001));
    assertEquals(await read(unread, 500), range(502, 1_001));
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });

  it("is left behind only by those who wait: two slow ones hold the channel up together", async () => {
    const fake = await ChannelClient.connected();
    const [one, other] = [fake.channel().subscribe(), fake.channel().subscribe()];
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 1_000));
    await fake.clock.advance(10_000);
    assertEquals([seen(fake), await read(one, 2), await read(other, 2)], [[], [1, 2], [1, 2]]);
    await fake.close();
  });

  it("ends as others do, with what had come", async () => {
    const { fake, unread } = await both(600);
    await fake.clock.advance(1_000);
    const ready = unread.reaches(at(5_000));
    await fake.server([34, 1, "NOT_FOUND", 0, new Uint8Array([0x80])]);
    assertEquals([await read(unread, 600), await ready], [range(1, 600), false]);
    assertEquals(await unread.next().then(() => "more", ({ code }) => code), "NOT_FOUND");
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });

  it("can be closed", async () => {
    const { fake, unread, handled } = await both(600);
    await fake.clock.advance(1_000);
    unread.close();
    await fake.server(...publications(9, 601, 602));
    assertEquals([handled.got.at(-1), unread.state, fake.asked()], [602, "closed", []]);
    handled.close();
    await fake.clock.settle();
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1]]);
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });
});

describe("an abandoned iterator", () => {
  it("keeps nothing from the handler beside it, and seen() does not wait for it", async () => {
    const app = millrace({
      procedures: {
        post: procedure({ input: anything }, async (text, { publish }) => {
          await (publish as (name: string, message: unknown) => Promise<unknown>)("news", text);
        }),
      },
      channels: { news: channel({ message: anything }) },
    });
    await using world = simulate(app, { seed: 1 });
    const reader = world.connect();
    const writer = world.connect();
    const got: unknown[] = [];
    reader.channel("news").subscribe((event) => void got.push(event.type === "message" ? event.data : event));
    const abandoned = reader.channel("news").subscribe();
    await world.wait(Promise.all([reader.ready(), writer.ready()]));
    await world.run(100);
    const seenEarly = reader.seen(reader.call.post(-1));
    for (let i = 0; i < 3_000; i += 50) {
      await world.wait(Promise.all(range(i, i + 49).map((n) => writer.channel("news").publish(n))));
      await world.run(100);
    }
    await world.run(10_000);
    assertEquals(got, [-1, ...range(0, 2_999)]);
    await world.wait(Promise.all([seenEarly, reader.seen(reader.call.post(3_000))]));
    assertEquals(got.at(-1), 3_000);
    const all: unknown[] = [];
    while (typeof all.at(-1) !== "string") all.push(brief((await world.wait(abandoned.next())).value!));
    assertEquals(all.slice(0, -1), [-1, ...range(0, all.length - 3)], "what it held");
    assert(
      all.length > 500 && (all.at(-1) as string).endsWith("history"),
      "then what is not kept any more is said",
    );
    await world.wait(writer.channel("news").publish("on"));
    assertEquals(brief((await world.wait(abandoned.next())).value!), "on");
  });
});
