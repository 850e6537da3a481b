// Rules of channels that fail, are not sure, or never answer: nobody is let in, and nobody is sent away for good.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { CallError, channel, millrace } from "../mod.ts";
import { markReceived } from "../rpc/errors.ts";
import { Kind } from "../rpc/kinds.ts";
import { simulate } from "../testing/mod.ts";
import { ChannelNode, type Line, told } from "./suites/channel_node.ts";
import { anything } from "./suites/pair.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";
const RETRYABLE = 1;
const NO_CHANNEL = "There is no such channel, or the client may not know of it";

/** A node with one channel. */
function withRules(allow: object, config: object = {}, limits: object = {}): ChannelNode {
  const channels = {
    "board/:id": channel({ message: anything, signal: anything, allow, ...config } as never),
  };
  return new ChannelNode({ broker: new ScriptedBroker(), channels, limits } as never);
}

/** A rule that throws, at once and later. */
function throwing(error: unknown): (() => unknown)[] {
  return [
    () => {
      throw error;
    },
    () => Promise.reject(error),
  ];
}

/** What UNSUBSCRIBED and ERROR say: code, flags and message. */
function refusals(messages: unknown[][]): unknown[][] {
  return messages.map((message) => {
    const [code, flags, payload] = message.slice(message[0] === Kind.ERROR ? 3 : 2);
    return [code, flags, (payload as { message: string } | null)?.message];
  });
}

async function called(server: ChannelNode, line: Line, act: () => void): Promise<unknown[]> {
  act();
  await server.settle();
  const [refusal] = refusals(line.takeOf(Kind.ERROR));
  return refusal ?? [];
}

const NOT_KNOWN = ["UNAVAILABLE", RETRYABLE, "Whether the client may subscribe cannot be said now"];

describe("a rule for subscribing", () => {
  const said = {
    "that failed": [new Error("no database"), NOT_KNOWN, ["Error: no database"]],
    "that threw nothing": [undefined, NOT_KNOWN, ["TypeError: A handler threw undefined"]],
    "that threw an error that is not for callers": [
      new CallError("DISCONNECTED"),
      NOT_KNOWN,
      ["CallError: The connection ended before the answer came"],
    ],
    "that let the error of a call of its own escape": [
      markReceived(new CallError("FORBIDDEN", "not you")),
      NOT_KNOWN,
      ["CallError: not you"],
    ],
    "that says to come again": [
      new CallError("UNAVAILABLE", "no database"),
      ["UNAVAILABLE", RETRYABLE, "no database"],
      [],
    ],
    "that says no, and why": [new CallError("FORBIDDEN", "not you"), ["FORBIDDEN", 0, "not you"], []],
    "that says no, and has data that cannot be sent": [
      new CallError("BAD_INPUT", "so not", { data: { issues: () => {} } }),
      ["BAD_INPUT", 0, "so not"],
      [],
    ],
  } as const;
  for (const [what, [error, refusal, reported]] of Object.entries(said)) {
    it(`${what}: ${refusal[0]}`, async () => {
      for (const subscribe of throwing(error)) {
        const server = withRules({ subscribe });
        const line = await server.connect();
        assertEquals(refusals(await line.joined()), [[...refusal]]);
        assertEquals(server.errors.map(String), [...reported]);
        assertEquals([server.node.stats().subscriptions, server.broker.asked], [0, []]);
      }
    });
  }

  it("and one for the history, with a rewind: either may fail", async () => {
    for (const history of throwing(new Error("no database"))) {
      for (const subscribe of [() => true, () => Promise.resolve(true)]) {
        const server = withRules({ subscribe, history });
        const line = await server.connect();
        assertEquals(refusals(await line.joined(NAME, null, { rewind: 1 })), [NOT_KNOWN]);
        assertEquals(told(await line.joined()), [{ status: 0, at: 0 }]);
      }
    }
  });

  it("that fails when it is asked again: nothing is delivered until it knows", async () => {
    for (const fails of throwing(new Error("no database"))) {
      let rule: () => unknown = () => true;
      const server = withRules({ subscribe: () => rule() });
      const line = await server.connect();
      await line.joined();
      rule = fails;
      server.node.connections().reauthorize();
      await server.settle();
      await server.publish("x");
      assertEquals(refusals(line.take()), [NOT_KNOWN]);
      assertEquals([server.node.stats().subscriptions, server.errors.map(String)], [0, [
        "Error: no database",
      ]]);
      rule = () => true;
      assertEquals(told(await line.joined(NAME, ["epoch-0000000001", 0, 0])), [{ status: 1, at: 0 }, "x"]);
    }
  });

  it("that never answers is refused as not known after `callTimeout`, and reported", async () => {
    let rule: () => unknown = () => new Promise(() => {});
    const server = withRules({ subscribe: () => rule() });
    const line = await server.connect();
    line.subscribe(NAME);
    await server.clock.advance(59_999);
    assertEquals(line.takeOf(Kind.UNSUBSCRIBED), []);
    await server.clock.advance(1);
    assertEquals(refusals(line.takeOf(Kind.UNSUBSCRIBED)), [NOT_KNOWN]);
    assertEquals(server.errors.map(String), [
      `Error: A rule of the channel "${NAME}" has not answered in 60000 ms`,
    ]);
    rule = () => true;
    await line.joined();
    rule = () => new Promise(() => {});
    server.node.connections().reauthorize();
    await server.clock.advance(60_000);
    assertEquals(refusals(line.takeOf(Kind.UNSUBSCRIBED)), [NOT_KNOWN]);
  });

  it("that answers in time leaves no timer", async () => {
    const left = [];
    for (const subscribe of [() => true, () => Promise.resolve(true)]) {
      const server = withRules({ subscribe });
      const line = await server.connect();
      assertEquals(told(await line.joined()), [{ status: 0, at: 0 }]);
      left.push(server.clock.pending);
    }
    assertEquals(left[1], left[0]);
  });

  it("is waited for without a bound where `callTimeout` is 0", async () => {
    const server = withRules({ subscribe: () => new Promise(() => {}) }, {}, { callTimeout: 0 });
    const line = await server.connect();
    line.subscribe(NAME);
    await server.clock.advance(900_000);
    assertEquals(line.takeOf(Kind.UNSUBSCRIBED), []);
  });

  it("that fails often closes no connection: its client comes again as it was told", async () => {
    const server = withRules({ subscribe: throwing(new CallError("UNAVAILABLE"))[0] });
    const line = await server.connect();
    for (let i = 0; i < 2_000; i++) line.subscribe(NAME);
    await server.settle();
    assertEquals([line.closed, line.takeOf(Kind.UNSUBSCRIBED).length], [undefined, 2_000]);
  });
});

describe("a rule for publishing, or for the history", () => {
  const acts: Record<string, (line: Line, channel?: string) => void> = {
    publish: (line, channel = NAME) => void line.publish(0, "x", { channel }),
    history: (line, channel = NAME) => void line.call("@history", { channel }),
  };
  for (const [what, act] of Object.entries(acts)) {
    it(`${what}: its failure is an error of the call, and no missing channel`, async () => {
      const cases: [unknown, unknown[], string[]][] = [
        [new Error("no database"), ["INTERNAL", 0], ["Error: no database"]],
        [new CallError("UNAVAILABLE", "no database"), ["UNAVAILABLE", RETRYABLE], []],
        [new CallError("FORBIDDEN"), ["FORBIDDEN", 0], []],
      ];
      for (const [error, refusal, reported] of cases) {
        for (const rule of throwing(error)) {
          const server = withRules({ [what]: rule });
          const line = await server.connect();
          assertEquals((await called(server, line, () => act(line))).slice(0, 2), refusal);
          assertEquals(server.errors.map(String), reported);
        }
      }
    });

    it(`${what}: who may not is told of a channel, as where there is none`, async () => {
      const server = withRules({ [what]: false });
      const line = await server.connect();
      const refusal = ["NOT_FOUND", 0, NO_CHANNEL];
      assertEquals(await called(server, line, () => act(line)), refusal);
      assertEquals(await called(server, line, () => act(line, "nowhere/7")), refusal);
    });
  }
});

describe("a rule for signals that fails", () => {
  it("loses them, and is reported", async () => {
    for (const signal of throwing(new Error("no database"))) {
      const server = withRules({ signal });
      const [ada, bob] = [await server.connect(), await server.connect()];
      await bob.joined();
      ada.send([Kind.SIGNAL, NAME, encode("x")]);
      await server.settle();
      assertEquals([bob.take(), server.errors.map(String)], [[], ["Error: no database"]]);
    }
  });
});

describe("a database that is away for a moment", () => {
  it("costs a subscription and a publication nothing but time", async () => {
    for (const error of [new Error("no database"), new CallError("UNAVAILABLE", "no database")]) {
      const state = { isAway: false };
      const check = () => {
        if (state.isAway) throw error;
        return true;
      };
      const news = channel({ message: anything, allow: { subscribe: check, publish: true } });
      const app = millrace({ procedures: {}, channels: { news }, onError: () => {} });
      await using world = simulate(app, { seed: 1 });
      const client = world.connect();
      const [got, refused]: [unknown[], unknown[]] = [[], []];
      const sub = client.channel("news").subscribe(
        { onError: (told) => void refused.push((told as CallError).code) },
        (event) => void got.push(event.type === "message" ? event.data : event.type),
      );
      await world.wait(sub.ready());
      await world.wait(client.channel("news").publish("a"));
      await world.run(1_000);
      state.isAway = true;
      world.cut(client);
      await world.run(5_000);
      await world.wait(client.channel("news").publish("b"));
      assertEquals([got, refused, sub.state], [["a"], ["UNAVAILABLE"], "subscribing"]);
      state.isAway = false;
      await world.run(20_000);
      assertEquals([got, refused, sub.state], [["a", "b"], ["UNAVAILABLE"], "live"]);
    }
  });
});
