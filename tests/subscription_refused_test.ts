// A subscription that is refused for now: the program is told, and it is asked for again.
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CallError } from "../client/mod.ts";
import { channel, millrace } from "../mod.ts";
import { simulate } from "../testing/mod.ts";
import {
  at,
  ChannelClient,
  FRESH,
  publication,
  RECOVERED,
  SUBSCRIBE,
  subscribed,
  UNSUBSCRIBE,
  unsubscribed,
} from "./suites/channel_client.ts";
import { anything } from "./suites/pair.ts";

const NAME = "board/7";
const [RETRYABLE, FULL] = [1, "RESOURCE_EXHAUSTED"];

/** The codes of errors. */
function codes(errors: readonly unknown[]): unknown[] {
  return errors.map((error) => (error as CallError).code);
}

describe("a subscription that is refused for now", () => {
  it("tells its onError once, and again when it was refused after it had been live", async () => {
    const fake = await ChannelClient.connected();
    const told: unknown[] = [];
    const sub = fake.follow({ onError: (error: unknown) => void told.push(error) });
    await fake.server(unsubscribed(1, FULL, RETRYABLE));
    assertEquals([codes(told), sub.state], [[FULL], "subscribing"]);
    await fake.clock.advance(500);
    await fake.server(unsubscribed(2, FULL, RETRYABLE));
    assertEquals([codes(told), (told[0] as CallError).retryable], [[FULL], true]);
    await fake.clock.advance(1_000);
    await fake.server(
      subscribed(3, 9, FRESH, at(0)),
      publication(9, 1),
      unsubscribed(3, "UNAVAILABLE", RETRYABLE),
    );
    assertEquals([codes(told), sub.got], [[FULL, "UNAVAILABLE"], [1]]);
    await fake.clock.advance(500);
    await fake.server(subscribed(4, 9, RECOVERED, at(1)), publication(9, 2));
    assertEquals([sub.got, sub.state, fake.errors], [[1, 2], "live", []]);
    await fake.close();
  });

  it("tells the client's onError where it has none, read or handled", async () => {
    for (const isRead of [true, false]) {
      const fake = await ChannelClient.connected();
      const sub = isRead ? fake.channel().subscribe() : fake.follow();
      await fake.server(unsubscribed(1, FULL, RETRYABLE));
      assertEquals([codes(fake.errors), sub.state], [[FULL], "subscribing"]);
      await fake.close();
    }
  });

  it("rejects ready(), each time; who asks after that waits for the next answer", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow({ onError: () => {} });
    for (const [sub_, wait] of [[1, 500], [2, 1_000]] as const) {
      const ready = assertRejects(() => sub.ready(), CallError, "RESOURCE_EXHAUSTED");
      await fake.server(unsubscribed(sub_, FULL, RETRYABLE));
      await ready;
      await fake.clock.advance(wait);
    }
    let isReady = false;
    void sub.ready().then(() => isReady = true);
    await fake.clock.settle();
    assertEquals(isReady, false);
    await fake.server(subscribed(3, 9, FRESH, at(0)));
    assertEquals([isReady, sub.state], [true, "live"]);
    await fake.close();
  });

  it("may be closed where it is told, and then is not asked for again", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow({ onError: () => sub.close() });
    const other = fake.follow({ onError: () => {} });
    await fake.server(unsubscribed(1, FULL, RETRYABLE));
    assertEquals([sub.state, other.state], ["closed", "subscribing"]);
    await fake.clock.advance(500);
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, null, null], [SUBSCRIBE, 2, NAME, null, null]]);
    other.close();
    await fake.clock.settle();
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 2]]);
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });

  it("reports what its onError throws", async () => {
    const fake = await ChannelClient.connected();
    fake.follow({
      onError: () => {
        throw new RangeError("broken");
      },
    });
    await fake.server(unsubscribed(1, FULL, RETRYABLE));
    assertEquals(fake.errors.map(String), ["RangeError: broken"]);
    await fake.close();
  });
});

describe("a subscription that is refused for good", () => {
  it("listens to its signal no more, though nobody reads it", async () => {
    const fake = await ChannelClient.connected();
    const { signal } = new AbortController();
    let listeners = 0;
    const [add, remove] = [signal.addEventListener, signal.removeEventListener];
    signal.addEventListener = (...args: unknown[]) => (listeners++, add.apply(signal, args as never));
    signal.removeEventListener = (...args: unknown[]) => (listeners--, remove.apply(signal, args as never));
    const sub = fake.channel().subscribe({ signal });
    assertEquals(listeners, 1);
    await fake.server(unsubscribed(1, "NOT_FOUND"));
    assertEquals([sub.state, listeners], ["closed", 0]);
    await assertRejects(() => sub.next(), Error, "NOT_FOUND");
    await fake.close();
  });

  it("that has something left to give still ends when its signal aborts", async () => {
    const fake = await ChannelClient.connected();
    const abort = new AbortController();
    const sub = fake.channel().subscribe({ signal: abort.signal });
    await fake.server(subscribed(1, 9, FRESH, at(0)), publication(9, 1), unsubscribed(1, "NOT_FOUND"));
    abort.abort();
    assertEquals(await sub.next(), { done: true, value: undefined });
    await fake.close();
  });
});

describe("one channel more than a server allows", () => {
  it("is said, and comes when there is room", async () => {
    const app = millrace({ procedures: {}, channels: { "room/:id": channel({ message: anything }) } });
    await using world = simulate(app, { seed: 1 });
    const client = world.connect();
    const told: string[] = [];
    const subs = Array.from(
      { length: 130 },
      (_, id) =>
        client.channel("room/:id", { id: `${id}` }).subscribe({
          onError: (error) => void told.push(`${id} ${(error as CallError).code}`),
        }, () => {}),
    );
    const refused = await world.wait(subs[129]!.ready().then(() => "ready", (error) => error.code));
    assertEquals([refused, told], [FULL, [`128 ${FULL}`, `129 ${FULL}`]]);
    assertEquals(subs.filter(({ state }) => state === "live").length, 128);
    for (const sub of subs.slice(0, 2)) sub.close();
    await world.wait(Promise.all([subs[128]!.ready(), subs[129]!.ready()]));
    assertEquals(told.length, 2);
  });
});
