// A client whose code of channels comes late, or not at all: what the program does meanwhile.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as channels from "../client/channels.ts";
import { connectWith } from "../client/client.ts";
import type { CallError, ClientChannel, ConnectOptions, HasContract } from "../client/mod.ts";
import * as offers from "../client/offers.ts";
import type { ClientPresence } from "../client/presence_types.ts";
import { decode } from "../msgpack/mod.ts";
import { BULK_CODE } from "../rpc/bulk_code.ts";
import {
  at,
  brief,
  ChannelClient,
  FRESH,
  publication,
  SIGNAL,
  SUBSCRIBE,
  subscribed,
} from "./suites/channel_client.ts";
import { failure, told } from "./suites/check.ts";
import { payload } from "./suites/wire.ts";

const NAME = "board/7";
const ASK = [SUBSCRIBE, 1, NAME, null, null];
const CALL = 16;
const SOURCES = { bulk: BULK_CODE, offers };

/** What the channel of a test has besides messages. */
type MemberChannel = Pick<ClientChannel<unknown, unknown>, "history" | "publish"> & {
  readonly presence: ClientPresence<unknown, unknown>;
} & Record<"react" | "unreact", (...said: unknown[]) => Promise<unknown>>;

/** A client that gets its channels when the test says so. */
class LateClient extends ChannelClient {
  /** What asked for the code, and was not answered yet. */
  readonly #asked: PromiseWithResolvers<typeof channels>[];
  /** How often it was asked for. */
  readonly count: () => number;

  constructor(options: ConnectOptions<HasContract> = {}) {
    const asked: PromiseWithResolvers<typeof channels>[] = [];
    let count = 0;
    const source = () => {
      count++;
      asked.push(Promise.withResolvers());
      return asked.at(-1)!.promise;
    };
    super(options, undefined, (url, options) => connectWith({ ...SOURCES, channels: source }, url, options));
    this.#asked = asked;
    this.count = () => count;
  }

  static override async connected(options: ConnectOptions<HasContract> = {}): Promise<LateClient> {
    const fake = new LateClient(options);
    await fake.accepted();
    return fake;
  }

  async accepted(): Promise<void> {
    await this.clock.settle();
    this.socket.accept({ heartbeat: 600_000 }); // nobody gives up a silent server meanwhile
    await this.clock.settle();
  }

  async arrive(): Promise<void> {
    for (const { resolve } of this.#asked.splice(0)) resolve(channels);
    await this.clock.settle();
  }

  async fail(): Promise<void> {
    for (const { reject } of this.#asked.splice(0)) reject(new TypeError("Failed to fetch"));
    await this.clock.settle();
  }

  /** Fails as often as it is asked for, until nothing is asked for any more. */
  async failForGood(): Promise<void> {
    while (this.#asked.length > 0) {
      await this.fail();
      await this.clock.advance(16_000);
    }
  }

  /** What was published since: number and message. */
  published(): unknown[] {
    return this.socket.take(CALL).map(([, , , , , input]) => {
      const [, n, data] = input as [string, number, Uint8Array];
      return [n, decode(data)];
    });
  }
}

/** How a promise has ended so far. */
function watch(promise: PromiseLike<unknown>): { end: unknown } {
  const watched: { end: unknown } = { end: "waits" };
  promise.then((value) => watched.end = value, (error) => watched.end = error.code ?? String(error));
  return watched;
}

describe("the code of channels", () => {
  it("loses a signal that is too large, says so, and nothing that waits behind it", async () => {
    const fake = await LateClient.connected();
    assertEquals(fake.channel().signal(new Uint8Array(2 * 1024 * 1024)), true);
    fake.follow();
    await fake.arrive();
    assertEquals(fake.asked(), [ASK]);
    assertEquals(fake.errors.map((error) => (error as { code: string }).code), ["TOO_LARGE"]);
  });

  it("is asked for when the first channel is opened, once, and refusals of names do without", async () => {
    const fake = await LateClient.connected();
    assertThrows(() => fake.channel("board/:id", {}), TypeError, 'its parameter "id" is missing');
    assertEquals(fake.count(), 0);
    assertEquals([fake.channel().name, fake.channel("news", {}).name, fake.count()], [NAME, "news", 1]);
    await fake.arrive();
    fake.follow();
    await fake.clock.settle();
    assertEquals([fake.count(), fake.asked()], [1, [ASK]]);
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });

  it("is there before the connection, or after it: subscriptions are made as soon as both are", async () => {
    for (const isFirst of [true, false]) {
      const fake = new LateClient();
      const sub = fake.follow();
      if (isFirst) await fake.arrive();
      await fake.accepted();
      if (!isFirst) await fake.arrive();
      assertEquals(fake.asked(), [ASK]);
      await fake.server(subscribed(1, 9, FRESH, at(4)), publication(9, 5));
      assertEquals([sub.got, sub.state, sub.position], [[5], "live", at(5)]);
      await fake.close();
      assertEquals([fake.errors, fake.clock.pending, sub.state], [[], 0, "closed"]);
    }
  });

  it("may come while there is no connection, or for one that its server leaves", async () => {
    const fake = await LateClient.connected();
    fake.follow();
    await fake.server([5, 4503, null, payload({})]); // GOODBYE
    await fake.drop(4503);
    await fake.arrive();
    const socket = await fake.retry();
    socket.accept();
    await fake.clock.settle();
    assertEquals(fake.asked(), [ASK]);
    await fake.close();
  });

  it("is asked for again when it cannot be loaded, and at once when a connection shows that there is a network", async () => {
    const fake = new LateClient();
    const sub = fake.follow();
    await fake.clock.settle();
    for (const wait of [250, 500, 1_000]) {
      await fake.fail();
      await fake.clock.advance(wait - 1);
      const before = fake.count();
      await fake.clock.advance(1);
      assertEquals(fake.count(), before + 1);
    }
    await fake.fail();
    assertEquals([fake.count(), sub.state], [4, "subscribing"]);
    await fake.accepted();
    assertEquals(fake.count(), 5);
    await fake.arrive();
    assertEquals([fake.asked(), fake.errors], [[ASK], []]);
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });

  it("that never comes ends what waits for it after 30 s, and the next use asks again", async () => {
    const fake = await LateClient.connected();
    const timers = fake.clock.pending;
    const channel = fake.channel();
    const errors: unknown[] = [];
    const handled = channel.subscribe(
      { onError: (error) => errors.push((error as Error).message) },
      () => {},
    );
    const silent = fake.follow();
    const read = channel.subscribe();
    const ends = [channel.publish(1), channel.history(), read.next(), read.ready()].map(watch);
    const reaches = [read.reaches(at(1)), handled.reaches(at(1))].map(watch);
    channel.onSignal(() => {});
    channel.signal(1);
    await fake.failForGood();
    assertEquals(reaches.map(({ end }) => end), [false, false], "nothing comes to that place any more");
    assertEquals(ends.map(({ end }) => end), Array(4).fill("UNAVAILABLE"));
    assertEquals(errors, ["A part of the client cannot be loaded: Failed to fetch"]);
    assertEquals(fake.errors.map((error) => told(error as never)), [
      { code: "UNAVAILABLE", retryable: true },
      { code: "UNAVAILABLE", retryable: true },
    ]);
    assertEquals([handled.state, silent.state, read.state], ["closed", "closed", "closed"]);
    assertEquals(fake.clock.pending, timers);
    fake.follow();
    await fake.clock.settle();
    await fake.arrive();
    assertEquals(fake.asked(), [ASK]);
    await fake.close();
  });

  it("that comes after the client has closed does nothing", async () => {
    const fake = await LateClient.connected();
    const channel = fake.channel();
    const read = channel.subscribe();
    const quiet = fake.follow();
    const ends = [channel.publish(1), channel.history(), read.next(), read.ready(), quiet.ready()].map(watch);
    await fake.close();
    await fake.arrive();
    ends.push(...[fake.channel().publish(2), fake.channel().subscribe().next()].map(watch));
    await fake.clock.settle();
    assertEquals(ends.map(({ end }) => end), Array(7).fill("CLOSED"));
    assertEquals([quiet.state, fake.errors, fake.clock.pending, fake.asked()], ["closed", [], 0, []]);
  });
});

describe("before the code of channels is there", () => {
  it("an onError that subscribes anew ends with the client", async () => {
    const fake = await LateClient.connected();
    const told: unknown[] = [];
    const open = (): void => {
      const onError = (error: unknown) => {
        if (told.push((error as CallError).code) < 100) open();
      };
      fake.follow({ onError });
    };
    open();
    await fake.close();
    await fake.clock.settle();
    assertEquals([told, fake.errors], [["CLOSED"], []]);
  });

  it("what is no signal is refused at once, and takes no room", async () => {
    const fake = await LateClient.connected({ outbox: { messages: 1 } });
    const wrong = { signal: {} as AbortSignal };
    for (const come of [() => {}, () => fake.arrive()]) {
      await assertRejects(() => fake.channel().publish(1, wrong), TypeError);
      assertThrows(() => fake.channel().subscribe(wrong), TypeError);
      await come();
    }
    assertEquals(fake.asked(), []);
    void fake.channel().publish("x").catch(() => {});
    await assertRejects(() => fake.channel().publish("x"), Error, "1 publications of 2 bytes");
    await fake.close();
  });

  it("a subscription can be read, closed, aborted, and asked where it is", async () => {
    const fake = await LateClient.connected();
    const channel = fake.channel();
    const sub = channel.subscribe({ position: at(3) });
    const next = [sub.next(), sub.next()];
    const ready = watch(sub.ready());
    assertEquals([sub.position, sub.state], [at(3), "subscribing"]);
    const closed = channel.subscribe();
    const abort = new AbortController();
    const aborted = channel.subscribe({ signal: abort.signal });
    const dead = channel.subscribe({ signal: AbortSignal.abort() });
    const ends = [closed.next(), aborted.next(), dead.next()].map(watch);
    const refused = [closed.ready(), aborted.reaches(at(9))].map(watch);
    closed.close();
    abort.abort();
    await fake.clock.settle();
    assertEquals(ends.map(({ end }) => end), Array(3).fill({ done: true, value: undefined }));
    assertEquals(refused.map(({ end }) => end), ["CLOSED", false]);
    assertEquals([closed.state, aborted.state, dead.state], ["closed", "closed", "closed"]);
    await fake.arrive();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, ["E", 3, at(3).fingerprint], null]]);
    await fake.server(subscribed(1, 9, 1, at(3)), publication(9, 4), publication(9, 5));
    assertEquals([(await next[0]!).value, (await next[1]!).value].map((event) => brief(event!)), [4, 5]);
    assertEquals([ready.end, sub.state, await sub.reaches(at(3))], [undefined, "live", true]);
    await sub.return!();
    assertEquals([await sub.next(), sub.state], [{ done: true, value: undefined }, "closed"]);
    await fake.close();
    assertEquals([fake.errors, fake.clock.pending], [[], 0]);
  });

  it("a subscription refuses what it refuses later", async () => {
    const fake = await LateClient.connected();
    assertThrows(() => fake.channel().subscribe({}, 7 as never), TypeError, "no function");
    for (const options of [{}, { rewind: 5 }]) { // in the wrong order, it would begin somewhere else in silence
      const subscribe = fake.channel().subscribe.bind(fake.channel()) as (...args: unknown[]) => unknown;
      assertThrows(() => subscribe(() => {}, options), TypeError, "the handler is no function");
    }
    assertThrows(() => fake.follow({ position: {} }), TypeError, "the position is none");
    await fake.arrive();
    assertEquals(fake.asked(), []);
    await fake.close();
  });

  it("publications wait in order, as they were when they were given", async () => {
    const fake = await LateClient.connected();
    const channel = fake.channel();
    const message = { x: 1 };
    const first = watch(channel.publish(message));
    message.x = 2;
    void channel.publish(message).catch(() => {});
    assertEquals(watch(channel.publish(() => {})).end, "waits");
    await assertRejects(() => channel.publish(() => {}), TypeError, "Cannot encode");
    await fake.arrive();
    void channel.publish(3).catch(() => {});
    await fake.clock.settle();
    assertEquals(fake.published(), [[1, { x: 1 }], [2, { x: 2 }], [3, 3]]);
    await fake.server([17, 1, 1, payload(["E", 4, at(4).fingerprint, "memory"])]);
    assertEquals(first.end, { ...at(4), durability: "memory" });
    await fake.close();
  });

  it("publications are bounded, and given up when their time or their signal says so", async () => {
    const fake = await LateClient.connected({ outbox: { messages: 3, bytes: 100 } });
    const channel = fake.channel();
    const abort = new AbortController();
    const ends = [
      channel.publish(1, { timeout: 50 }),
      channel.publish(2, { signal: abort.signal }),
      channel.publish(3, { timeout: 1_000 }),
      channel.publish(4),
    ].map(watch);
    await fake.clock.advance(50);
    abort.abort();
    const more = [channel.publish("x".repeat(100)), channel.publish(5, { signal: AbortSignal.abort() })]
      .map(watch);
    await fake.clock.settle();
    assertEquals(ends.map(({ end }) => end), ["DEADLINE", "CANCELLED", "waits", "RESOURCE_EXHAUSTED"]);
    assertEquals(more.map(({ end }) => end), ["RESOURCE_EXHAUSTED", "CANCELLED"]);
    await fake.arrive();
    assertEquals(fake.published(), [[1, 3]]);
    await fake.clock.advance(950);
    assertEquals(ends[2]!.end, "DEADLINE");
    const wrong = await LateClient.connected();
    const refused = watch(wrong.channel().publish(1, { timeout: -1 }));
    await wrong.arrive();
    assertEquals(refused.end, "TypeError: Cannot publish: timeout -1 is no time");
    await fake.close();
    await wrong.close();
    assertEquals([fake.clock.pending, wrong.clock.pending], [0, 0]);
  });

  it("members, reactions and pages are bounded as publications are, all together", async () => {
    const fake = await LateClient.connected({ outbox: { messages: 5, bytes: 100 } });
    const channel = fake.channel() as unknown as MemberChannel;
    const { presence } = channel;
    const some = [
      presence.enter("x".repeat(80)),
      presence.update("x".repeat(80)), // too many bytes
      presence.enter(1),
      channel.react(at(1), "like"),
      channel.history(),
      presence.get(),
      channel.publish(1), // one too many
      presence.leave(),
      channel.unreact(at(1), "like"),
      channel.history(),
    ].map(watch);
    await fake.clock.settle();
    const full = "RESOURCE_EXHAUSTED";
    const waits = "waits";
    assertEquals(some.map(({ end }) => end), [
      waits,
      full,
      waits,
      waits,
      waits,
      waits,
      full,
      full,
      full,
      full,
    ]);
    await fake.arrive();
    assertEquals(new Set(fake.socket.take(CALL).map(([, , name]) => name)).size > 1, true);
    const later = watch(channel.history());
    await fake.clock.settle();
    assertEquals(later.end, waits);
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });

  it("signals wait where there is a connection, and listeners hear from the beginning", async () => {
    const early = new LateClient();
    assertEquals(early.channel().signal(1), false);
    await early.close();
    const fake = await LateClient.connected();
    const heard: unknown[] = [];
    const stop = fake.channel().onSignal((message) => heard.push(message));
    const stopped = fake.channel().onSignal(() => heard.push("stopped"));
    stopped();
    assertEquals(fake.channel().signal("hello"), true);
    await fake.arrive();
    assertEquals(fake.asked(), [ASK]);
    assertEquals(fake.socket.take(SIGNAL), [[SIGNAL, NAME, "hello"]]);
    await fake.server(subscribed(1, 9, FRESH, at(0)), [41, 9, new Uint8Array([5])]);
    stop();
    await fake.server([41, 9, new Uint8Array([6])]);
    assertEquals(heard, [5]);
    await fake.close();
  });

  it("a call is seen when the subscriptions that wait have seen what it published", async () => {
    const fake = await LateClient.connected();
    const call = fake.call.move!();
    await fake.clock.settle();
    await fake.server(
      [21, 1, 1, payload([[NAME, "E", 5, at(5).fingerprint]])],
      [17, 2, 1, payload("moved")],
    );
    assertEquals(await call, "moved");
    await fake.client.seen(call); // nobody looks
    const sub = fake.follow();
    const seen = watch(fake.client.seen(call));
    await fake.arrive();
    assertEquals(seen.end, "waits");
    await fake.server(subscribed(1, 9, FRESH, at(4)), publication(9, 5));
    assertEquals([sub.got, seen.end], [[5], undefined]);
    await fake.close();
  });

  it("and never will be, nobody is kept waiting for what cannot be seen", async () => {
    const fake = await LateClient.connected();
    const call = fake.call.move!();
    await fake.clock.settle();
    await fake.server([21, 1, 1, payload([[NAME, "E", 5, 1]])], [17, 2, 1, payload("moved")]);
    fake.follow({ onError: () => {} });
    const seen = watch(fake.client.seen(call));
    await fake.failForGood();
    assertEquals(seen.end, undefined);
    assertEquals(told(await failure(Promise.all([fake.close(), fake.channel().publish(1)]))), {
      code: "CLOSED",
    });
  });
});
