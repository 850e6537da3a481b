// What a handler or an `onError` of a subscription does to its own channel while it is told of something.
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CallError } from "../client/mod.ts";
import {
  at,
  brief,
  ChannelClient,
  FRESH,
  publication,
  RESET,
  SUBSCRIBE,
  subscribed,
  UNSUBSCRIBE,
  unsubscribed,
  wired,
} from "./suites/channel_client.ts";

const NAME = "board/7";

/** A client with a subscription at 5 whose channel was cut back to 3 while it was away; `told` runs when it is told of that. */
async function afterReset(told: (fake: ChannelClient, close: () => void) => void) {
  const fake = await ChannelClient.connected();
  const got: unknown[] = [];
  const sub = fake.channel().subscribe({}, (event) => {
    got.push(brief(event));
    if (event.type === "reset") told(fake, () => sub.close());
  });
  await fake.server(subscribed(1, 9, FRESH, at(5)));
  await fake.reconnect();
  fake.asked();
  await fake.server(subscribed(1, 9, RESET, at(3)));
  return { fake, got, sub };
}

/** Time passes on a quiet connection. */
async function pass(fake: ChannelClient, ms: number): Promise<void> {
  for (const half of [0, 1]) {
    await fake.clock.advance(ms / 2);
    if (half === 0) await fake.server([2, 0]);
  }
  await fake.server([2, 0]);
}

describe("a handler that is told of a reset", () => {
  it("may close its subscription, the last one: the connection stays", async () => {
    const { fake, got, sub } = await afterReset((_, close) => close());
    assertEquals([got, sub.state, fake.status, fake.errors], [["reset E 3 history"], "closed", "open", []]);
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1]]);
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });

  it("may close it and subscribe anew", async () => {
    let anew: ReturnType<ChannelClient["follow"]> | undefined;
    const { fake, sub } = await afterReset((fake, close) => {
      close();
      anew = fake.follow();
    });
    assertEquals([sub.state, anew!.state, fake.status], ["closed", "subscribing", "open"]);
    assertEquals(fake.asked(), [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, null, null]]);
    await fake.server(subscribed(2, 9, FRESH, at(3)), publication(9, 4));
    assertEquals([anew!.got, anew!.state, fake.errors], [[4], "live", []]);
    await fake.close();
  });

  it("may subscribe anew and close it then: the channel is gone on with", async () => {
    let anew: ReturnType<ChannelClient["follow"]> | undefined;
    const { fake } = await afterReset((fake, close) => {
      anew = fake.follow();
      close();
    });
    await fake.server(publication(9, 4));
    assertEquals([anew!.got, anew!.state, fake.status, fake.errors], [[4], "live", "open", []]);
    await fake.close();
  });

  it("may close another that is told next, which is told nothing", async () => {
    const fake = await ChannelClient.connected();
    const got: unknown[] = [];
    const one = fake.channel().subscribe({}, (event) => {
      got.push(brief(event));
      if (event.type !== "reset") return;
      one.close();
      other.close();
    });
    const other = fake.follow();
    await fake.server(subscribed(1, 9, FRESH, at(5)));
    await fake.reconnect();
    await fake.server(subscribed(1, 9, RESET, at(3)));
    assertEquals([got, other.got, fake.status, fake.errors], [["reset E 3 history"], [], "open", []]);
    await fake.close();
  });

  it("may close the client", async () => {
    const { fake, sub } = await afterReset((fake) => void fake.client.close());
    assertEquals([sub.state, fake.status, fake.errors], ["closed", "closed", []]);
  });
});

describe("an onError that subscribes anew at once", () => {
  it("ends with the client: on a closed one it is not called", async () => {
    const fake = await ChannelClient.connected();
    const told: unknown[] = [];
    let last: ReturnType<ChannelClient["follow"]>;
    const open = (): void => {
      last = fake.follow({
        onError: (error: unknown) => {
          told.push((error as CallError).code);
          if (told.length < 100) open();
        },
      });
    };
    open();
    await fake.server(unsubscribed(1, "NOT_FOUND"));
    assertEquals(told, ["NOT_FOUND"]);
    await fake.server(subscribed(2, 9, FRESH, at(3)));
    await fake.close();
    assertEquals([told, last!.state, fake.errors], [["NOT_FOUND", "CLOSED"], "closed", []]);
    await assertRejects(() => last.ready(), CallError, "is closed");
  });
});

describe("a subscription that was live for long, with nothing published", () => {
  it("is asked for again soon when it is refused, however often it was refused before", async () => {
    const fake = await ChannelClient.connected();
    fake.follow({ position: at(3), onError: () => {} });
    for (let sub = 1; sub <= 8; sub++) {
      await fake.server(unsubscribed(sub, "UNAVAILABLE", 1));
      await pass(fake, 20_000);
    }
    await fake.server(subscribed(9, 9, FRESH, at(3)));
    await pass(fake, 20_010);
    fake.asked();
    await fake.server(unsubscribed(9, "UNAVAILABLE", 1));
    await fake.clock.advance(500);
    assertEquals(fake.asked(), [[SUBSCRIBE, 10, NAME, wired(at(3)), null]]);
    await fake.close();
  });
});
