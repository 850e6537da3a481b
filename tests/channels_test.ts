// Channels from end to end: a client and a server of either runtime, over real sockets.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { channel, define } from "../mod.ts";
import { AppServer } from "./suites/app_server.ts";
import { brief } from "./suites/channel_client.ts";
import { failure } from "./suites/check.ts";

const Text = z.object({ text: z.string() });
const { procedure, millrace } = define().with({
  channels: {
    "board/:id": channel({ message: Text, signal: z.object({ x: z.number() }), history: { messages: 50 } }),
    closed: channel({ message: Text, allow: { subscribe: false } }),
    news: channel({ message: z.string() }),
  },
});

const app = millrace({
  procedures: {
    say: procedure({ input: z.string() }, async (text, { publish }) => {
      return await publish("board/:id", { id: "called" }, { text });
    }),
    state: procedure(async (_, { channel }) => {
      const position = await channel("board/:id", { id: "state" }).position();
      return { position, state: "as of then" };
    }),
  },
});

/** The next messages of a subscription. */
async function take(
  subscription: AsyncIterableIterator<{ type: string }>,
  count: number,
): Promise<unknown[]> {
  const found: unknown[] = [];
  while (found.length < count) found.push(brief((await subscription.next()).value as never));
  return found;
}

describe("channels, both ends", () => {
  let server: AppServer<typeof app>;
  const client = () => server.client({ backoff: { base: 10, cap: 20 } });
  beforeAll(async () => void (server = await AppServer.start(app)));
  afterAll(() => server.stop());

  it("what one publishes, the other gets, once and in order, whoever publishes", async () => {
    const [reader, writer] = [client(), client()];
    const subscription = reader.channel("board/:id", { id: "a/b" }).subscribe();
    await subscription.ready();
    const board = writer.channel("board/:id", { id: "a/b" });
    const published = await Promise.all(["1", "2", "3"].map((text) => board.publish({ text })));
    assertEquals(
      published.map(({ offset, durability }) => [offset, durability]),
      [1, 2, 3].map((n) => [n, "memory"]),
    );
    await app.publish("board/:id", { id: "a/b" }, { text: "4" });
    assertEquals(await take(subscription, 4), ["1", "2", "3", "4"].map((text) => ({ text })));
    const { epoch, offset, fingerprint } = published[2]!; // the loop is not done with the fourth
    assertEquals(subscription.position, { epoch, offset, fingerprint });
    subscription.close();
  });

  it("a client goes on from its position after each cut, and publishes land once", async () => {
    const [reader, writer] = [client(), client()];
    const got: unknown[] = [];
    const subscription = reader.channel("board/:id", { id: "cut" }).subscribe((event) =>
      void got.push(brief(event))
    );
    await subscription.ready();
    const board = writer.channel("board/:id", { id: "cut" });
    for (let round = 0; round < 5; round++) {
      const publishing = ["a", "b", "c"].map((text) => board.publish({ text: `${round}${text}` }));
      await server.cutAll();
      const last = await Promise.all(publishing);
      assert(await subscription.reaches(last[2]!));
    }
    assertEquals(
      got,
      [0, 1, 2, 3, 4].flatMap((n) => ["a", "b", "c"].map((text) => ({ text: `${n}${text}` }))),
    );
    subscription.close();
  });

  it("signals of one turn come to a client that takes few messages in a frame, too", async () => {
    const reader = server.client({ limits: { messages: 64 } });
    const board = reader.channel("board/:id", { id: "signals" });
    const heard: number[] = [];
    const all = Promise.withResolvers<void>();
    const stop = board.onSignal(({ x }) => {
      if (heard.push(x) === 200) all.resolve();
    });
    const subscription = board.subscribe();
    await subscription.ready();
    const state = new Promise<string>((resolve) => reader.on("state", ({ status }) => resolve(status)));
    const signalling = app.channel("board/:id", { id: "signals" });
    for (let x = 1; x <= 200; x++) void signalling.signal({ x });
    assertEquals(await Promise.race([all.promise.then(() => "all"), state]), "all");
    assertEquals(heard, Array.from({ length: 200 }, (_, i) => i + 1));
    stop();
    await reader.close();
  });

  it("history is read both ways, and a subscription rewinds", async () => {
    const board = client().channel("board/:id", { id: "history" });
    for (let n = 1; n <= 10; n++) await board.publish({ text: `${n}` });
    const newest = await board.history({ limit: 3 });
    assertEquals(newest.entries.map(({ data }) => data.text), ["10", "9", "8"]);
    assertEquals([newest.more, newest.oldest, newest.position.offset], [true, 1, 10]);
    const before = await board.history({ before: newest.entries[2]!.position, limit: 2 });
    assertEquals(before.entries.map(({ data }) => data.text), ["7", "6"]);
    const after = await board.history({ after: before.entries[1]!.position });
    assertEquals(after.entries.map(({ data }) => data.text), ["7", "8", "9", "10"]);
    assertEquals([after.more, after.reset], [false, false]);
    const rewound = board.subscribe({ rewind: 2 });
    assertEquals(await take(rewound, 2), [{ text: "9" }, { text: "10" }]);
    const further = board.subscribe({ rewind: 4 });
    assertEquals(await take(further, 4), ["7", "8", "9", "10"].map((text) => ({ text })));
    await board.publish({ text: "11" });
    assertEquals([await take(rewound, 1), await take(further, 1)], [[{ text: "11" }], [{ text: "11" }]]);
    rewound.close();
    further.close();
  });

  it("a state joins the stream without a gap", async () => {
    const one = client();
    const board = one.channel("board/:id", { id: "state" });
    await board.publish({ text: "in the state" });
    const { position } = await one.call.state();
    await board.publish({ text: "after it" });
    const subscription = board.subscribe({ position });
    assertEquals(await take(subscription, 1), [{ text: "after it" }]);
    subscription.close();
  });

  it("a call's own publications are seen", async () => {
    const one = client();
    const got: unknown[] = [];
    const subscription = one.channel("board/:id", { id: "called" }).subscribe((event) =>
      void got.push(brief(event))
    );
    await subscription.ready();
    const call = one.call.say("hello");
    await one.seen(call);
    assertEquals(got, [{ text: "hello" }]);
    assertEquals((await call).offset, 1);
    subscription.close();
  });

  it("what may not be is refused, as if it were not there", async () => {
    const one = client();
    assertEquals((await failure(one.channel("closed").subscribe().next())).code, "NOT_FOUND");
    assertEquals((await failure(one.channel("closed").publish({ text: "" }))).code, "NOT_FOUND");
    assertEquals((await failure(one.channel("closed").history())).code, "NOT_FOUND");
    const wrong = one.channel("board/:id", { id: "x" }).publish({ text: 7 } as never);
    assertEquals((await failure(wrong)).code, "BAD_INPUT");
    assertEquals((await one.channel("board/:id", { id: "x" }).publish({ text: "right" })).offset, 1);
    await assertRejects(() => one.channel("board/:id", { id: "x" }).publish((() => {}) as never), TypeError);
  });

  it("signals reach the others, and move no position", async () => {
    const [one, other] = [client(), client()];
    const heard: unknown[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const channel = other.channel("board/:id", { id: "signal" });
    const subscription = channel.subscribe();
    const stop = channel.onSignal((signal) => {
      heard.push(signal);
      resolve();
    });
    await subscription.ready();
    await one.ready();
    assert(one.channel("board/:id", { id: "signal" }).signal({ x: 1 }));
    await promise;
    assertEquals([heard, subscription.position?.offset], [[{ x: 1 }], 0]);
    stop();
    subscription.close();
  });
});
