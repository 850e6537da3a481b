// What one client can make the program do by subscribing, going, signalling and guessing: bounded, and no look at what it may not read.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { channel } from "../mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { SignalLine } from "../rpc/signal_line.ts";
import { ChannelNode, type Line, told } from "./suites/channel_node.ts";
import { anything } from "./suites/pair.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";
const EXHAUSTED = { ended: "RESOURCE_EXHAUSTED" };

/** A node with one channel of this kind. */
function withChannel(config: object, limits: object = {}): ChannelNode {
  const channels = {
    "board/:id": channel(
      { message: anything, signal: anything, history: { messages: 10 }, ...config } as never,
    ),
  };
  return new ChannelNode({ broker: new ScriptedBroker(), channels, limits } as never);
}

/** Something that runs until the test lets it end, and how often it runs. */
class Running {
  readonly #ends: ((answer: boolean) => void)[] = [];
  most = 0;

  get now(): number {
    return this.#ends.length;
  }

  start = (): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#ends.push(resolve);
    this.most = Math.max(this.most, this.now);
    return promise;
  };

  end(answer = true): void {
    for (const end of this.#ends.splice(0)) end(answer);
  }
}

/** SUBSCRIBE and UNSUBSCRIBE, so many times. */
function comeAndGo(line: Line, times: number): void {
  for (let i = 0; i < times; i++) line.send([Kind.UNSUBSCRIBE, line.subscribe(NAME)]);
}

describe("who subscribes and goes at once", () => {
  it("has no more rules running than channels, and subscribes again when they have ended", async () => {
    const rules = new Running();
    const server = withChannel({ allow: { subscribe: rules.start } }, { channels: 8 });
    const line = await server.connect();
    comeAndGo(line, 100);
    await server.settle();
    assertEquals(rules.most, 8);
    assertEquals(told(line.take()), Array.from({ length: 92 }, () => EXHAUSTED));
    rules.end();
    await server.settle();
    line.subscribe(NAME);
    await server.settle();
    rules.end();
    await server.settle();
    assertEquals(told(line.take()), [{ status: 0, at: 0 }]);
  });

  it("has no more rules running when they never end: they count for `callTimeout`", async () => {
    const rules = new Running();
    const server = withChannel({ allow: { subscribe: rules.start } }, { channels: 8, callTimeout: 1_000 });
    const line = await server.connect();
    comeAndGo(line, 100);
    await server.clock.advance(1_000);
    comeAndGo(line, 100);
    await server.settle();
    assertEquals(rules.now, 16);
    assertEquals(server.errors.length, 8);
  });

  it("has no more hooks running either, and one who leaves is told of after it has come", async () => {
    const [joins, leaves] = [new Running(), [] as string[]];
    const server = withChannel({
      onSubscribe: () => joins.start().then(() => void leaves.push("joined")),
      onUnsubscribe: () => void leaves.push("left"),
    }, { channels: 8 });
    const line = await server.connect();
    for (let i = 0; i < 50; i++) {
      const sub = line.subscribe(NAME);
      await server.settle();
      line.send([Kind.UNSUBSCRIBE, sub]);
    }
    await server.settle();
    assertEquals([joins.most, leaves], [8, []]);
    joins.end();
    await server.settle();
    assertEquals(leaves.length, 16);
    assertEquals(leaves.slice(0, 8), Array.from({ length: 8 }, () => "joined"));
  });

  it("has one rule of each subscription running, however often its token comes anew", async () => {
    const rules = new Running();
    let waits = false;
    const server = withChannel({ allow: { subscribe: () => waits ? rules.start() : true } });
    const line = await server.connect();
    await line.joined();
    waits = true;
    for (let i = 0; i < 50; i++) server.node.connections().reauthorize();
    await server.settle();
    assertEquals(rules.most, 1);
    rules.end(true);
    await server.settle();
    assertEquals([rules.now, line.take()], [1, []]); // asked once more: what it said may have been true before
    rules.end(false);
    await server.settle();
    assertEquals(told(line.take()), [{ ended: "NOT_FOUND" }]);
  });
});

describe("signals whose rule or schema takes time", () => {
  /** Values from 0 on, each answered when it is told to be. */
  async function signalled(kind: "rule" | "schema", count: number, answers: readonly number[]) {
    const pending: ((is: boolean) => void)[] = [];
    const wait = () => new Promise<boolean>((resolve) => pending.push(resolve));
    const schema = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value: unknown) => wait().then((is) => is ? { value } : { issues: [{ message: "no" }] }),
      },
    };
    const server = withChannel(
      kind === "rule" ? { allow: { subscribe: () => true, signal: wait } } : { signal: schema },
    );
    const [from, to] = [await server.connect(), await server.connect()];
    await to.joined();
    for (let i = 0; i < count; i++) from.send([Kind.SIGNAL, NAME, encode(i)]);
    for (const i of answers) {
      pending[i]!(i !== 2);
      await server.settle();
    }
    return { asked: pending.length, heard: to.takeOf(Kind.SIGNALLED).map((message) => message[2]) };
  }

  for (const kind of ["rule", "schema"] as const) {
    it(`come in the order in which they were sent: ${kind}`, async () => {
      assertEquals(await signalled(kind, 5, [4, 1, 3, 0, 2]), { asked: 5, heard: [0, 1, 3, 4] });
    });

    it(`are bounded in number: ${kind}`, async () => {
      assertEquals((await signalled(kind, 1_000, [])).asked, 64);
    });
  }

  it("come in order where only some take time", async () => {
    const rules = new Running();
    let calls = 0;
    const server = withChannel({
      allow: { subscribe: () => true, signal: () => calls++ % 2 === 0 ? rules.start() : true },
    });
    const [from, to] = [await server.connect(), await server.connect()];
    await to.joined();
    for (let i = 0; i < 6; i++) from.send([Kind.SIGNAL, NAME, encode(i)]);
    await server.settle();
    assertEquals(to.take(), []);
    rules.end();
    await server.settle();
    assertEquals(to.takeOf(Kind.SIGNALLED).map((message) => message[2]), [0, 1, 2, 3, 4, 5]);
  });

  it("are bounded in bytes, and one always may wait", () => {
    const line = new SignalLine();
    const never = new Promise<undefined>(() => {});
    assert(!line.isFull(1 << 30));
    line.add(1 << 30, never);
    assert(line.isFull(1));
    line.end();
    assert(line.isFull(0));
  });

  it("that never end are lost after `callTimeout`, and let those behind them go", async () => {
    const rules = new Running();
    let calls = 0;
    const allow = { subscribe: () => true, signal: () => calls++ === 0 ? rules.start() : true };
    const server = withChannel({ allow }, { callTimeout: 1_000 });
    const [from, to] = [await server.connect(), await server.connect()];
    await to.joined();
    for (let i = 0; i < 3; i++) from.send([Kind.SIGNAL, NAME, encode(i)]);
    await server.clock.advance(1_000);
    assertEquals(to.takeOf(Kind.SIGNALLED).map((message) => message[2]), [1, 2]);
  });
});

describe("who may subscribe and not read the history", () => {
  const epoch = "epoch-0000000001";
  const config = { allow: { subscribe: () => true, history: () => false } };

  it("gets none of it by a position that everybody can write", async () => {
    for (const history of [() => false, () => Promise.resolve(false)]) {
      const server = withChannel({ allow: { ...config.allow, history } });
      for (const text of ["a", "b", "c"]) await server.publish(text);
      const line = await server.connect();
      assertEquals(told(await line.joined(NAME, [epoch, 0, 0])), [{ status: 2, at: 3 }]);
      await server.publish("d");
      assertEquals(told(line.take()), ["d"]);
    }
  });

  it("misses nothing where nothing was published, and nothing behind what it had", async () => {
    const server = withChannel(config);
    const line = await server.connect();
    assertEquals(told(await line.joined()), [{ status: 0, at: 0 }]);
    const again = await server.connect();
    assertEquals(told(await again.joined(NAME, [epoch, 0, 0])), [{ status: 1, at: 0 }]);
    await server.publish("a");
    await server.publish("b");
    assertEquals(told(line.take()), ["a", "b"]);
    const known = server.broker.streams.get(NAME)!.entries[0]!.fingerprint;
    const third = await server.connect();
    assertEquals(told(await third.joined(NAME, [epoch, 1, known])), [{ status: 1, at: 1 }, "b"]);
  });

  it("is refused for now, and not reset, where the rule for the history fails", async () => {
    const failing = [() => {
      throw new Error("no database");
    }, () => Promise.reject(new Error("no database"))];
    for (const history of failing) {
      const server = withChannel({ allow: { subscribe: () => true, history } });
      await server.publish("a");
      const line = await server.connect();
      assertEquals(told(await line.joined(NAME, [epoch, 0, 0])), [{ ended: "UNAVAILABLE" }]);
      assertEquals(server.errors.map(String), ["Error: no database"]);
    }
  });

  it("may look back where the history is allowed", async () => {
    const server = withChannel({ allow: { subscribe: () => true, history: () => true } });
    await server.publish("a");
    const line = await server.connect();
    assertEquals(told(await line.joined(NAME, [epoch, 0, 0])), [{ status: 1, at: 0 }, "a"]);
  });

  for (const [channels, most] of [[128, 512], [300, 600]] as const) {
    it(`cannot guess for long where it was: ${most} times, where it may have ${channels} channels`, async () => {
      const server = withChannel(config, { channels });
      for (const text of ["a", "b", "c"]) await server.publish(text);
      const line = await server.connect();
      for (let guess = 1; guess <= most; guess++) {
        const sub = line.subscribe(NAME, [epoch, 1, guess]);
        await server.settle();
        line.send([Kind.UNSUBSCRIBE, sub]);
      }
      assertEquals(line.closed, undefined);
      line.subscribe(NAME, [epoch, 1, most + 1]);
      await server.settle();
      assertEquals(line.closed, 4531);
    });
  }
});
