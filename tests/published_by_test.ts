// In whose name server code publishes is a text that can be told: anything else is refused before it is stored, where everybody would stumble over it.
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { channel, millrace } from "../mod.ts";
import { simulate } from "../testing/mod.ts";

describe("a name in which server code publishes", () => {
  for (const by of ["\ud800", 7 as never, null as never]) {
    it(`is refused where it is ${JSON.stringify(by)}, and whoever is subscribed goes on`, async () => {
      const errors: unknown[] = [];
      const app = millrace({
        procedures: {},
        onError: (error) => void errors.push(error),
        channels: { news: channel({ message: z.string(), changes: true, history: { messages: 10 } }) },
      });
      await using world = simulate(app, { seed: 1 });
      const got: string[] = [];
      const sub = world.connect().channel("news").subscribe((event) => void got.push(event.type));
      await world.wait(sub.ready());
      const news = app.channel("news");
      const place = await world.wait(news.publish("a", { by: "ada" }));
      const tries = [
        () => news.publish("b", { by }),
        () => news.edit(place, "b", { by }),
        () => news.append(place, "b", { by }),
        () => news.delete(place, { by }),
      ];
      for (const run of tries) await assertRejects(() => world.wait(run()), TypeError, "name");
      await world.wait(news.edit(place, "c", { by: "bob" }));
      await world.run(100);
      assertEquals([got, sub.state, errors], [["message", "edit"], "live", []]);
    });
  }
});
