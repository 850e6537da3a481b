// What a wildcard asks for, and no channel of its pattern takes: the program is told, as it is of one channel.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError, channel, millrace } from "../mod.ts";
import { simulate } from "../testing/mod.ts";

function start(seed: number) {
  const app = millrace({
    procedures: {},
    channels: {
      "doc/:id": channel({ message: z.string(), changes: true }),
      "list/:id": channel({ message: z.object({ n: z.number() }), filter: false }),
      "room/:id": channel({ message: z.object({ n: z.number() }) }),
    },
  });
  const world = simulate(app, { seed });
  const { channels, channel: one } = world.connect() as never as {
    channels(pattern: string, given?: object): Subscribes;
    channel(pattern: string, given?: object): Subscribes;
  };
  return { app, world, channels, one };
}

interface Subscribes {
  subscribe(options: object, handler?: () => void): AsyncIterableIterator<unknown> & {
    readonly state: string;
    ready(): Promise<void>;
  };
}

async function codes(
  world: { wait<T>(done: Promise<T>): Promise<T> },
  all: Subscribes,
  options: object,
) {
  const told: unknown[] = [];
  const handled = all.subscribe(
    { ...options, onError: (error: CallError) => void told.push(error.code) },
    () => {},
  );
  const { code } = await assertRejects(() => world.wait(handled.ready()), CallError) as CallError;
  const read = await assertRejects(() => world.wait(all.subscribe(options).next()), CallError) as CallError;
  return [code, read.code, told, handled.state];
}

describe("a wildcard that asks for what no channel takes", () => {
  const bad = ["BAD_INPUT", "BAD_INPUT", ["BAD_INPUT"], "closed"];

  it("is refused where messages may change, or the pattern allows no filters", async () => {
    const { app, world, channels } = start(1);
    await using _ = world;
    await world.wait(app.channel("doc/:id", { id: "1" }).publish("a"));
    await world.wait(app.channel("list/:id", { id: "1" }).publish({ n: 1 }));
    assertEquals(await codes(world, channels("doc/:id"), { policy: "drop oldest" }), bad);
    assertEquals(await codes(world, channels("doc/:id"), { filter: { n: 1 } }), bad);
    assertEquals(await codes(world, channels("list/:id"), { filter: { n: 1 }, rewind: 5 }), bad);
  });

  it("is refused where a channel appears later, and it had none before", async () => {
    const { app, world, channels } = start(2);
    await using _ = world;
    const told = Promise.withResolvers<CallError>();
    const all = channels("doc/:id").subscribe({ filter: { n: 1 }, onError: told.resolve }, () => {});
    await world.wait(all.ready());
    await world.wait(app.channel("doc/:id", { id: "1" }).publish("a"));
    assertEquals([(await world.wait(told.promise)).code, all.state], ["BAD_INPUT", "closed"]);
  });

  it("is refused by the client where it can be no filter, no policy or no option, with or without channels", async () => {
    const { world, channels, one } = start(3);
    await using _ = world;
    for (
      const options of [{ filter: { n: { gt: 1, than: 2 } } }, { policy: "al" }, { fliter: { n: 1 } }, {
        rewindms: 5,
      }]
    ) {
      assertEquals(await codes(world, channels("room/:id"), options), bad);
      assertEquals(await codes(world, one("room/:id", { id: "1" }), options), bad);
    }
  });

  it("throws where a parameter is misspelt, which would stand for anything", async () => {
    const { world, channels, one } = start(4);
    await using _ = world;
    assertThrows(() => channels("room/:id", { ix: "5" }), TypeError, "ix");
    assertEquals(typeof one("room/:id", { id: "5", ix: "5" }), "object");
  });
});
