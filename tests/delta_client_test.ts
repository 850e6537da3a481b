// Publications as differences, as the client takes them: what it rebuilds, and what it does with one that does not fit.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { makeDelta } from "../rpc/delta_maker.ts";
import {
  at,
  ChannelClient,
  FRESH,
  gap,
  publication,
  RECOVERED,
  RESET,
  SEEN,
  skip,
  SUBSCRIBE,
  subscribed,
  UNSUBSCRIBE,
  wired,
} from "./suites/channel_client.ts";
import type { Message } from "./suites/wire.ts";

const NAME = "board/7";
const OPTIONS = { delta: true };

/** A state of 300 bytes of which little changes. */
function state(n: number): { n: number; text: string } {
  return { n, text: "state ".repeat(50) };
}

/** One in which all stands at another place. */
function moved(n: number): { n: number; text: string } {
  return { n, text: `-${state(n).text}` };
}

/** PUBLICATION of a state. */
function whole(alias: number, offset: number, data: unknown = state(offset)): Message {
  return publication(alias, offset, { data });
}

/** DELTA that makes a state of the one before, or of what is said. */
function delta(alias: number, offset: number, base: unknown = state(offset - 1)): Message {
  const bytes = makeDelta(encode(base), encode(state(offset)), 1_000)!.slice();
  return [42, alias, offset, at(offset).fingerprint, bytes];
}

/** CHANGE that makes the message before another one. */
function edit(alias: number, offset: number, data: unknown): Message {
  return [44, alias, offset, at(offset).fingerprint, 1, offset - 1, null, encode(data)];
}

function asked(sub: number, position: unknown, options: unknown = OPTIONS): unknown[] {
  return [SUBSCRIBE, sub, NAME, position, options];
}

describe("a subscription that takes differences", () => {
  it("says so, and is given the messages that they make", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow(OPTIONS);
    await fake.server(subscribed(1, 9, FRESH, at(0)), whole(9, 1), delta(9, 2), delta(9, 3), whole(9, 4));
    assertEquals(fake.asked(), [asked(1, null)]);
    assertEquals(sub.got, [1, 2, 3, 4].map(state));
    assertEquals(sub.position, at(4));
    await fake.close();
  });

  it("is given what they make of the last message before a gap, or what was skipped", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow(OPTIONS);
    await fake.server(
      ...[subscribed(1, 9, FRESH, at(0)), whole(9, 1), skip(9, 3), delta(9, 4, state(1))],
      ...[gap(9, 5, 6), delta(9, 7, state(4)), skip(9, 8), skip(9, 9), delta(9, 10, state(7))],
    );
    assertEquals(fake.asked(), [asked(1, null)]);
    assertEquals(
      sub.got.filter((one) => typeof one === "object" && "text" in one!),
      [1, 4, 7, 10].map(state),
    );
    assertEquals(sub.position, at(10));
    await fake.close();
  });

  it("has no message before in another life of the stream", async () => {
    const fake = await ChannelClient.connected();
    fake.follow(OPTIONS);
    await fake.server(subscribed(1, 9, FRESH, at(0)), whole(9, 1), subscribed(1, 10, RESET, at(1)));
    fake.asked();
    await fake.server(delta(10, 2));
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1], asked(2, wired(at(1)))]);
    await fake.close();
  });

  it("says so beside where it begins", async () => {
    const fake = await ChannelClient.connected();
    fake.follow({ rewind: 3, ...OPTIONS });
    await fake.clock.settle();
    assertEquals(fake.asked(), [asked(1, null, { rewind: 3, delta: true })]);
    await fake.close();
  });

  it("counts the bytes that came and those that did not", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow(OPTIONS);
    const messages = [whole(9, 1), delta(9, 2), delta(9, 3)];
    assertEquals(sub.traffic, { bytes: 0, bytesSaved: 0 });
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...messages);
    const sizes = messages.map((message) => (message[4] as Uint8Array).length);
    const bytes = sizes.reduce((sum, size) => sum + size);
    const all = [1, 2, 3].reduce((sum, n) => sum + encode(state(n)).length, 0);
    assertEquals(sub.traffic, { bytes, bytesSaved: all - bytes });
    assert(sub.traffic.bytesSaved > bytes);
    await fake.close();
  });

  it("acknowledges the messages, not the bytes that came", async () => {
    const fake = await ChannelClient.connected();
    fake.follow(OPTIONS);
    const large = (n: number) => ({ n, text: "x".repeat(100_000) });
    const bytes = makeDelta(encode(large(1)), encode(large(2)), 1_000)!.slice();
    const other = makeDelta(encode(large(2)), encode(large(3)), 1_000)!.slice();
    await fake.server(
      subscribed(1, 9, FRESH, at(0)),
      whole(9, 1, large(1)),
      [42, 9, 2, at(2).fingerprint, bytes],
      [42, 9, 3, at(3).fingerprint, other],
    );
    assertEquals(fake.socket.sent.filter(([kind]) => kind === SEEN), [[SEEN, 9, 3]]);
    await fake.close();
  });

  it("shares what comes with one that did not ask, whoever was first", async () => {
    const fake = await ChannelClient.connected();
    const plain = fake.follow();
    await fake.server(subscribed(1, 9, FRESH, at(0)), whole(9, 1));
    const sub = fake.follow(OPTIONS);
    await fake.clock.settle();
    assertEquals(fake.asked(), [
      [SUBSCRIBE, 1, NAME, null, null],
      [UNSUBSCRIBE, 1],
      asked(2, wired(at(1))),
    ]);
    const third = fake.follow();
    await fake.server(subscribed(2, 10, RECOVERED, at(1)), whole(10, 2), delta(10, 3));
    assertEquals([plain.got, sub.got, third.got], [
      [1, 2, 3].map(state),
      [2, 3].map(state),
      [2, 3].map(state),
    ]);
    assertEquals(fake.asked(), []);
    await fake.close();
  });

  it("asks for none once nobody wants them any more", async () => {
    const fake = await ChannelClient.connected();
    const [plain, sub] = [fake.follow(), fake.follow(OPTIONS)];
    await fake.server(subscribed(1, 9, FRESH, at(0)), whole(9, 1));
    sub.close();
    fake.asked();
    await fake.reconnect();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(at(1)), null]]);
    assertEquals(plain.got, [state(1)]);
    await fake.close();
  });

  it("is refused where delta is no boolean", async () => {
    const fake = await ChannelClient.connected();
    assertThrows(() => fake.channel().subscribe({ delta: 1 as never }), TypeError, "delta");
    await fake.close();
  });
});

describe("a difference that does not fit", () => {
  const wrong: Record<string, (alias: number) => Message[]> = {
    "to a message that never came": (alias) => [delta(alias, 2)],
    "to another message": (alias) => [whole(alias, 2, "another"), delta(alias, 3)],
    "to the message before the one before": (alias) => [
      whole(alias, 2, { n: 2, text: "other ".repeat(50) }),
      delta(alias, 3, state(1)),
    ],
    "behind a gap, to what is in it": (
      alias,
    ) => [whole(alias, 2), gap(alias, 3, 3), delta(alias, 4, moved(3))],
    "behind what was skipped, to that": (
      alias,
    ) => [whole(alias, 2), skip(alias, 3), delta(alias, 4, moved(3))],
    "to a change": (alias) => [whole(alias, 2), edit(alias, 3, state(2)), delta(alias, 4, state(2))],
    "of garbage": (alias) => [whole(alias, 2), [42, alias, 3, at(3).fingerprint, new Uint8Array(9).fill(9)]],
    "of nothing": (alias) => [whole(alias, 2), [42, alias, 3, at(3).fingerprint, new Uint8Array(0)]],
  };
  for (const [name, make] of Object.entries(wrong)) {
    it(`${name}: shows nothing; the subscription goes on from before it, with a whole message`, async () => {
      const fake = await ChannelClient.connected();
      const sub = fake.follow(OPTIONS);
      await fake.server(subscribed(1, 9, FRESH, at(1)), ...make(9));
      const before = sub.position!;
      const { length } = sub.got;
      assert(before.offset < 4);
      assertEquals(fake.asked().slice(1), [[UNSUBSCRIBE, 1], asked(2, wired(before))]);
      const next = before.offset + 1;
      await fake.server(subscribed(2, 10, RECOVERED, before), whole(10, next), delta(10, next + 1));
      assertEquals(sub.got.slice(length), [state(next), state(next + 1)]);
      assertEquals(fake.errors, []);
      await fake.close();
    });
  }

  it("three times on a connection: none are asked for any more, before the next one", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow(OPTIONS);
    await fake.server(subscribed(1, 9, FRESH, at(0)));
    for (const n of [1, 2, 3]) {
      const alias = 8 + n;
      await fake.server(whole(alias, n), delta(alias, n + 1, moved(n)));
      await fake.server(subscribed(n + 1, alias + 1, RECOVERED, at(n)));
    }
    assertEquals(fake.asked().map(([kind, sub, , , options]) => kind === SUBSCRIBE ? options : sub), [
      ...[OPTIONS, 1, OPTIONS, 2, OPTIONS, 3],
      null,
    ]);
    await fake.server(whole(12, 4));
    assertEquals(sub.got, [1, 2, 3, 4].map(state));
    await fake.reconnect();
    assertEquals(fake.asked(), [asked(1, wired(at(4)))]);
    await fake.close();
  });

  it("that comes twice, late, is dropped as any message", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow(OPTIONS);
    await fake.server(subscribed(1, 9, FRESH, at(0)), whole(9, 1), delta(9, 2), delta(9, 2), delta(9, 3));
    assertEquals(sub.got, [1, 2, 3].map(state));
    assertEquals(fake.asked(), [asked(1, null)]);
    await fake.close();
  });
});
