// Who may change a message: no way of saying which one goes around the rules, on any broker.
import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { channel } from "../mod.ts";
import { encode } from "../msgpack/mod.ts";
import { MemoryBroker } from "../brokers/memory.ts";
import type { Broker, Page, Query } from "../rpc/broker.ts";
import { Kind } from "../rpc/kinds.ts";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import { ChannelNode, type Line } from "./suites/channel_node.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { anything } from "./suites/pair.ts";
import { as, brokerOf } from "./suites/presence_node.ts";
import { CLIENTS } from "./suites/redis_clients.ts";
import { RedisFixture } from "./suites/redis_fixture.ts";

const NOTHING = new Uint8Array(0);

const channels = {
  "board/:id": channel({
    message: anything,
    changes: true,
    reactions: { like: "total" },
    allow: { react: ({ message }) => message.isOwn },
  }),
  changing: channel({ message: anything, changes: true }),
} as never;

/** Waits for the answer to a call. */
async function answer(server: ChannelNode<Broker>, line: Line, id: number): Promise<unknown> {
  for (let i = 0; i < 400; i++) {
    await server.clock.advance(10);
    const found = line.take().find(([kind, , call]) =>
      (kind === Kind.RESULT || kind === Kind.ERROR) && call === id
    );
    if (found !== undefined) return found[0] === Kind.ERROR ? found[3] : "done";
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return "no answer";
}

function message(line: Line, n: number, data: unknown, options: object, name = "board/7"): number {
  return line.call("@message", [name, n, data === undefined ? NOTHING : encode(data), options]);
}

for (const where of ["memory", "Redis"] as const) {
  describe(`another's message, in ${where}`, () => {
    let redis: RedisServer | undefined;
    let fixture: RedisFixture | undefined;

    beforeAll(async () => {
      if (where !== "Redis") return;
      redis = await startRedis();
      fixture = await RedisFixture.open(redis, CLIENTS.find(({ name }) => name === "ioredis")!);
    });

    afterAll(async () => {
      await fixture?.close();
      await redis?.stop();
    });

    function start(): ChannelNode<Broker> {
      const clock = new ManualClock();
      return new ChannelNode<Broker>({ channels, clock, broker: fixture?.broker ?? brokerOf(clock) });
    }

    for (const epoch of [undefined, null, "", "x"]) {
      it(`is not changed, nor reacted to, with the epoch ${JSON.stringify(epoch)}`, async () => {
        const server = start();
        const name = `board/${where} ${JSON.stringify(epoch)?.replaceAll('"', "") ?? "none"}`.replaceAll(
          " ",
          "_",
        );
        const [ada, eve] = [await server.connect(as("a")), await server.connect(as("e"))];
        await answer(server, ada, ada.publish(1, "ada's", { channel: name }));
        const refused = epoch === undefined || epoch === null ? "FORBIDDEN" : undefined;
        let n = 0;
        for (const change of [1, 2, 3]) {
          const options = { change, target: 1, ...(epoch === undefined ? {} : { epoch }) };
          const code = await answer(server, eve, message(eve, ++n, "!", { ...options, low: n }, name));
          assertEquals([change, code], [change, refused ?? (code === "BAD_INPUT" ? code : "NOT_FOUND")]);
        }
        const reaction = {
          channel: name,
          target: 1,
          kind: "like",
          ...(epoch === undefined ? {} : { epoch }),
        };
        const code = await answer(server, eve, eve.call("@react", reaction));
        assertEquals(code, refused ?? (code === "BAD_INPUT" ? code : "NOT_FOUND"));
      });
    }

    it("is not reacted to by who asked before it was there", async () => {
      const server = start();
      const name = "board/react";
      const [ada, eve] = [await server.connect(as("a")), await server.connect(as("e"))];
      const first = eve.call("@react", { channel: name, target: 1, kind: "like" });
      assertEquals(await answer(server, eve, first), "NOT_FOUND");
      const again = eve.call("@react", { channel: name, target: 1, kind: "like" });
      ada.publish(1, "ada's", { channel: name });
      assertEquals(await answer(server, eve, again), "NOT_FOUND");
    });

    it("has no change of the number 4, which is for summaries", async () => {
      const server = start();
      const ada = await server.connect(as("a"));
      for (const name of ["board/four", "changing"]) {
        await answer(server, ada, ada.publish(1, "ada's", { channel: name }));
        const change = message(ada, 2, { like: { total: 9 } }, { change: 4, target: 1 }, name);
        assertEquals([name, await answer(server, ada, change)], [name, "BAD_INPUT"]);
      }
      assertEquals(server.errors, []);
    });
  });
}

/** A broker whose answers to reads can be held back, as those of Redis are by its link. */
class SlowReads extends MemoryBroker {
  held: PromiseWithResolvers<void> | undefined;

  override read(name: string, query: Query): Page {
    const page = super.read(name, query);
    return (this.held === undefined ? page : this.held.promise.then(() => page)) as Page;
  }
}

describe("a change that is asked about while the channel goes on", () => {
  async function start() {
    const clock = new ManualClock();
    let n = 0;
    const broker = new SlowReads({ clock, date: () => 1_000_000, random: (bytes) => bytes.fill(++n) });
    const server = new ChannelNode<SlowReads>({ channels, clock, broker });
    return { server, broker, ada: await server.connect(as("a")), eve: await server.connect(as("e")) };
  }

  it("is none of a message that came only then", async () => {
    const { server, broker, ada, eve } = await start();
    broker.held = Promise.withResolvers();
    const edit = message(eve, 1, "eve's", { change: 1, target: 1 });
    await server.settle();
    await answer(server as never, ada, ada.publish(1, "ada's"));
    broker.held.resolve();
    assertEquals(await answer(server as never, eve, edit), "NOT_FOUND");
  });

  it("is none of a message of another life of the stream", async () => {
    const { server, broker, ada, eve } = await start();
    await answer(server as never, eve, eve.publish(1, "eve's"));
    broker.held = Promise.withResolvers();
    const edit = message(eve, 2, "eve's", { change: 1, target: 1 });
    await server.settle();
    broker.forget("board/7");
    await answer(server as never, ada, ada.publish(1, "ada's"));
    broker.held.resolve();
    assertEquals(await answer(server as never, eve, edit), "NOT_FOUND");
  });

  for (const what of ["deletion", "reaction"]) {
    it(`does not land when who asked was sent away meanwhile: a ${what}`, async () => {
      const { server, broker, ada } = await start();
      await answer(server as never, ada, ada.publish(1, "ada's"));
      broker.held = Promise.withResolvers();
      if (what === "deletion") message(ada, 2, undefined, { change: 3, target: 1 });
      else ada.call("@react", { channel: "board/7", target: 1, kind: "like" });
      await server.settle();
      ada.connection.close(1000);
      await server.settle();
      broker.held.resolve();
      broker.held = undefined;
      await server.clock.advance(500);
      const { top } = broker.read("board/7", { after: 0, messages: 9, bytes: 1_000 });
      assertEquals(top.offset, 1);
    });
  }
});
