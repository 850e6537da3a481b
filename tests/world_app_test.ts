// An app in a simulated world: what code outside of its handlers does with it happens there.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { channel, millrace, procedure } from "../mod.ts";
import { simulate } from "../testing/mod.ts";

function makeApp() {
  const app = millrace({
    procedures: { hello: procedure(() => "world") },
    channels: {
      "room/:id": channel({
        message: z.string(),
        onSubscribe: ({ params }) => void app.publish("room/:id", { id: params["id"]! }, "somebody came"),
      }),
      news: channel({ message: z.string() }),
    },
  });
  return app;
}

describe("the tools of an app in a world", () => {
  it("speak to the server of the world: publish, channel, connections, stats, caller", async () => {
    const app = makeApp();
    await using world = simulate(app, { seed: 1 });
    const client = world.connect();
    const got: string[] = [];
    const room = client.channel("room/:id", { id: "7" }).subscribe((event) => {
      if (event.type === "message") got.push(event.data);
    });
    await world.wait(room.ready());
    await world.wait(app.publish("room/:id", { id: "7" }, "by publish"));
    await world.wait(app.channel("room/:id", { id: "7" }).publish("by channel"));
    await world.run(100);
    assertEquals(got, ["somebody came", "by publish", "by channel"]);
    const { connections, subscriptions, channels } = app.stats();
    assertEquals([app.connections().size, connections, subscriptions, channels], [1, 1, 1, 1]);
    assertEquals(await world.wait(app.caller({}).hello()), "world");
    app.connections().close();
    await world.run(10_000);
    assertEquals([client.state.status, app.stats().connections], ["closed", 0]);
  });

  it("speak to the newest of several worlds, and to the app's own server when all are over", async () => {
    const app = makeApp();
    const offset = async () => (await app.channel("news").history()).position.offset;
    const [first, second] = [simulate(app, { seed: 1 }), simulate(app, { seed: 2 })];
    await second.wait(app.publish("news", "in the second"));
    assertEquals(await second.wait(offset()), 1);
    await second[Symbol.asyncDispose]();
    assertEquals(await first.wait(offset()), 0);
    const third = simulate(app, { seed: 3 });
    await first[Symbol.asyncDispose]();
    for (const text of ["a", "b", "c"]) await third.wait(app.publish("news", text));
    assertEquals(await third.wait(offset()), 3);
    await third[Symbol.asyncDispose]();
    assertEquals([await offset(), app.connections().size, app.stats().connections], [0, 0, 0]);
    await app.publish("news", "outside");
    assertEquals(await offset(), 1);
    await app.shutdown();
  });
});
