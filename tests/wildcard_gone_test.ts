// A channel of a wildcard that is gone before what came of it was read: nothing of that is lost.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { channel, millrace } from "../mod.ts";
import { simulate, type World } from "../testing/mod.ts";

function makeApp() {
  const app = millrace({
    procedures: {},
    channels: { "room/:room": channel({ message: z.string(), history: { messages: 50 } }) },
  });
  const say = (world: World<typeof app>, room: string, text: string) =>
    world.wait(app.publish("room/:room", { room }, text));
  return { app, say };
}

describe("a wildcard that is read slowly", () => {
  it("gives what came of a channel that has gone meanwhile, and goes on with one that comes again before that was read", async () => {
    const { app, say } = makeApp();
    await using world = simulate(app, { seed: 17 });
    const sub = world.connect().channels("room/:room").subscribe();
    await world.wait(sub.ready());
    for (const text of ["1", "2", "3", "4"]) await say(world, "kitchen", text);
    const read = async (count: number) => {
      const got: string[] = [];
      while (got.length < count) {
        const event = (await world.wait(sub.next())).value!;
        got.push(event.type === "message" ? event.data : event.type);
      }
      return got;
    };
    await world.run(13 * 60_000);
    assertEquals(await read(2), ["1", "2"]);
    await say(world, "kitchen", "5");
    await world.run(100);
    assertEquals(await read(3), ["3", "4", "5"]);
    await say(world, "kitchen", "6");
    await world.run(13 * 60_000);
    assertEquals(await read(1), ["6"]);
    const end = sub.next();
    await world.run(100);
    assertEquals([sub.channels, app.stats().subscriptions], [[], 0]);
    sub.close();
    assertEquals(await end, { done: true, value: undefined });
  });
});
