// What goes wrong in a user's world on demand, beyond what the example shows.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { channel, millrace } from "../mod.ts";
import { simulate } from "../testing/mod.ts";

const app = millrace({
  channels: { news: channel({ message: z.string(), history: { messages: 10 } }) },
  procedures: {},
  onError: () => {},
});

const WAITS =
  "Cannot wait: another `wait` or `run` of this world goes on; await it first, or give one `wait` a `Promise.all`";

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

  it("refuses to be waited for twice at once, and the reason is what the test is told", async () => {
    const error = await (async () => {
      await using world = simulate(app, { seed: 9 });
      const news = world.connect().channel("news");
      await Promise.all([world.wait(news.publish("one")), world.wait(news.publish("two"))]);
    })().catch((error) => error);
    assert(!(error instanceof SuppressedError), "its end has failed, too");
    assertEquals(error.message, WAITS);
  });

  it("refuses to be run while it is waited for, and the other way round", async () => {
    await using world = simulate(app, { seed: 10 });
    const running = world.run(1_000);
    await assertRejects(() => world.wait(Promise.reject(new Error("nobody hears of it"))), Error, WAITS);
    await running;
    const waiting = world.wait(world.connect().ready());
    await assertRejects(() => world.run(1), Error, WAITS);
    await waiting;
    await world.run(1);
  });

  it("that is left while it is waited for ends that, which is nobody's failure", async () => {
    const world = simulate(app, { seed: 11 });
    world.wait(new Promise(() => {}), Infinity); // not awaited, and not caught
    const run = world.run(Infinity);
    await assertRejects(() => run, Error, WAITS);
    await world[Symbol.asyncDispose]();
    const other = simulate(app, { seed: 12 });
    other.connect();
    const waits = other.wait(new Promise(() => {}), Infinity);
    await other[Symbol.asyncDispose]();
    await assertRejects(() => waits, Error, "Cannot wait any longer: the world is over");
  });

  it("tells onError, or its record, of an assertion that fails in a handler", async () => {
    await using world = simulate(app, { seed: 13 });
    const told: unknown[] = [];
    const failing = () => assert(false, "in a handler");
    const [ada, bob] = [world.connect({ onError: (error) => void told.push(error) }), world.connect()];
    for (const client of [ada, bob]) await world.wait(client.channel("news").subscribe(failing).ready());
    await world.wait(ada.channel("news").publish("one"));
    await world.run(100);
    assertEquals(told.map((error) => (error as Error).message), ["in a handler"]);
    const escaped = world.recorder.log.filter(({ is }) => is === "escaped");
    assertEquals(escaped.length, 1);
  });
});
