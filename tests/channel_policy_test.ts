// What a slow subscriber lets the server leave out: gaps with exact offsets, the newest in the end, and nothing left out for who is quick.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { readPolicy } from "../rpc/policy.ts";
import { ChannelNode, type Line, told } from "./suites/channel_node.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";
const LATEST = { policy: { latest: true } };
const BY_KEY = { policy: { latest: ["key"] } };
const SAMPLE = { policy: { sample: 10 } };
const OLDEST = { policy: "drop oldest" };

function start(): ChannelNode {
  return new ChannelNode({ broker: new ScriptedBroker() });
}

/** Publishes one message of each of these keys, all in one turn. */
async function add(server: ChannelNode, keys: string, size = 0): Promise<void> {
  for (const key of keys) {
    const fill = size === 0 ? {} : { fill: new Uint8Array(size) };
    server.broker.add(NAME, encode({ key, ...fill }));
  }
  await server.settle();
}

/** In short: the offset of a publication, `>n` of a SKIP, `from-to` of a GAP with the first letter of its reason. */
function took(line: Line): unknown[] {
  return line.take().map((message) => {
    const [kind, , second, third, , reason] = message;
    if (kind === Kind.PUBLICATION) return second;
    if (kind === Kind.SKIP) return `>${second}`;
    if (kind === Kind.GAP) return `${second}-${third}${String(reason)[0]}`;
    return told([message])[0];
  });
}

/** Joins, and fills the socket so that nothing more is taken, and what is sent meanwhile is left behind: offset 1 to 3 are on their way. */
async function stalled(server: ChannelNode, options: object): Promise<Line> {
  const line = await server.connect();
  await line.joined(NAME, null, options);
  line.pipe.stall();
  for (let i = 0; i < 5; i++) await add(server, "x", 50_000);
  return line;
}

/** What comes when it reads again, and acknowledges what it has read. */
async function resumed(server: ChannelNode, line: Line): Promise<unknown[]> {
  line.pipe.resume();
  await server.settle();
  const { alias } = server.node.parts.channels!.hub.topic(NAME);
  const all: unknown[] = [];
  for (let got = took(line); got.length > 0; got = took(line)) {
    all.push(...got);
    const last = got.findLast((one) => typeof one === "number");
    if (last !== undefined) line.send([Kind.SEEN, alias, last as number]);
    await server.settle();
  }
  return all;
}

describe("a subscriber with a policy that is quick", () => {
  it("gets everything", async () => {
    const server = start();
    for (const options of [LATEST, BY_KEY, OLDEST]) {
      const line = await server.connect();
      const from = server.broker.streams.get(NAME)?.top.offset ?? 0;
      const [[, , alias]] = await line.joined(NAME, null, options) as [[number, number, number]];
      for (let i = 0; i < 20; i++) {
        await add(server, "abacada");
        line.send([Kind.SEEN, alias, from + 7 * (i + 1)]);
      }
      assertEquals(took(line), Array.from({ length: 140 }, (_, i) => from + i + 1), JSON.stringify(options));
      line.end();
    }
  });

  it("gets everything behind a position", async () => {
    const server = start();
    await add(server, "aaaaa");
    const line = await server.connect();
    const { epoch } = server.broker.stream(NAME);
    await line.joined(NAME, [epoch, 0, 0], LATEST);
    await add(server, "a");
    assertEquals(took(line), [6]);
  });
});

describe("latest", () => {
  it("of everything leaves out all but the newest, and is live again", async () => {
    const server = start();
    const line = await stalled(server, LATEST);
    for (let i = 0; i < 30; i++) await add(server, "ab");
    assertEquals(await resumed(server, line), [1, 2, 3, "4-64c", 65]);
    await add(server, "ab");
    assertEquals(took(line), [66, 67]);
  });

  it("of each key gives the newest of each, in order, and the holes between", async () => {
    const server = start();
    const line = await stalled(server, BY_KEY);
    await add(server, "abcaabbd"); // 6 to 13
    assertEquals(await resumed(server, line), [1, 2, 3, "4-4c", 5, "6-7c", 8, "9-9c", 10, "11-11c", 12, 13]);
  });

  it("keeps to its filter: what it does not want is skipped, and is no gap", async () => {
    const server = start();
    const line = await stalled(server, { ...BY_KEY, filter: { key: { in: ["x", "a", "b"] } } });
    await add(server, "czbcaca"); // 6 to 12: b is the newest, a was left out once, the rest is not wanted
    assertEquals(await resumed(server, line), [1, 2, 3, "4-4c", 5, ">7", 8, "9-11c", 12]);
    await add(server, "c");
    await server.clock.advance(1_000);
    assertEquals(took(line), [">13"]);
  });

  it("gives the newest though nothing is published any more, when it has been seen or taken", async () => {
    const server = start();
    const line = await server.connect();
    const [[, , alias]] = await line.joined(NAME, null, LATEST) as [[number, number, number]];
    for (let i = 0; i < 600; i++) await add(server, "a");
    const first = took(line) as number[];
    assert(first.length < 200, `${first.length} were sent unseen`);
    line.send([Kind.SEEN, alias, first.at(-1)!]);
    await server.settle();
    assertEquals(took(line), [`${first.at(-1)! + 1}-599c`, 600]);
  });

  it("does not count what is left out as sent", async () => {
    const server = start();
    const line = await server.connect();
    const [[, , alias]] = await line.joined(NAME, null, LATEST) as [[number, number, number]];
    for (let i = 0; i < 3_000; i++) await add(server, "a");
    const first = took(line) as number[];
    line.send([Kind.SEEN, alias, first.at(-1)!]);
    await server.settle();
    assertEquals(took(line), [`${first.at(-1)! + 1}-2999c`, 3_000]);
    await add(server, "a");
    await add(server, "a");
    assertEquals(took(line), [3_001, 3_002], "live, though 2,800 offsets are not seen");
  });

  it("keeps 1,000 keys: those that changed longest ago are in the gap", async () => {
    const server = start();
    const line = await stalled(server, { policy: { latest: ["key"] } });
    for (let n = 0; n < 1_100; n++) server.broker.add(NAME, encode({ key: `k${n}` }));
    await server.settle();
    const got = await resumed(server, line);
    assertEquals(got.slice(3, 5), ["4-105c", 106]);
    assertEquals(got.length, 4 + 1_000);
  });
});

describe("drop oldest", () => {
  it("gives the latest 64", async () => {
    const server = start();
    const line = await stalled(server, OLDEST);
    for (let i = 0; i < 100; i++) await add(server, "a"); // 6 to 105
    const got = await resumed(server, line);
    assertEquals(got.slice(0, 6), [1, 2, 3, "4-41d", 42, 43]);
    assertEquals(got.at(-1), 105);
  });
});

describe("sample", () => {
  it("gives the first at once, and then the newest, so many times a second", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined(NAME, null, SAMPLE);
    await add(server, "a");
    assertEquals(took(line), [1]);
    for (let i = 0; i < 5; i++) await add(server, "ab");
    assertEquals(took(line), []);
    await server.clock.advance(100);
    assertEquals(took(line), ["2-10s", 11]);
    await server.clock.advance(1_000);
    assertEquals(took(line), []);
    await add(server, "a");
    assertEquals(took(line), [12]);
  });

  it("of each value of a field gives the newest of each", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined(NAME, null, { policy: { sample: 10, by: ["key"] } });
    await add(server, "a");
    await add(server, "bbaab");
    await server.clock.advance(100);
    assertEquals(took(line), [1, "2-4s", 5, 6]);
  });

  it("keeps to its filter, and tells of what is skipped behind the last", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined(NAME, null, { ...SAMPLE, filter: { key: "a" } });
    await add(server, "a");
    await add(server, "bab");
    await server.clock.advance(100);
    assertEquals(took(line), [1, ">2", 3, ">4"]);
    await add(server, "bb");
    await server.clock.advance(1_000);
    assertEquals(took(line), [">6"]);
  });

  it("that comes while something waits is given what comes behind its place, with the others", async () => {
    const server = start();
    const [early, late] = [await server.connect(), await server.connect()];
    await early.joined(NAME, null, SAMPLE);
    await add(server, "a");
    await add(server, "bb");
    await late.joined(NAME, null, SAMPLE);
    await add(server, "b");
    assertEquals(took(late), []);
    await server.clock.advance(100);
    assertEquals([took(early), took(late)], [[1, "2-3s", 4], [4]]);
    await add(server, "ab");
    await server.clock.advance(100);
    assertEquals([took(early), took(late)], [["5-5s", 6], ["5-5s", 6]]);
  });

  it("that is slow, too, is given the newest when it takes something", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined(NAME, null, SAMPLE);
    line.pipe.stall();
    for (let i = 0; i < 20; i++) {
      await add(server, "ab", 50_000);
      await server.clock.advance(100);
    }
    const got = await resumed(server, line);
    assertEquals(got.at(-1), 40);
    assertEquals(got.filter((one) => typeof one === "string" && !one.endsWith("s")), []);
    await server.clock.advance(1_000);
    await add(server, "a");
    assertEquals(took(line), [41]);
  });

  it("leaves no timer behind", async () => {
    const server = start();
    const line = await server.connect();
    const timers = server.clock.pending;
    await line.joined(NAME, null, SAMPLE);
    await add(server, "a");
    await add(server, "a");
    line.send([Kind.UNSUBSCRIBE, 1]);
    await server.settle();
    took(line);
    assert(server.clock.pending <= timers + 1, "the hub's own");
  });
});

describe("the values of a field", () => {
  const key = (...value: number[]) =>
    readPolicy({ latest: ["key"] })!.keyOf(Uint8Array.from([0x81, 0xa3, 0x6b, 0x65, 0x79, ...value]));

  it("are the same however they are encoded", () => {
    const one = [[0xcc, 1], [0xcd, 0, 1], [0xd0, 1], [0xca, 0x3f, 0x80, 0, 0], [
      0xcb,
      0x3f,
      0xf0,
      0,
      0,
      0,
      0,
      0,
      0,
    ]];
    for (const value of one) assertEquals(key(...value), key(1), `${value}`);
    assertEquals(key(0xd9, 1, 0x61), key(0xa1, 0x61));
    assertEquals(key(0x91, 0xcc, 1), key(0x91, 1));
    assertEquals(new Set([key(1), key(2), key(0xa1, 0x31), key(0xc3), key(0x91, 1), key(0xc0)]).size, 6);
  });
});

describe("a policy that is none", () => {
  const wrong: [unknown, string][] = [
    ["newest", "it is"],
    [7, "it is"],
    [{}, "latest, or sample"],
    [{ latest: true, sample: 1 }, "latest, or sample"],
    [{ latest: 3 }, "a path is"],
    [{ latest: true, by: ["a"] }, "names its field itself"],
    [{ sample: 0 }, "sample is a number"],
    [{ sample: 1e9 }, "sample is a number"],
    [{ sample: "1" }, "sample is a number"],
    [{ sample: 1, by: "a" }, "a path is"],
    [{ latest: true, more: 1 }, 'no "more"'],
  ];
  it("is refused with the reason, and the connection stays", async () => {
    const server = start();
    const line = await server.connect();
    for (const [policy, reason] of wrong) {
      const [[kind, , code, , payload]] = await line.joined(NAME, null, { policy }) as [unknown[]];
      assertEquals([kind, code], [Kind.UNSUBSCRIBED, "BAD_INPUT"], JSON.stringify(policy));
      assert(JSON.stringify(payload).includes(reason.replaceAll('"', '\\"')), JSON.stringify(payload));
    }
    assertEquals(line.closed, undefined);
  });

  it("is everything where it is not given, or said so", () => {
    assertEquals([readPolicy("all"), readPolicy(null), readPolicy(undefined)], [
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("a stream that is another one", () => {
  it("resets who is behind, and its policy holds on", async () => {
    const server = start();
    const line = await stalled(server, LATEST);
    await add(server, "aaa");
    server.broker.streams.delete(NAME);
    for (const listener of server.broker.listeners.get(NAME)!) listener.uncertain();
    await server.settle();
    await add(server, "ab");
    const got = await resumed(server, line);
    assertEquals([got.at(-3), ...got.slice(-2)], [{ status: 2, at: 0 }, 1, 2]);
  });
});
