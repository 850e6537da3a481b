// Who gets the reply of a call that ran once for somebody else reads its writes as well.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { channel, define } from "../mod.ts";
import type { OutgoingCall } from "../rpc/outgoing_call.ts";
import { simulate } from "../testing/mod.ts";

function open(session = 120_000) {
  const { procedure, millrace } = define().with({ channels: { "news": channel({ message: z.string() }) } });
  let runs = 0;
  const app = millrace({
    limits: { session },
    procedures: {
      post: procedure({ input: z.string() }, async (text, { publish }) => {
        runs++;
        await publish("news", text);
        if (text === "refused") throw new RangeError("secret");
        return "posted";
      }),
    },
    onError: () => {},
  });
  return { world: simulate(app, { seed: 1 }), runs: () => runs };
}

describe("what a call with a key has caused", () => {
  it("is told to each who gets its reply: kept, waited for, or an error", async () => {
    const { world, runs } = open();
    const client = world.connect();
    const { epoch, fingerprint } = await world.wait(client.channel("news").publish("first"));
    assertEquals([typeof epoch, fingerprint > 0], ["string", true]);
    const post = (text: string, key: string) => {
      const call = client.call.post(text, { key });
      return call.result().then(() => [...(call as unknown as OutgoingCall).caused ?? []]);
    };
    for (const text of ["a", "refused"]) {
      const [first, waited] = await world.wait(Promise.all([post(text, text), post(text, text)]));
      const later = await world.wait(post(text, text));
      assertEquals(first!.map(([name, { offset }]) => [name, offset]), [["news", text === "a" ? 2 : 3]]);
      assertEquals([waited, later], [first, first], text);
    }
    assertEquals(runs(), 2);
    await world[Symbol.asyncDispose]();
  });

  it("is waited for by seen(), though the answer of the one run was lost with its session", async () => {
    const { world, runs } = open(1);
    const client = world.connect();
    let done = 0;
    const subscription = client.channel("news").subscribe(async (event) => {
      await new Promise((resolve) => world.serverClock.setTimeout(() => resolve(0), 5_000));
      done = event.position.offset;
    });
    await world.wait(subscription.ready());
    const call = client.call.post("a", { key: "k" });
    world.stall(client, "down", 3_000);
    await world.run(100);
    world.cut(client);
    assertEquals(await world.wait(call), "posted");
    await world.wait(client.seen(call));
    assertEquals([done, runs()], [1, 1]);
    await world[Symbol.asyncDispose]();
  });

  it("is not waited for where it is in a life of the channel that is over", async () => {
    const { world, runs } = open();
    const client = world.connect();
    const events: string[] = [];
    const subscription = client.channel("news").subscribe(({ type }) => void events.push(type));
    await world.wait(subscription.ready());
    await world.wait(client.seen(client.call.post("a", { key: "k" })));
    world.loseStream("news");
    await world.wait(client.channel("news").publish("b"));
    await world.run(5_000);
    assertEquals(events, ["message", "reset", "message"]);
    const again = client.call.post("a", { key: "k" });
    assertEquals(await world.wait(again), "posted");
    await world.wait(client.seen(again));
    assertEquals(runs(), 1);
    await world[Symbol.asyncDispose]();
  });
});
