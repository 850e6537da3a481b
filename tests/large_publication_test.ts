// Publications that are larger than a subscriber takes, from end to end over real sockets: it is told, and goes on.
import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import type { ChannelEvent, Subscription } from "../client/mod.ts";
import { channel, define } from "../mod.ts";
import { AppServer } from "./suites/app_server.ts";
import { brief } from "./suites/channel_client.ts";
import { failure } from "./suites/check.ts";

const { millrace } = define<object>().with({
  channels: { "board/:id": channel({ message: z.string(), history: { messages: 100 } }) },
});
const app = millrace({ procedures: {} });

const LIMIT = 4_096;
const LARGE = "x".repeat(100_000);

describe("a publication over the limit of a subscriber", () => {
  let server: AppServer<typeof app>;
  beforeAll(async () => void (server = await AppServer.start(app)));
  afterAll(() => server.stop());

  /** A client that takes little, the states that it was in, and its channel. */
  function small(id: string) {
    const client = server.client({ limits: { message: LIMIT }, backoff: { base: 10, cap: 20 } });
    const states: string[] = [];
    client.on("state", ({ status }) => void states.push(status));
    return { client, states, board: client.channel("board/:id", { id }) };
  }

  const publish = (id: string, ...texts: string[]) =>
    Promise.all(texts.map((text) => app.publish("board/:id", { id }, text)));

  async function take(subscription: Subscription<string>, count: number): Promise<unknown[]> {
    const found: unknown[] = [];
    while (found.length < count) {
      found.push(brief((await subscription.next()).value as ChannelEvent<string>));
    }
    return found;
  }

  it("is a gap for it, and whole for the others; the connection stays", async () => {
    const { client, states, board } = small("gap");
    const others = server.client().channel("board/:id", { id: "gap" }).subscribe();
    const subscription = board.subscribe();
    await Promise.all([subscription.ready(), others.ready()]);
    states.length = 0;
    await publish("gap", "1", LARGE, "3");
    assertEquals(await take(subscription, 3), ["1", "gap 2-2 too large", "3"]);
    assertEquals(await take(others, 3), ["1", LARGE, "3"]);
    assertEquals([states, client.state.status], [[], "open"]);
    await client.close();
  });

  it("does not stop what follows, however many there are", async () => {
    const { client, states, board } = small("many");
    const subscription = board.subscribe();
    await subscription.ready();
    states.length = 0;
    for (let n = 1; n <= 30; n++) await publish("many", LARGE);
    await publish("many", "last");
    const events = await take(subscription, 31);
    assertEquals(events.slice(28), ["gap 29-29 too large", "gap 30-30 too large", "last"]);
    assertEquals(states, []);
    await client.close();
  });

  it("is a gap in what was missed too, and no connection is lost for it", async () => {
    await publish("missed", "1", LARGE, LARGE, "4");
    const { client, states, board } = small("missed");
    const subscription = board.subscribe({ rewind: 10 });
    assertEquals(await take(subscription, 4), ["1", "gap 2-2 too large", "gap 3-3 too large", "4"]);
    states.length = 0;
    for (const connection of server.app.connections()) connection.close(4500, "test");
    await publish("missed", LARGE, "6");
    assertEquals(await take(subscription, 2), ["gap 5-5 too large", "6"]);
    assertEquals(states.filter((status) => status === "open"), ["open"], "it came back once");
    await client.close();
  });

  it("is no page of history for it, which it is told", async () => {
    await publish("page", LARGE);
    const { client, states, board } = small("page");
    await client.ready();
    states.length = 0;
    const error = await failure(board.history());
    assertEquals([error.code, states], ["TOO_LARGE", []]);
    await client.close();
  });

  it("is what it may publish itself: its own limit holds for what comes", async () => {
    const { client, board } = small("own");
    const subscription = board.subscribe();
    await subscription.ready();
    const { offset } = await board.publish(LARGE);
    assertEquals([offset, await take(subscription, 1)], [1, ["gap 1-1 too large"]]);
    assert(client.state.status === "open");
    await client.close();
  });
});
