// What goes wrong in a user's world on demand, beyond what the example shows.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { channel, millrace } from "../mod.ts";
import { simulate } from "../testing/mod.ts";

const app = millrace({
  channels: { news: channel({ message: z.string(), history: { messages: 10 } }) },
  procedures: {},
  onError: () => {},
});

describe("a world", () => {
  it("loses a stream: a subscriber is told of one reset and goes on in another epoch", async () => {
    await using world = simulate(app, { seed: 7 });
    const client = world.connect();
    const told: string[] = [];
    const news = client.channel("news");
    const subscription = news.subscribe((event) => void told.push(event.type));
    const first = await world.wait(news.publish("one"));
    await world.run(100);
    world.loseStream("news");
    await world.run(100);
    const second = await world.wait(news.publish("two"));
    await world.run(100);
    assertEquals(told, ["message", "reset", "message"]);
    assertEquals([first.offset, second.offset], [1, 1]);
    assertEquals(first.epoch === second.epoch, false);
    assertEquals(subscription.position?.epoch, second.epoch);
  });

  it("trims: who has everything does not notice", async () => {
    await using world = simulate(app, { seed: 8 });
    const client = world.connect();
    const told: string[] = [];
    const news = client.channel("news");
    news.subscribe((event) => void told.push(event.type));
    for (const text of ["one", "two"]) await world.wait(news.publish(text));
    await world.run(100);
    world.trim("news", 0);
    world.cut(client);
    await world.run(5_000);
    await world.wait(news.publish("three"));
    await world.run(100);
    assertEquals(told, ["message", "message", "message"]);
    assertEquals((await world.wait(news.history())).entries.map(({ data }) => data), ["three"]);
  });
});
