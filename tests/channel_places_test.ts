// Several subscriptions of one client to the same channel: they share one on the wire, whatever places they are at.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  at,
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

const NAME = "board/7";

/** A client with one subscription that is live at 3. */
async function live() {
  const fake = await ChannelClient.connected();
  const first = fake.follow();
  await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 3));
  fake.asked();
  return { fake, first };
}

describe("subscriptions to the same channel", () => {
  it("share one, and the last to leave ends it", async () => {
    const { fake, first } = await live();
    const second = fake.follow();
    assertEquals([second.state, second.position], ["live", at(3)]);
    await fake.server(publication(9, 4));
    assertEquals([first.got, second.got, fake.asked()], [[1, 2, 3, 4], [4], []]);
    first.close();
    await fake.server(publication(9, 5));
    assertEquals([first.got, second.got, fake.asked()], [[1, 2, 3, 4], [4, 5], []]);
    second.close();
    await fake.clock.settle();
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1]]);
    await fake.close();
  });

  it("get messages of their own: what one does to one, the other does not see", async () => {
    const fake = await ChannelClient.connected();
    const got: unknown[] = [];
    const handler = (event: { type: string; data?: unknown }) => {
      (event.data as { by: string[] }).by.push("me");
      got.push(event.data);
    };
    fake.channel().subscribe({}, handler as never);
    fake.channel().subscribe({}, handler as never);
    await fake.server(subscribed(1, 9, FRESH, at(0)), publication(9, 1, { data: { by: [] } }));
    assertEquals(got, [{ by: ["me"] }, { by: ["me"] }]);
    await fake.close();
  });

  it("that come before the answer begin where it says", async () => {
    const fake = await ChannelClient.connected();
    const [one, two] = [fake.follow(), fake.follow()];
    await fake.clock.settle();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, null, null]]);
    await fake.server(subscribed(1, 9, FRESH, at(5)), publication(9, 6));
    assertEquals([one.got, two.got], [[6], [6]]);
    await fake.close();
  });

  it("are asked about again where the stream was lost while one joined, and nothing was subscribed", async () => {
    const { fake, first } = await live();
    const second = fake.follow({ rewind: 10 });
    await fake.clock.settle();
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, null, { rewind: 10 }]]);
    await fake.server(subscribed(2, 10, FRESH, at(0, "F")));
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 2], [SUBSCRIBE, 3, NAME, wired(at(3)), null]]);
    await fake.server(subscribed(3, 10, RESET, at(0, "F")), skip(10, 5), publication(10, 6));
    assertEquals([first.got, second.got], [[1, 2, 3, "reset F 0 epoch", 6], [6]]);
    await fake.close();
  });

  it("at the same place as the first join it at once", async () => {
    const { fake, first } = await live();
    const second = fake.follow({ position: first.position });
    assertEquals([second.state, fake.asked()], ["live", []]);
    await fake.close();
  });

  it("further back get what they miss, and the first gets nothing twice", async () => {
    const { fake, first } = await live();
    const second = fake.follow({ position: at(1) });
    await fake.clock.settle();
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, wired(at(1)), null]]);
    await fake.server(publication(9, 4)); // of the subscription that was left
    await fake.server(subscribed(2, 9, RECOVERED, at(1)));
    await fake.server(...publications(9, 2, 5));
    assertEquals([first.got, second.got], [[1, 2, 3, 4, 5], [2, 3, 4, 5]]);
    assertEquals([first.position, second.position], [at(5), at(5)]);
    await fake.close();
  });

  it("that rewind get what they miss, and the first gets nothing twice", async () => {
    const { fake, first } = await live();
    const second = fake.follow({ rewind: 2 });
    await fake.clock.settle();
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, null, { rewind: 2 }]]);
    await fake.server(subscribed(2, 9, FRESH, at(3))); // two more were published meanwhile, which the first does not have
    await answer(fake);
    await fake.server(...publications(9, 4, 5));
    assertEquals([first.got, second.got], [[1, 2, 3, 4, 5], [4, 5]]);
    await fake.close();
  });

  it("that rewind past what the first has let it go on from its own place", async () => {
    const { fake, first } = await live();
    const second = fake.follow({ rewind: 2 });
    await fake.server(subscribed(2, 9, FRESH, at(10)), publication(9, 11)); // many were published meanwhile
    await answer(fake);
    assertEquals(first.got, [1, 2, 3]);
    await fake.server(...publications(9, 4, 12));
    assertEquals([first.got, second.got], [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [11, 12]]);
    await fake.close();
  });

  it("at another place of another life are reset alone", async () => {
    const { fake, first } = await live();
    const second = fake.follow({ position: at(50, "OLD") });
    await fake.server(subscribed(2, 9, RESET, at(4)));
    assertEquals(second.got, ["reset E 4 epoch"]);
    await answer(fake);
    await fake.server(...publications(9, 4, 5));
    assertEquals([first.got, second.got], [[1, 2, 3, 4, 5], ["reset E 4 epoch", 5]]);
    await fake.close();
  });

  it("further on are asked about first, since only the server knows whether that place exists", async () => {
    const { fake, first } = await live();
    const second = fake.follow({ position: at(900) });
    await fake.clock.settle();
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, wired(at(900)), null]]);
    await fake.server(subscribed(2, 9, RESET, at(4)));
    await answer(fake);
    await fake.server(...publications(9, 4, 5));
    assertEquals([first.got, second.got], [[1, 2, 3, 4, 5], ["reset E 4 history", 5]]);
    await fake.close();
  });

  it("each recovers after an outage in the middle of catching up", async () => {
    const { fake, first } = await live();
    const second = fake.follow({ position: at(0) });
    await fake.server(subscribed(2, 9, RECOVERED, at(0)));
    await answer(fake);
    await fake.server(publication(9, 1));
    assertEquals(second.got, [1]);
    await fake.reconnect();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(at(3)), null]]);
    await fake.server(subscribed(1, 4, RECOVERED, at(3)), publication(4, 4));
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, wired(at(1)), null]]);
    await fake.server(subscribed(2, 4, RECOVERED, at(1)), ...publications(4, 2, 4));
    assertEquals([first.got, second.got], [[1, 2, 3, 4], [1, 2, 3, 4]]);
    await fake.close();
  });

  it("each is reset after an outage where its place is gone, and only then", async () => {
    const { fake, first } = await live();
    const second = fake.follow({ position: at(0) });
    await fake.server(subscribed(2, 9, RECOVERED, at(0)));
    await answer(fake);
    await fake.reconnect();
    await fake.server(subscribed(1, 4, RECOVERED, at(3))); // of the first
    await fake.server(subscribed(2, 4, RESET, at(6))); // of the second: trimmed past it
    await answer(fake);
    await fake.server(...publications(9, 4, 7));
    assertEquals([first.got, second.got], [[1, 2, 3, 4, 5, 6, 7], ["reset E 6 history", 7]]);
    await fake.close();
  });

  it("that are further on find out when the stream reaches their place and is another one", async () => {
    const { fake, first } = await live();
    const second = fake.follow({ position: at(1) });
    await fake.server(subscribed(2, 9, RECOVERED, at(1)));
    await answer(fake);
    await fake.server(publication(9, 2), publication(9, 3, { past: 2 }), publication(9, 4, { past: 2 }));
    assertEquals(second.got, [2, 3, 4]);
    assertEquals(first.got, [1, 2, 3, "reset E 3 history", 4]);
    await fake.close();
  });

  it("that are further on are asked about again when nothing comes: the stream may have been cut back behind them", async () => {
    const { fake, first } = await live();
    const second = fake.follow({ position: at(1) });
    await fake.server(subscribed(2, 9, RECOVERED, at(1))); // and 2 and 3 are lost meanwhile
    await fake.clock.advance(1_999);
    await fake.server(publication(9, 2, { past: 2 }));
    fake.asked();
    await fake.clock.advance(1);
    assertEquals(fake.asked(), []);
    await fake.clock.advance(2_000);
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 2], [SUBSCRIBE, 3, NAME, wired(at(3)), null]]);
    await fake.server(subscribed(3, 9, RESET, at(2, "E", 2)));
    assertEquals([first.got, second.got], [[1, 2, 3, "reset E 2 history"], [2]]);
    assertEquals([first.state, second.state], ["live", "live"]);
    await fake.clock.advance(10_000);
    assertEquals(fake.asked(), []);
    await fake.close();
  });

  it("get of a gap, and of a skip, what concerns them", async () => {
    const { fake, first } = await live();
    const second = fake.follow({ position: at(0) });
    await fake.server(subscribed(2, 9, RECOVERED, at(0)));
    await answer(fake);
    await fake.server(skip(9, 3), gap(9, 4, 5), publication(9, 6));
    assertEquals([first.got, second.got], [[1, 2, 3, "gap 4-5 slow", 6], ["gap 4-5 slow", 6]]);
    await fake.close();
  });

  for (const [what, passed] of [["a skip", skip(9, 4)], ["a gap", gap(9, 1, 4)]] as const) {
    it(`are asked about again where ${what} passes over a place that one of them has come to`, async () => {
      const { fake, first } = await live();
      const second = fake.follow({ position: at(0) });
      await fake.server(subscribed(2, 9, RECOVERED, at(0)));
      await answer(fake);
      fake.asked();
      await fake.server(passed);
      assertEquals([fake.asked(), second.position], [
        [[UNSUBSCRIBE, 2], [SUBSCRIBE, 3, NAME, wired(at(3)), null]],
        at(4),
      ]);
      await fake.server(subscribed(3, 9, RESET, at(4)), publication(9, 5));
      assertEquals(first.got, [1, 2, 3, "reset E 4 history", 5], "its past was another one");
      assertEquals(second.got.at(-1), 5);
      await fake.close();
    });
  }

  it("are all reset when the server replaces the stream", async () => {
    const { fake, first } = await live();
    const second = fake.follow();
    await fake.server(subscribed(1, 10, RESET, at(0, "F")), publication(10, 1));
    assertEquals([first.got.slice(3), second.got], [["reset F 0 epoch", 1], ["reset F 0 epoch", 1]]);
    await fake.close();
  });

  it("that may not look back are refused alone", async () => {
    const { fake, first } = await live();
    const errors: unknown[] = [];
    const second = fake.follow({ rewind: 5, onError: (error: unknown) => errors.push(error) });
    await fake.server(unsubscribed(2, "NOT_FOUND"));
    assertEquals([errors.length, second.state], [1, "closed"]);
    await answer(fake);
    await fake.server(publication(9, 4));
    assertEquals([first.got, first.state], [[1, 2, 3, 4], "live"]);
    await fake.close();
  });

  it("may be made and closed by handlers", async () => {
    const fake = await ChannelClient.connected();
    const channel = fake.channel();
    const late: unknown[] = [];
    const sub = channel.subscribe((event) => {
      if (event.position.offset === 1) channel.subscribe((event) => void late.push(event.position.offset));
      if (event.position.offset === 3) sub.close();
    });
    await fake.server(subscribed(1, 9, FRESH, at(0)), ...publications(9, 1, 5));
    assertEquals([late, sub.position, sub.state], [[2, 3, 4, 5], at(3), "closed"]);
    await fake.close();
  });
});

/** Answers that every place asked about is part of the stream, until nothing is asked any more. */
async function answer(fake: ChannelClient): Promise<void> {
  for (let asked = fake.asked(); asked.length > 0; asked = fake.asked()) {
    const [, sub, , position] = asked.at(-1)!;
    if (sub === 2) continue; // which the test has answered
    await fake.server([33, sub, 9, RECOVERED, ...position as unknown[]]);
  }
}
