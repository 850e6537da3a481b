// What a wildcard wants of each of its channels: filters and policies, typed by their messages.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { channel, millrace } from "../mod.ts";
import { simulate } from "../testing/mod.ts";

function makeApp() {
  return millrace({
    procedures: {},
    channels: {
      "board/:id": channel({
        message: z.object({ team: z.string(), score: z.number() }),
        history: { messages: 500 },
      }),
    },
  });
}

describe("a wildcard that wants a part of its channels", () => {
  it("has what passes its filter, of those that are there and those that come, and no gap", async () => {
    const app = makeApp();
    await using world = simulate(app, { seed: 1 });
    const score = (id: string, team: string, score: number) =>
      world.wait(app.publish("board/:id", { id }, { team, score }));
    await score("1", "red", 1);
    const got: unknown[] = [];
    const sub = world.connect().channels("board/:id").subscribe(
      { rewind: 10, filter: { team: "red", score: { gte: 1 } } },
      (event) =>
        void got.push(event.type === "message" ? [event.channel.params.id, event.data.score] : event.type),
    );
    await world.wait(sub.ready());
    for (const id of ["1", "2"]) {
      await score(id, "red", 0);
      await score(id, "blue", 5);
      await score(id, "red", 7);
    }
    await world.run(2_000);
    assertEquals(got, [["1", 1], ["1", 7], ["2", 7]]);
  });

  it("may leave out what is old when it is slow, and has the newest of each channel", async () => {
    const app = makeApp();
    await using world = simulate(app, { seed: 2 });
    const publish = (id: string, score: number) =>
      world.wait(app.publish("board/:id", { id }, { team: "red", score }));
    for (const id of ["1", "2"]) await publish(id, 0);
    const client = world.connect();
    const seen: Record<string, number> = {};
    let [messages, left] = [0, 0];
    const sub = client.channels("board/:id").subscribe(
      { policy: { latest: ["team"] } },
      async (event) => {
        if (event.type === "gap") left += event.to - event.from + 1;
        if (event.type !== "message") return;
        messages++;
        seen[event.channel.params.id] = event.data.score;
        await new Promise<void>((resolve) => world.serverClock.setTimeout(resolve, 50));
      },
    );
    await world.wait(sub.ready());
    for (let i = 1; i <= 300; i++) for (const id of ["1", "2"]) await publish(id, i);
    await world.run(60_000);
    assertEquals([seen, messages + left], [{ "1": 300, "2": 300 }, 600]);
    assertEquals(left > 0, true);
  });

  it("is typed by the messages of its pattern", () => {
    const app = makeApp();
    const never = (world: ReturnType<typeof simulate<typeof app>>) => {
      const boards = world.connect().channels("board/:id");
      // @ts-expect-error there is no such field
      boards.subscribe({ filter: { colour: "red" } });
      // @ts-expect-error a score is a number
      boards.subscribe({ filter: { score: "high" } });
      // @ts-expect-error there is no such policy
      boards.subscribe({ policy: "some" });
      // @ts-expect-error a wildcard is in many places
      boards.subscribe({ position: { epoch: "e", offset: 1, fingerprint: 1 } });
    };
    assertEquals(typeof never, "function");
  });
});
