// What must hold when a rule, a hook or a handler closes the connection that it is asked for, and when what it says cannot be told.
import { assertEquals, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CallError, channel, procedure } from "../mod.ts";
import { ClientWork, NodeWork } from "../rpc/client_work.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, type ChannelNodeOptions, Line, told } from "./suites/channel_node.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { anything } from "./suites/pair.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";
import { payload } from "./suites/wire.ts";

type Closing = { readonly connection: { close(code?: number, reason?: string): void } };

function serverOf(config: object, more: Partial<ChannelNodeOptions<ScriptedBroker>> = {}): ChannelNode {
  const whole = { message: anything, signal: anything, history: { messages: 10 }, ...config };
  return new ChannelNode({
    broker: new ScriptedBroker(),
    channels: { "board/:id": channel(whole as never) },
    ...more,
  });
}

/** What is left of channels when nobody has wanted one for minutes. */
async function left(server: ChannelNode): Promise<number[]> {
  await server.settle();
  await server.clock.advance(300_000);
  const listeners = [...server.broker.listeners.values()].reduce((sum, { size }) => sum + size, 0);
  const { channels, subscriptions } = server.node.stats();
  return [channels, subscriptions, listeners];
}

describe("a subscription of a connection that is closed meanwhile", () => {
  it("is nobody's: a rule closes it and says yes", async () => {
    const server = serverOf({
      allow: { subscribe: ({ connection }: Closing) => (connection.close(4403), true) },
    });
    const line = await server.connect();
    line.subscribe("board/7");
    assertEquals(await left(server), [0, 0, 0]);
    assertEquals(line.closed, 4403);
  });

  it("is left once: a rule that is asked again closes it and says no", async () => {
    let isArmed = false;
    const hooks: string[] = [];
    const server = serverOf({
      onUnsubscribe: () => void hooks.push("left"),
      allow: {
        subscribe: ({ connection }: Closing) => {
          if (isArmed) connection.close(4403);
          return !isArmed;
        },
      },
    });
    const line = await server.connect();
    await line.joined();
    isArmed = true;
    server.node.connections().reauthorize();
    assertEquals(await left(server), [0, 0, 0]);
    assertEquals(hooks, ["left"]);
  });

  it("does not begin: SUBSCRIBE stands behind a call that closes it, and behind another SUBSCRIBE", async () => {
    const server = serverOf({
      allow: {
        subscribe: (
          { params, connection }: Closing & { params: { id: string } },
        ) => (params.id === "1" && connection.close(1012), true),
      },
    }, { procedures: { bye: procedure((_: void, { connection }) => connection.close(1012)) } as never });
    const first = await server.connect({ resumable: true, producer: new Uint8Array(16).fill(1) });
    first.send([Kind.CALL, 1, 1, "bye", null, payload()], [Kind.SUBSCRIBE, 1, "board/7", null, null]);
    const second = await server.connect();
    second.send([Kind.SUBSCRIBE, 1, "board/1", null, null], [Kind.SUBSCRIBE, 2, "board/2", null, null], [
      Kind.UNSUBSCRIBE,
      2,
    ]);
    assertEquals(await left(server), [0, 0, 0]);
    assertEquals([first.closed, second.closed], [1012, 1012]);
  });
});

describe("a refusal that cannot be told as it is", () => {
  const whole = new CallError("FORBIDDEN", "x".repeat(2_000));
  for (
    const [what, error] of [["too large", whole], ["no text", new CallError("FORBIDDEN", "\ud83d")]] as const
  ) {
    it(`is told by its code: ${what}`, async () => {
      let isBanned = false;
      const refuse = () => {
        if (isBanned) throw error;
        return true;
      };
      const server = serverOf({ allow: { subscribe: refuse } });
      const small = await server.connect({ limits: { message: 1_024 } });
      const other = await server.connect({ limits: { message: 1_024 } });
      for (const line of [small, other]) await line.joined();
      isBanned = true;
      await server.node.reauthorize();
      await server.publish("secret");
      for (const line of [small, other]) assertEquals(told(line.take()), [{ ended: "FORBIDDEN" }]);
      assertEquals(told(await small.joined("board/8")), [{ ended: "FORBIDDEN" }]);
      await server.clock.advance(2_000_000); // heartbeats leave
      assertEquals([small.closed, other.closed], [4504, 4504], "they answer none");
    });
  }
});

describe("what a client makes the broker do", () => {
  for (
    const [what, request] of [
      ["rewind", (i: number) => [null, { rewindMs: i + 1 }]],
      ["positions", (i: number, epoch: string) => [[epoch, 1 + i % 420, 7], null]],
    ] as const
  ) {
    it(`is bounded, however often it subscribes and goes: ${what}`, async () => {
      const server = serverOf({});
      const line = await server.connect();
      await (await server.connect()).joined();
      for (let i = 0; i < 500; i++) server.broker.add("board/7", new Uint8Array([1]));
      const { epoch } = server.broker.stream("board/7");
      await server.settle();
      server.broker.isSlow = true;
      for (let sub = 1; sub <= 2_000; sub++) {
        const [position, options] = request(sub, epoch);
        line.send([Kind.SUBSCRIBE, sub, "board/7", position, options], [Kind.UNSUBSCRIBE, sub]);
      }
      await server.settle();
      assertLessOrEqual(server.broker.waiting, 130);
      server.broker.isSlow = false;
      server.broker.answer();
      await server.settle();
      if (line.closed !== undefined) return; // it does not listen
      line.take();
      line.send([Kind.SUBSCRIBE, 2_001, "board/7", null, null]);
      await server.settle();
      assertEquals(told(line.take()).length, 1);
    });
  }

  it("is waited for once, however often the same is wanted", async () => {
    let waits = 0;
    class Counted extends Promise<void> {
      override then<A, B>(...args: Parameters<Promise<void>["then"]>): Promise<A | B> {
        waits++;
        return super.then(...args) as Promise<A | B>;
      }
    }
    const work = new ClientWork(new NodeWork(new ManualClock()), () => "one", 128);
    const known = new Counted(() => {});
    for (let i = 0; i < 1_000; i++) void work.counted(known);
    await Promise.resolve();
    assertLessOrEqual(waits, 1);
  });

  it("counts for channels that are wanted for the first time", async () => {
    const server = serverOf({});
    const line = await server.connect();
    server.broker.isSlow = true;
    for (let sub = 1; sub <= 1_000; sub++) {
      line.send([Kind.SUBSCRIBE, sub, `board/${sub}`, null, null], [Kind.UNSUBSCRIBE, sub]);
    }
    await server.settle();
    assertLessOrEqual(server.broker.waiting, 130);
  });
});

describe("rules, hooks and signals of connections that are gone", () => {
  it("count for who comes again, and are over with their time", async () => {
    let running = 0;
    const never = () => {
      running++;
      return new Promise<boolean>(() => {});
    };
    const server = serverOf({ allow: { subscribe: never, signal: never } }, {
      authenticate: () => ({ subject: "one" }),
    });
    const come = async () => {
      const line = await server.connect();
      for (let i = 0; i < 128; i++) line.subscribe(`board/${i}`);
      for (let i = 0; i < 64; i++) line.send([Kind.SIGNAL, "board/1", new Uint8Array([1])]);
      await server.settle();
      line.end(1006);
      await server.settle();
    };
    for (let i = 0; i < 100; i++) await come();
    assertLessOrEqual(running, 8 * 128 + 192);
    await server.clock.advance(120_000);
    running = 0;
    await come();
    assertEquals(running, 192, "what hung is forgotten");
  });

  it("hold no timer when the node has ended", async () => {
    const never = () => new Promise<never>(() => {});
    const server = serverOf({ onSubscribe: never, allow: { signal: never } });
    const line = await server.connect();
    await line.joined();
    line.send([Kind.SIGNAL, "board/7", new Uint8Array([1])]);
    await server.settle();
    const draining = server.node.drain({ code: 1001, deadline: 0, retryAfter: undefined });
    await server.clock.advance(1);
    await draining;
    line.end(1001);
    assertEquals(server.clock.pending, 0);
    await server.clock.advance(120_000);
    assertEquals(server.errors, []);
  });
});

describe("WELCOME that is larger than the client takes", () => {
  it("is never made: the session is another one", async () => {
    const server = serverOf({}, { procedures: { echo: procedure((value: unknown) => value) } as never });
    const [opening, limits] = [new Uint8Array(16).fill(9), { message: 1_024 }];
    const first = await server.connect({ limits, resumable: true, opening });
    for (let i = 1; i <= 64; i++) {
      first.send([Kind.CALL, i, i, "nope", { items: 2 ** 53 - 1_000 + i }, new Uint8Array(0)]);
    }
    await server.settle();
    const second = new Line(server, "second");
    second.send([Kind.HELLO, 1, opening, 0, payload({ limits, resumable: true, units: 0, streams: [] })]);
    await server.settle();
    const [welcome] = second.take();
    assertEquals([first.closed, second.closed, welcome![0]], [undefined, undefined, Kind.WELCOME]);
    const told = welcome!.at(-1) as { resumed: boolean };
    assertEquals(told.resumed, false);
  });
});

describe("an authentication that ends beyond what can be told", () => {
  for (const expires of [Number.MAX_VALUE, 2 ** 60]) {
    it(`does not end: ${expires}`, async () => {
      let count = 0;
      const server = serverOf({}, {
        authenticate: async () => {
          await Promise.resolve();
          return ++count === 1 ? { expires: 2_000_000 } : { expires };
        },
      });
      const line = await server.connect({ token: "x" });
      line.send([Kind.TOKEN, payload({ token: "y" })]);
      await server.settle();
      const greeted = await server.connect({ token: "x" });
      assertEquals([line.closed, greeted.closed, count], [undefined, undefined, 3]);
      assertEquals(server.errors, []);
    });
  }
});
