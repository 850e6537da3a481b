// What the program has done, and has not: positions, acknowledgements, bounds.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ChannelEvent, Subscription } from "../client/mod.ts";
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
  unsubscribed,
  wired,
} from "./suites/channel_client.ts";
import { payload } from "./suites/wire.ts";

const NAME = "board/7";

/** A promise that the test settles. */
function gate(): { readonly promise: Promise<void>; open(): void; fail(error: unknown): void } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { promise, open: resolve, fail: reject };
}

describe("the position of a subscription", () => {
  it("moves when the handler's promise has settled, and the next event waits for that", async () => {
    const fake = await ChannelClient.connected();
    const gates = [gate(), gate()];
    const got: unknown[] = [];
    const sub = fake.channel().subscribe((event) => {
      got.push(brief(event));
      return gates[got.length - 1]?.promise;
    });
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 4));
    assertEquals([got, sub.position], [[1], at(0)]);
    gates[0]!.open();
    await fake.clock.settle();
    assertEquals([got, sub.position], [[1, 2], at(1)]);
    gates[1]!.fail(new Error("handler"));
    await fake.clock.settle();
    assertEquals([got, sub.position, String(fake.errors)], [[1, 2, 3, 4], at(4), "Error: handler"]);
    await fake.close();
  });

  it("moves past what a handler throws, and the client is told of it", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.channel().subscribe(({ position }) => {
      if (position.offset === 1) throw new Error("handler");
    });
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 2));
    assertEquals([sub.position, fake.errors.length], [at(2), 1]);
    await fake.close();
  });

  it("of an iterator moves when the next is asked for, not when the loop is left", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.channel().subscribe();
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 4));
    const seen: unknown[] = [];
    for await (const event of sub) {
      seen.push(brief(event), sub.position?.offset);
      if (event.position.offset === 3) break;
    }
    assertEquals([seen, sub.position, sub.state], [[1, 0, 2, 1, 3, 2], at(2), "closed"]);
    assertEquals(await sub.next(), { done: true, value: undefined });
    await fake.close();
  });

  it("covers what was skipped, once the events before are done", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.channel().subscribe();
    await fake.server(subscribed(1, 9, FRESH, at(0)), skip(9, 2), publication(9, 3), skip(9, 5));
    assertEquals(sub.position, at(2));
    assertEquals(brief((await sub.next()).value!), 3);
    assertEquals(sub.position, at(2));
    const next = sub.next();
    assertEquals(sub.position, at(5));
    await fake.server(publication(9, 6));
    assertEquals(brief((await next).value!), 6);
    await fake.close();
  });

  it("is not what a new connection goes on from while events wait: those are not lost, nor asked for again", async () => {
    const fake = await ChannelClient.connected();
    const first = gate();
    const got: unknown[] = [];
    const sub = fake.channel().subscribe((event) => {
      got.push(brief(event));
      return got.length === 1 ? first.promise : undefined;
    });
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 3));
    await fake.reconnect();
    assertEquals([fake.asked(), sub.position], [[[SUBSCRIBE, 1, NAME, wired(at(3)), null]], at(0)]);
    await fake.server(subscribed(1, 5, RECOVERED, at(3)), publication(5, 4));
    first.open();
    await fake.clock.settle();
    assertEquals([got, sub.position], [[1, 2, 3, 4], at(4)]);
    await fake.close();
  });

  it("resolves who waits for it: reading one's own writes", async () => {
    const fake = await ChannelClient.connected();
    const handler = gate();
    const sub = fake.channel().subscribe(() => handler.promise);
    const told: unknown[] = [];
    for (const [name, place] of [["2", at(2)], ["5", at(5)], ["other", at(1, "F")]] as const) {
      sub.reaches(place).then((reached) => told.push([name, reached]));
    }
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 2));
    assertEquals(told, []);
    handler.open();
    await fake.clock.settle();
    assertEquals(told, [["2", true]]);
    await fake.server(subscribed(1, 10, RESET, at(3, "F")));
    assertEquals(told, [["2", true], ["5", false], ["other", true]]);
    const late = sub.reaches(at(9, "F"));
    sub.close();
    assertEquals(await late, false);
    await fake.close();
  });
});

describe("who waits for a place of a subscription", () => {
  const refusal = unsubscribed(1, "NOT_FOUND");

  /** Whether subscriptions have come to a place: filled in as they tell. */
  function asked(...subs: Subscription<unknown>[]): unknown[] {
    const told: unknown[] = [];
    subs.forEach((sub, i) => void sub.reaches(at(2)).then((reached) => void (told[i] = reached)));
    return told;
  }

  it("is told as it is read: what came counts only when the next is asked for", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.channel().subscribe();
    const told = asked(sub);
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 3));
    await sub.next();
    await sub.next();
    await fake.clock.settle();
    assertEquals(told, []);
    await sub.next();
    await fake.clock.settle();
    assertEquals(told, [true]);
    await fake.close();
  });

  for (const came of [0, 2]) {
    it(`is told no when that ends, ${came} publications of it unread`, async () => {
      for (const end of ["refused", "closed"] as const) {
        const fake = await ChannelClient.connected();
        const sub = fake.channel().subscribe();
        const told = asked(sub);
        await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, came));
        assertEquals(told, []);
        if (end === "refused") await fake.server(refusal);
        else await fake.close();
        await fake.clock.settle();
        assertEquals([end, told], [end, [false]]);
        assertEquals(await sub.reaches(at(1)), false);
        for (let n = 1; n <= came; n++) assertEquals(brief((await sub.next()).value!), n, "is still given");
        await fake.close();
      }
    });
  }

  it("is told when the handler is done with what came before the end, and at once of what did not come", async () => {
    const fake = await ChannelClient.connected();
    const handler = gate();
    const sub = fake.channel().subscribe({ onError: () => {} }, () => handler.promise);
    const told = asked(sub);
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 2));
    await fake.server(refusal);
    assertEquals([told, await sub.reaches(at(3))], [[], false]);
    handler.open();
    await fake.clock.settle();
    assertEquals([told, sub.state], [[true], "closed"]);
    await fake.close();
  });

  it("does so for a call too: `seen` ends with the client", async () => {
    const fake = await ChannelClient.connected();
    fake.channel().subscribe();
    await fake.server(subscribed(1, 9, FRESH, at(0)));
    const call = fake.call["move"]!();
    let isSeen = false;
    const seen = fake.client.seen(call).then(() => isSeen = true);
    await fake.clock.settle();
    const caused = payload([["board/7", ...wired(at(1))]]);
    await fake.server([21, 1, 1, caused], [17, 2, 1, payload()], publication(9, 1));
    assertEquals(isSeen, false);
    await fake.close();
    await seen;
  });
});

describe("a call that published", () => {
  it("is seen when all subscriptions are done with what it published", async () => {
    const fake = await ChannelClient.connected();
    const handler = gate();
    fake.channel().subscribe(() => handler.promise);
    const slow = fake.channel().subscribe();
    await fake.server(subscribed(1, 9, FRESH, at(0)));
    const call = fake.call["move"]!();
    let seen = false;
    fake.client.seen(call).then(() => seen = true);
    await fake.clock.settle();
    const caused = payload([["board/7", ...wired(at(1))], ["nobody/listens", ...wired(at(5))]]);
    await fake.server([21, 1, 1, caused], [17, 2, 1, payload("moved")], publication(9, 1));
    assertEquals([await call, seen], ["moved", false]);
    handler.open();
    await fake.clock.settle();
    assertEquals(seen, false);
    await slow.next();
    slow.next().catch(() => {});
    await fake.clock.settle();
    assertEquals(seen, true);
    const other = fake.call["noop"]!();
    const nothing = fake.client.seen(other);
    await fake.clock.settle();
    await fake.server([18, 3, 2, "NOT_FOUND", 0, payload({})]);
    await nothing;
    await assertRejects(() => fake.client.seen(Promise.resolve(1)), TypeError, "this is no call");
    other.catch(() => {});
    await fake.close();
  });
});

describe("an iterator", () => {
  it("waits for what comes, one reader after the other", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.channel().subscribe();
    const reads = [sub.next(), sub.next(), sub.next()];
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 2));
    assertEquals(brief((await reads[0]!).value!), 1);
    assertEquals(brief((await reads[1]!).value!), 2);
    sub.close();
    assertEquals(await reads[2], { done: true, value: undefined });
    await fake.close();
  });

  it("that is refused tells who reads first why, and all others that it has ended", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.channel().subscribe();
    const ends = [1, 2, 3].map(() => sub.next().then(({ done }) => done, ({ code }) => code));
    await fake.server(unsubscribed(1, "NOT_FOUND"));
    assertEquals([await Promise.all(ends), sub.state], [["NOT_FOUND", true, true], "closed"]);
    assertEquals((await sub.next()).done, true);
    await fake.close();
  });

  it("ends when its signal aborts, before and after it began", async () => {
    const fake = await ChannelClient.connected();
    const controller = new AbortController();
    const sub = fake.channel().subscribe({ signal: controller.signal });
    const next = sub.next();
    controller.abort();
    assertEquals([await next, sub.state], [{ done: true, value: undefined }, "closed"]);
    const dead = fake.channel().subscribe({ signal: controller.signal });
    assertEquals([await dead.next(), dead.state], [{ done: true, value: undefined }, "closed"]);
    await fake.close();
  });

  it("is not read where there is a handler", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.channel().subscribe(() => {});
    await assertRejects(() => sub.next(), TypeError, "Cannot read a subscription that has a handler");
    await fake.close();
  });

  it("throws when a publication is no value", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.channel().subscribe();
    await fake.server(subscribed(1, 9, FRESH, at(0)), [36, 9, 1, 1, Uint8Array.of(0xc1)], publication(9, 2));
    await assertRejects(() => sub.next(), Error, "A publication cannot be decoded");
    await fake.clock.settle();
    assertEquals([fake.asked().at(-1), fake.status], [[UNSUBSCRIBE, 1], "open"]);
    await fake.close();
  });
});

describe("SEEN", () => {
  it("tells nothing of the past that was lost in the one after it, which may have the same epoch", async () => {
    const fake = await ChannelClient.connected();
    const gates = [gate(), gate(), gate()];
    const got: unknown[] = [];
    const sub = fake.channel().subscribe((event) => {
      got.push(event.type);
      return gates[got.length - 1]?.promise;
    });
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 2));
    const now = at(1, "E", 2);
    await fake.server(subscribed(1, 10, RESET, now), publication(10, 2));
    const reached = sub.reaches(at(2, "E", 2));
    let isReached = false;
    void reached.then((is) => isReached = is);
    gates[0]!.open();
    gates[1]!.open();
    await fake.clock.advance(10_000);
    assertEquals([got, sub.position?.offset, isReached], [["message", "message", "reset"], 2, false]);
    assertEquals(fake.socket.take(SEEN), []);
    gates[2]!.open();
    await fake.clock.settle();
    await fake.clock.advance(5_000);
    assertEquals([got.length, await reached, fake.socket.take(SEEN)], [4, true, [[SEEN, 10, 2]]]);
    await fake.close();
  });

  it("tells at 250 publications, and 5 s after the last", async () => {
    const fake = await ChannelClient.connected();
    fake.follow();
    await fake.server(subscribed(1, 9, FRESH, at(10)), ...publications(9, 11, 259));
    assertEquals(fake.socket.take(SEEN), []);
    await fake.server(publication(9, 260));
    assertEquals(fake.socket.take(SEEN), [[SEEN, 9, 260]]);
    await fake.server(publication(9, 261));
    await fake.clock.advance(4_000);
    await fake.server(publication(9, 262));
    await fake.clock.advance(4_999);
    assertEquals(fake.socket.take(SEEN), []);
    await fake.clock.advance(1);
    assertEquals(fake.socket.take(SEEN), [[SEEN, 9, 262]]);
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });

  it("tells at 256 KiB", async () => {
    const fake = await ChannelClient.connected();
    fake.follow();
    const data = new Uint8Array(64 * 1024);
    const large = (offset: number) => publication(9, offset, { data });
    await fake.server(subscribed(1, 9, FRESH, at(0)), large(1), large(2), large(3));
    assertEquals(fake.socket.take(SEEN), []);
    await fake.server(large(4));
    assertEquals(fake.socket.take(SEEN), [[SEEN, 9, 4]]);
    await fake.close();
  });

  it("tells what the slowest is done with, and nothing of another life", async () => {
    const fake = await ChannelClient.connected();
    const fast = fake.follow();
    const slow = fake.channel().subscribe();
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 400));
    await fake.clock.advance(10_000);
    assertEquals([fast.position, fake.socket.take(SEEN)], [at(400), []]);
    for (let n = 1; n <= 251; n++) await slow.next();
    await fake.clock.settle();
    assertEquals(fake.socket.take(SEEN), [[SEEN, 9, 250]]);
    await fake.server(subscribed(1, 10, RESET, at(0, "F")), ...publications(10, 1, 300));
    await fake.clock.advance(10_000);
    assertEquals(fake.socket.take(SEEN), []);
    slow.close();
    await fake.clock.settle();
    assertEquals(fake.socket.take(SEEN), [[SEEN, 10, 300]]);
    await fake.close();
  });

  it("tells of a gap when the program is done with it, and of a skip as of publications", async () => {
    const fake = await ChannelClient.connected();
    const handler = gate();
    const slow = fake.channel().subscribe(({ type }) => type === "gap" ? handler.promise : undefined);
    await fake.server(subscribed(1, 9, FRESH, at(0)), gap(9, 1, 3));
    assertEquals(fake.socket.take(SEEN), []);
    handler.open();
    await fake.clock.settle();
    assertEquals([fake.socket.take(SEEN), slow.position], [[[SEEN, 9, 3]], at(3)]);
    await fake.server(skip(9, 252), publication(9, 253));
    assertEquals(fake.socket.take(SEEN), [[SEEN, 9, 253]]);
    await fake.server(skip(9, 260));
    await fake.clock.advance(5_000);
    assertEquals(fake.socket.take(SEEN), [[SEEN, 9, 260]]);
    await fake.close();
  });

  it("is sent for signals and events nobody takes too", async () => {
    const fake = await ChannelClient.connected();
    fake.channel().onSignal(() => {});
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 250));
    assertEquals(fake.socket.take(SEEN), [[SEEN, 9, 250]]);
    await fake.close();
  });
});

describe("what a program does not take", () => {
  it("is held, and no new subscription is made before it has taken some", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.channel().subscribe();
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 600));
    await fake.reconnect();
    assertEquals(fake.asked(), []);
    await fake.clock.advance(20_000);
    assertEquals(fake.asked(), []);
    for (let n = 1; n <= 101; n++) assertEquals(brief((await sub.next()).value!), n);
    await fake.clock.settle();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(at(600)), null]]);
    await fake.server(subscribed(1, 5, RECOVERED, at(600)), publication(5, 601));
    for (let n = 102; n <= 601; n++) assertEquals(brief((await sub.next()).value!), n);
    await fake.close();
  });

  it("is bounded even where the server does not wait: the rest is left, and fetched later", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.channel().subscribe();
    await fake.server(subscribed(1, 9, FRESH, at(0)));
    fake.asked();
    for (let from = 1; from <= 4_000; from += 500) await fake.server(...publications(9, from, from + 499));
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1]]);
    let taken = 0;
    let last: ChannelEvent<unknown> | undefined;
    for (; fake.asked().length === 0; taken++) {
      last = (await sub.next()).value;
      await fake.clock.settleFor(1);
    }
    assert(taken > 1_000 && taken < 2_100, `${taken}`);
    assertEquals(last?.position.offset, taken);
    await fake.close();
  });
});
