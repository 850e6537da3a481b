// Reading a history: another past is noticed both ways, and a pager ends whatever limit it gives.
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { channel, millrace } from "../mod.ts";
import type { HistoryPage, HistoryQuery } from "../rpc/publisher.ts";
import type { FaultyBroker } from "../testing/broker.ts";
import { simulate } from "../testing/mod.ts";

function open() {
  const app = millrace({ procedures: {}, channels: { "news": channel({ message: z.string() }) } });
  return { app, world: simulate(app, { seed: 1 }) };
}

const texts = (page: HistoryPage<string>) => page.entries.map(({ data }) => data);

describe("a history that is read from a position", () => {
  it("has another past after a fail-over, whether it is read before or after the position", async () => {
    const { world } = open();
    const client = world.connect();
    const news = client.channel("news");
    for (let i = 1; i <= 10; i++) await world.wait(news.publish(`old ${i}`));
    const { entries: [ten, nine] } = await world.wait(news.history({ limit: 2 }));
    const { entries: [five] } = await world.wait(news.history({ before: 6 }));
    (world as unknown as { broker: FaultyBroker }).broker.failOver("news", 5);
    for (let i = 6; i <= 12; i++) await world.wait(news.publish(`new ${i}`));
    for (const lost of [nine!.position, ten!.position, { ...ten!.position, offset: 12 }]) {
      for (const query of [{ before: lost }, { after: lost }]) {
        const page = await world.wait(news.history({ ...query, limit: 3 }));
        assertEquals([page.reset, page.more, texts(page)], [true, false, []], JSON.stringify(query));
      }
    }
    const older = await world.wait(news.history({ before: five!.position, limit: 2 }));
    assertEquals([older.reset, texts(older)], [false, ["old 4", "old 3"]]);
    const newer = await world.wait(news.history({ after: five!.position, limit: 2 }));
    assertEquals([newer.reset, texts(newer)], [false, ["new 6", "new 7"]]);
    await world[Symbol.asyncDispose]();
  });
});

describe("the limit of a page", () => {
  const wrong: HistoryQuery[] = [{ limit: NaN }, { limit: -1 }, { limit: 2.5 }, { limit: Infinity }];

  it("is a whole number, for the server's code and the client's", async () => {
    const { app, world } = open();
    const client = world.connect();
    const news = client.channel("news");
    const ask = [
      (query: HistoryQuery) => world.wait(app.channel("news").history(query)), // the world's server
      async (query: HistoryQuery) => await world.wait(news.history(query)),
    ];
    for (const history of ask) {
      for (const query of wrong) await assertRejects(() => history(query), RangeError, "limit");
      await assertRejects(() => history({ limit: "2" as never }), RangeError, "limit");
      for (const place of [NaN, -1, 2.5, "1", { offset: 1 }]) {
        await assertRejects(() => history({ before: place as never }), TypeError, "the place is none");
      }
      await assertRejects(() => history({ before: 1, after: 1 }), TypeError, "before one place");
    }
    await app.shutdown();
    await world[Symbol.asyncDispose]();
  });

  it("of 0 gives pages of one: whoever goes on until there is no more comes to the end", async () => {
    const { app, world } = open();
    const client = world.connect();
    const news = client.channel("news");
    for (const text of ["a", "b", "c"]) await world.wait(news.publish(text));
    const ask = [
      (query: HistoryQuery) => world.wait(app.channel("news").history(query)), // the world's server
      async (query: HistoryQuery) => await world.wait(news.history(query)),
    ];
    for (const history of ask) {
      const found: string[][] = [];
      let query: HistoryQuery | undefined = { limit: 0 };
      while (query !== undefined && found.length < 10) {
        const page: HistoryPage<string> = await history(query);
        found.push(texts(page));
        query = page.more ? { limit: 0, before: page.entries.at(-1)!.position } : undefined;
      }
      assertEquals(found, [["c"], ["b"], ["a"]]);
    }
    await app.shutdown();
    await world[Symbol.asyncDispose]();
  });
});

describe("a page whose session was lost", () => {
  it("is asked for again", async () => {
    const app = millrace({
      limits: { session: 1_000 },
      procedures: {},
      channels: { news: channel({ message: z.string() }) },
    });
    await using world = simulate(app, { seed: 1 });
    const client = world.connect();
    await world.wait(client.channel("news").publish("x"));
    const page = client.channel("news").history();
    world.silence(client, "down");
    world.refuse(5_000); // longer than the session is kept
    world.cut(client, { client: 200 });
    assertEquals(texts(await world.wait(page)), ["x"]);
  });

  it("is given up with its client", async () => {
    const { world } = open();
    const client = world.connect();
    await world.wait(client.ready());
    client.channel("news");
    await world.run(100);
    world.silence(client, "down");
    const page = client.channel("news").history().then(() => "page", ({ code }) => code);
    await world.run(200);
    await world.wait(client.close());
    assertEquals(await world.wait(page), "CLOSED");
    await world[Symbol.asyncDispose]();
  });
});
