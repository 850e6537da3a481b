// Who may subscribe, how many, and what is left when somebody goes: nothing.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { channel } from "../mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, type Line, told } from "./suites/channel_node.ts";
import { anything } from "./suites/pair.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";
const FRESH = { status: 0, at: 0 };

/** A node with one channel. */
function withChannel(config: object, options: object = {}): ChannelNode {
  const channels = { "board/:id": channel({ message: anything, ...config } as never) };
  return new ChannelNode({ broker: new ScriptedBroker(), channels, ...options } as never);
}

function start(options: object = {}): ChannelNode {
  return new ChannelNode({ broker: new ScriptedBroker(), ...options } as never);
}

/** What UNSUBSCRIBED said. */
function refusal(messages: unknown[][]): unknown {
  assertEquals(messages.map(([kind]) => kind), [Kind.UNSUBSCRIBED]);
  return messages[0]!.slice(2);
}

describe("who may subscribe", () => {
  it("is asked each time, with the context, the channel and its parameters", async () => {
    const asked: unknown[] = [];
    const server = withChannel({
      allow: {
        subscribe: ({ channel, params, connection, user }: Record<string, unknown>) => {
          asked.push([channel, params, (connection as { id: string }).id, user]);
          return true;
        },
      },
    }, { authenticate: () => ({ user: "ada" }) });
    const line = await server.connect();
    assertEquals(told(await line.joined()), [FRESH]);
    line.send([Kind.UNSUBSCRIBE, 1]);
    await line.joined();
    assertEquals(asked, [[NAME, { id: "7" }, "c1", "ada"], [NAME, { id: "7" }, "c1", "ada"]]);
  });

  for (
    const [what, subscribe] of Object.entries<unknown>({
      "a rule that says no": () => false,
      "a rule that says no later": () => Promise.resolve(false),
      "a rule that gives something else than true": () => "yes",
      "no rule but false": false,
    })
  ) {
    it(`${what}: answered as if there were no such channel`, async () => {
      const server = withChannel({ allow: { subscribe } });
      const line = await server.connect();
      const forbidden = refusal(await line.joined(NAME));
      const missing = refusal(await line.joined("nowhere/7"));
      assertEquals(forbidden, missing);
      assertEquals((forbidden as unknown[])[0], "NOT_FOUND");
      assertEquals(server.node.stats().subscriptions, 0);
      assertEquals(server.broker.asked, [], "and no broker was asked");
    });
  }

  for (
    const name of [
      "",
      "board",
      "board/",
      "board/7/8",
      "board/%37",
      "board/*",
      "board/\0",
      "@publish",
      "BOARD/7",
    ]
  ) {
    it(`${JSON.stringify(name)} is no channel`, async () => {
      const line = await start().connect();
      assertEquals((refusal(await line.joined(name)) as unknown[])[0], "NOT_FOUND");
    });
  }

  it("is asked again when a client comes back with its position", async () => {
    let isAllowed = true;
    const server = withChannel({ allow: { subscribe: () => isAllowed } });
    const line = await server.connect();
    const [[, , , , ...position]] = await line.joined() as [unknown[]];
    line.end();
    isAllowed = false;
    await server.publish("secret");
    const again = await server.connect();
    assertEquals(told(await again.joined(NAME, position)), [{ ended: "NOT_FOUND" }]);
  });

  it("may not look back where the history is not allowed", async () => {
    const server = withChannel({ allow: { history: () => false } });
    await server.publish("before");
    const line = await server.connect();
    assertEquals(told(await line.joined(NAME, null, { rewind: 1 })), [{ ended: "NOT_FOUND" }]);
    assertEquals(told(await line.joined()), [{ status: 0, at: 1 }]);
  });

  it("is asked again when the identity is refreshed: who may no more is told, and hears nothing from then on", async () => {
    let role = "editor";
    const server = withChannel(
      { allow: { subscribe: ({ role }: { role: string }) => role === "editor" } },
      { authenticate: () => ({ role }) },
    );
    const line = await server.connect();
    await line.joined();
    role = "guest";
    line.send([Kind.TOKEN, new Uint8Array([0x80])]);
    await server.settle();
    await server.publish("secret");
    assertEquals(told(line.takeOf(Kind.UNSUBSCRIBED, Kind.PUBLICATION)), [{ ended: "NOT_FOUND" }]);
    assertEquals(server.node.stats().subscriptions, 0);
  });

  it("is asked again when the program wants it: of one subject, or on one channel", async () => {
    let banned = "";
    const server = withChannel(
      { allow: { subscribe: ({ channel }: { channel: string }) => channel !== banned } },
      { authenticate: () => ({ subject: "ada" }) },
    );
    const line = await server.connect();
    await line.joined("board/7");
    await line.joined("board/8");
    banned = "board/8";
    server.node.connections({ subject: "somebody else" }).reauthorize();
    await server.settle();
    assertEquals(line.take(), []);
    server.node.connections({ subject: "ada" }).reauthorize("board/8");
    await server.settle();
    assertEquals(told(line.take()), [{ ended: "NOT_FOUND" }]);
    assertEquals(server.node.stats().subscriptions, 1);
  });
});

describe("how many", () => {
  it("128 channels, and the surplus is answered RESOURCE_EXHAUSTED", async () => {
    const server = start();
    const line = await server.connect();
    for (let i = 0; i < 128; i++) line.subscribe(`board/${i}`);
    assertEquals(told(await line.joined("board/one-more")), [
      ...Array(128).fill(FRESH),
      { ended: "RESOURCE_EXHAUSTED" },
    ]);
    line.send([Kind.UNSUBSCRIBE, 5]);
    assertEquals(told(await line.joined("board/one-more")), [FRESH]);
  });

  it("one subscription to each channel", async () => {
    const line = await start().connect();
    await line.joined();
    assertEquals(told(await line.joined()), [{ ended: "BAD_INPUT" }]);
  });

  it("a flood that is refused ends with 4531", async () => {
    const server = start();
    const line = await server.connect();
    for (let i = 0; i < 1_024; i++) line.subscribe(`nowhere/${i}`);
    await server.settle();
    assertEquals(line.closed, undefined);
    line.subscribe("nowhere/else");
    await server.settle();
    assertEquals(line.closed, 4531);
  });

  for (
    const [what, message] of Object.entries({
      "a subscription that leaves out a number": [Kind.SUBSCRIBE, 2, NAME, null, null],
      "a subscription number 0": [Kind.SUBSCRIBE, 0, NAME, null, null],
      "the end of a subscription that never was": [Kind.UNSUBSCRIBE, 1],
      "a message of the server": [Kind.SUBSCRIBED, 1, 1, 0, "epoch", 0, 0],
      "a publication": [Kind.PUBLICATION, 1, 1, 1, new Uint8Array([1])],
    })
  ) {
    it(`${what}: 4400`, async () => {
      const server = start();
      const line = await server.connect();
      line.send(message);
      await server.settle();
      assertEquals(line.closed, 4400);
    });
  }

  it("an app without channels takes none of their messages", async () => {
    const server = start({ channels: {} });
    const line = await server.connect();
    line.subscribe(NAME);
    await server.settle();
    assertEquals(line.closed, 4400);
    const other = await server.connect();
    other.publish(1, "x");
    await server.settle();
    assertEquals(other.take()[0]!.slice(0, 4), [Kind.ERROR, 1, 1, "NOT_FOUND"]);
  });
});

describe("what comes while a subscription is looked up", () => {
  /** Lets every answer of the broker come. */
  async function answerAll(server: ChannelNode): Promise<void> {
    while (server.broker.waiting > 0) {
      server.broker.answer();
      await server.settle();
    }
  }

  it("UNSUBSCRIBE: nothing comes of it", async () => {
    const server = start();
    server.broker.isSlow = true;
    const line = await server.connect();
    line.subscribe(NAME);
    line.send([Kind.UNSUBSCRIBE, 1]);
    await answerAll(server);
    server.broker.isSlow = false;
    await server.publish("x");
    assertEquals(line.take(), []);
  });

  it("UNSUBSCRIBE and SUBSCRIBE again: only the second is answered, once", async () => {
    const server = start();
    server.broker.isSlow = true;
    const line = await server.connect();
    line.subscribe(NAME);
    await server.settle();
    line.send([Kind.UNSUBSCRIBE, 1]);
    line.subscribe(NAME);
    await answerAll(server);
    const messages = line.take();
    assertEquals(told(messages), [FRESH]);
    assertEquals(messages[0]![1], 2);
    server.broker.isSlow = false;
    await server.publish("x");
    assertEquals(told(line.take()), ["x"]);
  });

  it("the same while a rule thinks", async () => {
    const rules: ((is: boolean) => void)[] = [];
    const server = withChannel({ allow: { subscribe: () => new Promise((resolve) => rules.push(resolve)) } });
    const line = await server.connect();
    line.subscribe(NAME);
    line.send([Kind.UNSUBSCRIBE, 1]);
    line.subscribe(NAME);
    rules[0]!(true);
    await server.settle();
    assertEquals(line.take(), []);
    rules[1]!(true);
    await server.settle();
    assertEquals(line.take().map(([kind, sub]) => [kind, sub]), [[Kind.SUBSCRIBED, 2]]);
  });

  it("publications: buffered, and sent once, in order", async () => {
    const server = start();
    server.broker.isSlow = true;
    const line = await server.connect();
    line.subscribe(NAME, ["epoch-0000000001", 0, 0]);
    let published = 0;
    for (let i = 0; i < 6; i++) {
      server.broker.add(NAME, new Uint8Array([published++]));
      await server.settle();
      server.broker.answer(1);
      await server.settle();
    }
    await answerAll(server);
    assertEquals(told(line.take()), [{ status: 1, at: 0 }, 0, 1, 2, 3, 4, 5]);
  });

  it("the end of the connection: nothing is left", async () => {
    const server = start();
    server.broker.isSlow = true;
    const line = await server.connect();
    line.subscribe(NAME);
    line.end();
    await answerAll(server);
    assertEquals(server.node.stats().subscriptions, 0);
    await server.clock.advance(10_000);
    await answerAll(server);
    assertEquals(server.node.stats().channels, 0);
    assertEquals(server.broker.listeners.get(NAME)?.size ?? 0, 0);
    assertEquals(server.clock.pending, 0);
  });
});

describe("what is left", () => {
  it("a channel is listened to once, whoever wants it, and no more when the last has left a while ago", async () => {
    const server = start();
    const lines: Line[] = [];
    for (let i = 0; i < 5; i++) lines.push(await server.connect());
    for (const line of lines) await line.joined();
    const count = (what: string) => server.broker.asked.filter((asked) => asked.startsWith(what)).length;
    assertEquals([count("subscribe"), count("read")], [1, 1]);
    assertEquals(server.node.stats(), {
      calls: 0,
      streams: 0,
      heldBytes: 0,
      channels: 1,
      subscriptions: 5,
      sessions: 0,
    });
    for (const line of lines) line.end();
    assertEquals(count("unsubscribe"), 0);
    await server.clock.advance(4_000);
    assertEquals(count("unsubscribe"), 1);
    assertEquals([server.node.stats().channels, server.clock.pending], [0, 0]);
  });

  it("who comes and goes is no storm for the broker", async () => {
    const server = start();
    const line = await server.connect();
    for (let i = 1; i <= 500; i++) {
      line.subscribe(NAME);
      line.send([Kind.UNSUBSCRIBE, i]);
      await server.clock.settleFor(1);
    }
    assertEquals(server.broker.asked, ["subscribe board/7", "read board/7"]);
  });

  it("of many channels that nobody wants any more at most 1,000 are still listened to", async () => {
    const server = start({ limits: { channels: 5_000 } });
    const line = await server.connect();
    for (let i = 1; i <= 3_000; i++) line.subscribe(`board/${i}`);
    await server.settle();
    assertEquals(server.node.stats().channels, 3_000);
    line.end();
    assertEquals(server.node.stats().channels, 1_000);
    await server.clock.advance(4_000);
    assertEquals(server.node.stats().channels, 0);
  });
});

describe("hooks of a channel", () => {
  it("tell who joins and who leaves, by whatever way", async () => {
    const heard: string[] = [];
    const hook =
      (what: string) => ({ channel, connection }: { channel: string; connection: { id: string } }) =>
        void heard.push(`${connection.id} ${what} ${channel}`);
    const server = withChannel({ onSubscribe: hook("joins"), onUnsubscribe: hook("leaves") });
    const [first, second] = [await server.connect(), await server.connect()];
    await first.joined();
    await second.joined();
    first.send([Kind.UNSUBSCRIBE, 1]);
    second.end();
    assertEquals(heard, ["c1 joins board/7", "c2 joins board/7", "c1 leaves board/7", "c2 leaves board/7"]);
  });

  it("run once though the stream is replaced", async () => {
    let joined = 0;
    const server = withChannel({ onSubscribe: () => void joined++ });
    await (await server.connect()).joined();
    server.broker.streams.delete(NAME);
    server.broker.doubt(NAME);
    await server.settle();
    assertEquals(joined, 1);
  });

  it("that throw are reported, and nothing else happens", async () => {
    const server = withChannel({
      onSubscribe: () => {
        throw new Error("at once");
      },
      onUnsubscribe: () => Promise.reject(new Error("later")),
    });
    const line = await server.connect();
    assertEquals(told(await line.joined()), [FRESH]);
    line.send([Kind.UNSUBSCRIBE, 1]);
    await server.settle();
    assertEquals(server.errors.map(String), ["Error: at once", "Error: later"]);
    assertEquals(line.closed, undefined);
  });

  it("may close the connection", async () => {
    const server = withChannel({
      onSubscribe: ({ connection }: { connection: { close(code: number): void } }) => connection.close(4403),
    });
    const line = await server.connect();
    await line.joined();
    assertEquals(line.closed, 4403);
    await server.publish("unheard");
    assert(server.node.stats().subscriptions === 0);
  });
});
