// Publishing by clients: who may, what is stored, and that a retry lands once whatever happens in between.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBroker } from "../brokers/memory.ts";
import { channel } from "../mod.ts";
import { decode, encode } from "../msgpack/mod.ts";
import { CallError } from "../rpc/errors.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, type Line, told } from "./suites/channel_node.ts";
import { anything } from "./suites/pair.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";
import { payload } from "./suites/wire.ts";

const NAME = "board/7";
const PRODUCER = new Uint8Array(16).fill(9);

function withChannel(config: object = {}, options: object = {}): ChannelNode {
  const channels = { "board/:id": channel({ message: anything, ...config } as never) };
  return new ChannelNode({ broker: new ScriptedBroker(), channels, ...options } as never);
}

/** What the answers say: a position, or a code and its flags. */
function answers(line: Line): unknown[] {
  return line.takeOf(Kind.RESULT, Kind.ERROR).map(([kind, , id, ...rest]) => {
    if (kind === Kind.ERROR) return [id, rest[0], rest[1]];
    const [epoch, offset, , durability] = rest[0] as unknown[];
    return [id, epoch, offset, durability];
  });
}

/** The messages that a stream holds. */
function stored({ broker }: ChannelNode): unknown[] {
  return broker.stream(NAME).entries.map(({ data }) => data.length === 0 ? undefined : decode(data));
}

describe("@publish", () => {
  it("answers with the position, and what was reached", async () => {
    const server = withChannel();
    const line = await server.connect({ producer: PRODUCER });
    line.publish(1, { x: 1 });
    line.publish(2, undefined);
    await server.settle();
    assertEquals(answers(line), [[1, "epoch-0000000001", 1, "memory"], [2, "epoch-0000000001", 2, "memory"]]);
    assertEquals(stored(server), [{ x: 1 }, undefined]);
  });

  it("holds up none behind it when nobody will ever know what became of it", async () => {
    const broker = new MemoryBroker();
    const server = new ChannelNode({ broker });
    const first = await server.connect({ producer: PRODUCER });
    first.publish(1, "lost");
    await server.settle();
    broker.forget(NAME);
    first.publish(2, "after");
    await server.settle();
    // The answers were lost with the connection: all is sent again.
    const second = await server.connect({ producer: PRODUCER });
    for (const n of [1, 2, 3]) second.publish(n, n, { low: 1 });
    await server.settle();
    assertEquals(answers(second).map((answer) => (answer as unknown[]).slice(0, 2)), [
      [1, "UNAVAILABLE"],
      [2, broker.read(NAME, { after: 0, messages: 1, bytes: 1 }).epoch],
      [3, broker.read(NAME, { after: 0, messages: 1, bytes: 1 }).epoch],
    ]);
    broker.close();
  });

  it("reaches whoever is subscribed, the publisher too, before or with the answer", async () => {
    const server = withChannel();
    const line = await server.connect({ producer: PRODUCER });
    await line.joined();
    line.publish(1, "hello");
    await server.settle();
    assertEquals(told(line.takeOf(Kind.PUBLICATION)), ["hello"]);
  });

  it("needs no promise where nobody is asynchronous: all of a frame is stored when it was read", async () => {
    const server = withChannel({ allow: { publish: () => true }, publish: (message: unknown) => message });
    const line = await server.connect({ producer: PRODUCER });
    for (let n = 1; n <= 5; n++) line.publish(n, n);
    assertEquals(stored(server), [1, 2, 3, 4, 5]);
    await server.settle();
  });

  it("stores the bytes that arrived, in a copy of their own", async () => {
    const server = withChannel();
    const line = await server.connect({ producer: PRODUCER });
    const odd = new Uint8Array([0xd9, 1, 0x61]); // "a" in a longer form than ours
    line.call("@publish", [NAME, 1, odd]);
    await server.settle();
    const [entry] = server.broker.stream(NAME).entries;
    assertEquals([...entry!.data], [0xd9, 1, 0x61]);
    assertEquals([entry!.room, entry!.data.buffer.byteLength], [32, 35]);
  });

  it("stores what the schema and the hook make of it", async () => {
    const schema = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value: unknown) => ({ value: [value, "valid"] }),
      },
    };
    const seen: unknown[] = [];
    const server = withChannel({
      message: schema,
      publish: (message: unknown, { channel, user }: Record<string, unknown>) => {
        seen.push(message, channel, user);
        return { message, by: user };
      },
    }, { authenticate: () => ({ user: "ada" }) });
    const line = await server.connect({ producer: PRODUCER });
    line.publish(1, "x");
    await server.settle();
    assertEquals(seen, [["x", "valid"], NAME, "ada"]);
    assertEquals(stored(server), [{ message: ["x", "valid"], by: "ada" }]);
  });

  it("is answered with what prevents it", async () => {
    const refusing = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value: unknown) => value === "bad" ? { issues: [{ message: "bad" }] } : { value },
      },
    };
    const server = withChannel({
      message: refusing,
      publish: (message: unknown) => {
        if (message === "rude") throw new CallError("FORBIDDEN", "be kind");
        if (message === "broken") throw new Error("a bug");
        return message;
      },
    });
    const line = await server.connect({ producer: PRODUCER });
    const call = (channel: unknown, n: unknown, data: unknown, options: unknown = null) =>
      line.call("@publish", [channel, n, data, options]);
    call(NAME, 1, encode("bad"));
    call(NAME, 2, encode("rude"));
    call(NAME, 3, encode("broken"));
    call(NAME, 4, new Uint8Array([0xc1]));
    call("nowhere", 1, encode("x"));
    call(NAME, "1", encode("x"));
    call(NAME, 5, "no bytes");
    call(NAME, 5, encode("x"), { low: 6 });
    line.call("@publish", "nothing");
    call(NAME, 5, encode("fine"));
    await server.settle();
    assertEquals(answers(line).map((answer) => (answer as unknown[])[1]), [
      "BAD_INPUT",
      "FORBIDDEN",
      "INTERNAL",
      "BAD_MESSAGE",
      "NOT_FOUND",
      "BAD_INPUT",
      "BAD_INPUT",
      "BAD_INPUT",
      "BAD_INPUT",
      "epoch-0000000001",
    ]);
    assertEquals(server.errors.map(String), ["Error: a bug"]);
    assertEquals(stored(server), ["fine"], "what was refused leaves no gap");
  });

  it("is refused where it is not allowed, as if there were no such channel", async () => {
    const server = withChannel({ allow: { publish: ({ user }: { user: string }) => user === "ada" } }, {
      authenticate: ({ token }: { token?: string }) => ({ user: token }),
    });
    const [ada, bob] = [await server.connect({ token: "ada" }), await server.connect({ token: "bob" })];
    for (const line of [ada, bob]) line.publish(1, "x");
    bob.publish(1, "x", { channel: "nowhere/7" });
    await server.settle();
    const [[, code, flags], [, missing, same]] = answers(bob) as unknown[][] as [unknown[], unknown[]];
    assertEquals([code, flags], [missing, same]);
    assertEquals(code, "NOT_FOUND");
    assertEquals(answers(ada).length, 1);
  });

  it("is too large when no frame could hold it", async () => {
    const server = withChannel({}, { limits: { message: 8_192 } });
    const line = await server.connect({ producer: PRODUCER });
    line.publish(1, new Uint8Array(7_500));
    await server.settle();
    assertEquals(answers(line), [[1, "TOO_LARGE", 0]]);
    assertEquals(stored(server), []);
  });

  it("is unavailable, retryable and ambiguous, while the broker is away", async () => {
    const server = withChannel();
    const line = await server.connect({ producer: PRODUCER });
    server.broker.isAway = true;
    line.publish(1, "x");
    await server.settle();
    assertEquals(answers(line), [[1, "UNAVAILABLE", 3]]);
    server.broker.isAway = false;
    line.publish(1, "x");
    await server.settle();
    assertEquals(answers(line), [[2, "epoch-0000000001", 1, "memory"]]);
  });
});

describe("a publication that is sent again", () => {
  it("lands once, and is answered with the first position", async () => {
    const server = withChannel();
    const line = await server.connect({ producer: PRODUCER });
    line.publish(1, "x");
    line.publish(1, "x");
    await server.settle();
    const [first, second] = answers(line) as unknown[][];
    assertEquals(first!.slice(1), second!.slice(1));
    assertEquals(stored(server), ["x"]);
  });

  it("by another connection of the same client lands once, though the session is another one", async () => {
    const server = withChannel();
    const before = await server.connect({ producer: PRODUCER });
    before.publish(1, "x");
    before.end(); // the answer is lost
    const line = await server.connect({ producer: PRODUCER });
    line.publish(1, "x", { low: 1 });
    line.publish(2, "y", { low: 1 });
    await server.settle();
    assertEquals(stored(server), ["x", "y"]);
    assertEquals(answers(line).length, 2);
  });

  it("by somebody else is another one, whatever bytes he guesses", async () => {
    const server = withChannel({}, { authenticate: ({ token }: { token?: string }) => ({ subject: token }) });
    for (const token of ["ada", "bob"]) {
      (await server.connect({ producer: PRODUCER, token })).publish(1, token);
    }
    await server.settle();
    assertEquals(stored(server), ["ada", "bob"]);
  });

  it("after the broker has forgotten its client is refused if it may have landed: ambiguous, and nobody behind it waits", async () => {
    const broker = new MemoryBroker({ producers: 10 });
    const limits = { session: 100_000 };
    const server = new ChannelNode({ broker, limits });
    broker.subscribe(NAME, { entry: () => {}, signal: () => {}, uncertain: () => {} });
    const clients = () => crypto.getRandomValues(new Uint8Array(16));
    const first = await server.connect({ producer: PRODUCER });
    first.publish(1, "x");
    await server.settle();
    for (let i = 0; i < 10; i++) (await server.connect({ producer: clients() })).publish(1, "other");
    await server.settle();
    const line = await server.connect({ producer: PRODUCER });
    const publish = (n: number, options: object) => line.call("@publish", [NAME, n, encode("x"), options]);
    publish(1, { low: 1, age: 5_000 });
    publish(2, { low: 1 });
    publish(2, { low: 2, age: 5_000 });
    await server.settle();
    assertEquals(answers(line).map((answer) => (answer as unknown[]).slice(0, 3)), [
      [1, "UNAVAILABLE", 2],
      [2, broker.read(NAME, { messages: 0, bytes: 1 }).epoch, 12],
      [3, broker.read(NAME, { messages: 0, bytes: 1 }).epoch, 12],
    ]);
    publish(0, { key: "k", age: 5_000 });
    publish(3, { low: 3, age: -1 });
    await server.settle();
    assertEquals(answers(line).map((answer) => (answer as unknown[])[1]), ["UNAVAILABLE", "BAD_INPUT"]);
    broker.close();
  });

  it("is thought to have been on its way for as long as sessions wait, and a minute", async () => {
    const ages: unknown[] = [];
    const broker = new ScriptedBroker();
    const append = broker.append.bind(broker);
    broker.append = (name, given) => {
      ages.push(given.producer?.age);
      return append(name, given);
    };
    const server = new ChannelNode({ broker, limits: { session: 100_000 } });
    const line = await server.connect({ producer: PRODUCER });
    for (
      const [n, options] of [[1, null], [2, 1], [3, { low: 1 }], [4, { age: 0 }], [0, { key: "k", age: 1 }]]
    ) {
      line.call("@publish", [NAME, n, encode("x"), options]);
    }
    await server.settle();
    assertEquals(ages, [undefined, undefined, undefined, 160_000, 160_001]);
  });

  it("with a key lands once, whatever its number, for each subject", async () => {
    const server = withChannel({}, { authenticate: ({ token }: { token?: string }) => ({ subject: token }) });
    for (const token of ["ada", "bob", "ada"]) {
      const line = await server.connect({ producer: crypto.getRandomValues(new Uint8Array(16)), token });
      line.call("@publish", [NAME, 0, encode(token), { key: "order-1" }]);
    }
    await server.settle();
    assertEquals(stored(server), ["ada", "bob"]);
  });

  it("may have a key of 255 bytes, whatever its characters are", async () => {
    const server = withChannel();
    const line = await server.connect({ producer: PRODUCER });
    for (const key of ["k".repeat(255), "ü".repeat(127), "界".repeat(85), "k".repeat(256), "界".repeat(86)]) {
      line.call("@publish", [NAME, 0, encode(key.length), { key }]);
    }
    await server.settle();
    assertEquals(stored(server), [255, 127, 85]);
    assertEquals(answers(line).slice(3), [[4, "BAD_INPUT", 0], [5, "BAD_INPUT", 0]]);
  });

  it("has no key of no characters: one that came out empty would take every other publication for the same", async () => {
    const server = withChannel();
    const line = await server.connect({ producer: PRODUCER });
    for (const text of ["a", "b"]) line.call("@publish", [NAME, 0, encode(text), { key: "" }]);
    await server.settle();
    assertEquals(stored(server), []);
    assertEquals(answers(line), [[1, "BAD_INPUT", 0], [2, "BAD_INPUT", 0]]);
  });

  it("without any identity lands twice", async () => {
    const server = withChannel();
    const line = await server.connect();
    line.publish(1, "x");
    line.publish(1, "x");
    await server.settle();
    assertEquals(stored(server), ["x", "x"]);
  });
});

describe("the order of one client's publications", () => {
  it("is that of their numbers, though a check of the first takes longer", async () => {
    const checks: (() => void)[] = [];
    const server = withChannel({
      publish: (message: unknown) =>
        message === "slow" ? new Promise((resolve) => checks.push(() => resolve(message))) : message,
    });
    const line = await server.connect({ producer: PRODUCER });
    line.publish(1, "slow", { low: 1 });
    line.publish(2, "fast", { low: 1 });
    line.publish(3, "faster", { low: 1 });
    await server.settle();
    assertEquals(stored(server), []);
    checks[0]!();
    await server.settle();
    assertEquals(stored(server), ["slow", "fast", "faster"]);
    assertEquals(answers(line).map((answer) => (answer as unknown[])[0]).sort(), [1, 2, 3]);
  });

  it("is that of their numbers, though the first arrives later: in fragments", async () => {
    const server = withChannel();
    const line = await server.connect({ producer: PRODUCER });
    const large = encode(new Uint8Array(100_000));
    const message = encode([Kind.CALL, 0, 1, "@publish", null, payload([NAME, 1, large, 1])]);
    const half = message.length >> 1;
    line.send([Kind.FRAGMENT, 1, 1, message.length - half, message.subarray(0, half)]);
    line.send([Kind.CALL, 2, 2, "@publish", null, payload([NAME, 2, encode("small"), 1])]);
    line.send([Kind.FRAGMENT, 3, 1, 0, message.subarray(half)]);
    await server.settle();
    assertEquals(stored(server).map((one) => (one as { length: number }).length), [100_000, 5]);
    assertEquals(answers(line).length, 2);
  });

  it("holds one channel up, and no other", async () => {
    const server = withChannel({ publish: () => new Promise(() => {}) }, {});
    const line = await server.connect({ producer: PRODUCER });
    line.publish(1, "x", { channel: "board/1" });
    line.publish(1, "y", { channel: "board/2" });
    await server.settle();
    assertEquals(answers(line), []);
  });

  it("what follows one that may not have landed is sent back, and comes again behind it", async () => {
    const server = withChannel();
    const line = await server.connect({ producer: PRODUCER });
    server.broker.isSlow = true;
    line.publish(1, "x", { low: 1 });
    line.publish(2, "y", { low: 1 });
    await server.settle();
    server.broker.isAway = true; // while those before are under way
    line.publish(3, "z", { low: 1 });
    server.broker.isAway = false;
    line.publish(4, "last", { low: 1 });
    await server.settle();
    assertEquals(answers(line).map((one) => (one as unknown[])[1]), ["UNAVAILABLE"], "the last waits");
    server.broker.isSlow = false;
    server.broker.answer();
    line.publish(3, "z", { low: 1 });
    await server.settle();
    assertEquals(stored(server), ["x", "y", "z", "last"]);
  });

  it("what follows one that a check refuses for now is sent back, too", async () => {
    let isBusy = true;
    const server = withChannel({
      publish: async (message: unknown) => {
        await Promise.resolve();
        if (isBusy && message === "x") throw new CallError("RESOURCE_EXHAUSTED", "not so fast");
        return message;
      },
    });
    const line = await server.connect({ producer: PRODUCER });
    for (const [n, message] of [[1, "x"], [2, "y"], [3, "z"]] as const) line.publish(n, message, { low: 1 });
    await server.settle();
    assertEquals(answers(line), [[1, "RESOURCE_EXHAUSTED", 1], [2, "OUT_OF_ORDER", 5], [
      3,
      "OUT_OF_ORDER",
      5,
    ]]);
    isBusy = false;
    for (const [n, message] of [[1, "x"], [2, "y"], [3, "z"]] as const) line.publish(n, message, { low: 1 });
    await server.settle();
    assertEquals(stored(server), ["x", "y", "z"]);
  });

  it("a gap that the client does not close is refused, and may be tried again", async () => {
    const server = withChannel();
    const line = await server.connect({ producer: PRODUCER });
    line.publish(1, "one");
    server.broker.isAway = true;
    line.publish(2, "two", { low: 2 });
    line.publish(3, "three", { low: 2 });
    server.broker.isAway = false;
    await server.settle();
    const [one, two, ...three] = answers(line) as unknown[][];
    assertEquals([one!.length, two!.slice(1)], [4, ["UNAVAILABLE", 3]]);
    assertEquals(three, [], "it waits for the one before");
    line.publish(2, "two", { low: 2 });
    await server.settle();
    assertEquals(stored(server), ["one", "two", "three"]);
  });

  it("one that is given up is passed over", async () => {
    const server = withChannel();
    const line = await server.connect({ producer: PRODUCER });
    line.publish(1, "one");
    line.publish(3, "three", { low: 3 });
    await server.settle();
    assertEquals(stored(server), ["one", "three"]);
  });

  it("is bounded: half of the calls that run at once may wait, so that those before them can come", async () => {
    const server = withChannel({}, { limits: { concurrency: 8 } });
    const line = await server.connect({ producer: PRODUCER });
    for (let n = 2; n <= 4; n++) line.publish(n, n, { low: 1, channel: "board/7" });
    for (let n = 2; n <= 4; n++) line.publish(n, n, { low: 1, channel: "board/8" });
    await server.settle();
    assertEquals(answers(line), [[5, "OUT_OF_ORDER", 5], [6, "OUT_OF_ORDER", 5]]);
    line.publish(1, 1, { low: 1, channel: "board/7" });
    line.publish(1, 1, { low: 1, channel: "board/8" });
    await server.settle();
    assertEquals(stored(server), [1, 2, 3, 4]);
    assertEquals(answers(line).length, 6);
  });
});

describe("the names of the library's procedures", () => {
  it("come after those of the app, and are not there without channels", async () => {
    const server = withChannel();
    const numbers = [...server.node.parts.procedures.values()].map(({ name, number }) => [name, number]);
    assertEquals(numbers, [["@publish", 1], ["@history", 2], ["@message", 3], ["@react", 4]]);
    const plain = new ChannelNode({ broker: new ScriptedBroker(), channels: {} } as never);
    assert(!plain.node.parts.procedures.has("@publish"));
    await server.settle();
  });
});
