// Filters on the server: what passes comes, the rest is skipped and told of, live, from the past and under flow control.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { channel } from "../mod.ts";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, type Line, told } from "./suites/channel_node.ts";
import { anything } from "./suites/pair.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";
const [FRESH, RECOVERED] = [0, 1];
const RED = { filter: { team: "red" } };

function start(options: object = {}): ChannelNode {
  return new ChannelNode({ broker: new ScriptedBroker(), ...options });
}

/** Publishes messages of these teams, in one turn. `R` and `b`: red ones pass. */
async function add(server: ChannelNode, teams: string, size = 0): Promise<void> {
  for (const team of teams) {
    const n = (server.broker.streams.get(NAME)?.top.offset ?? 0) + 1;
    const fill = size === 0 ? {} : { fill: new Uint8Array(size) };
    server.broker.add(NAME, encode({ n, team: team === "R" ? "red" : "blue", ...fill }));
  }
  await server.settle();
}

/** What came, in short: the offset of a publication, `>n` of a SKIP. */
function brief(messages: unknown[][]): unknown[] {
  return messages.map((message) => {
    if (message[0] === Kind.PUBLICATION) return message[2];
    if (message[0] === Kind.SKIP) return `>${message[2]}`;
    return told([message])[0];
  });
}

function took(line: Line): unknown[] {
  return brief(line.take());
}

describe("a subscription with a filter", () => {
  it("gets what passes, and is told of the rest before the next that does", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined(NAME, null, RED);
    await add(server, "RRbbRbR");
    assertEquals(took(line), [1, 2, ">4", 5, ">6", 7]);
  });

  it("is told at once when something is skipped after a while, and then once a second", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined(NAME, null, RED);
    await add(server, "b");
    assertEquals(took(line), [">1"]);
    await add(server, "b");
    await add(server, "bb");
    assertEquals(took(line), []);
    await server.clock.advance(1_000);
    assertEquals(took(line), [">4"]);
    await add(server, "b");
    await add(server, "R");
    assertEquals(took(line), [">5", 6]);
    await server.clock.advance(5_000);
    assertEquals(took(line), []);
  });

  it("is told after 64 of them, however close they come together", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined(NAME, null, RED);
    await add(server, "b");
    for (let i = 0; i < 150; i++) await add(server, "b");
    assertEquals(took(line), [">1", ">64", ">128"]);
  });

  it("shares one encoding with all who have the same, and all others get everything", async () => {
    const server = start();
    const lines = [await server.connect(), await server.connect(), await server.connect()];
    await lines[0]!.joined(NAME, null, RED);
    await lines[1]!.joined(NAME, null, { filter: ["eq", ["team"], "red"] });
    await lines[2]!.joined();
    await add(server, "bRbR");
    await add(server, "RR");
    const frames = lines.map(({ pipe }) => pipe.frames.slice(2).map((frame) => [...frame]));
    assertEquals(frames[1], frames[0]);
    assertEquals(frames[2]!.at(-1), frames[0]!.at(-1), "where all pass it is the same frame");
    assertEquals(took(lines[0]!), [">1", 2, ">3", 4, 5, 6]);
    assertEquals(took(lines[2]!), [1, 2, 3, 4, 5, 6]);
  });

  it("that comes while others were told of less begins where they are told to be", async () => {
    const server = start();
    const [early, late] = [await server.connect(), await server.connect()];
    await early.joined(NAME, null, RED);
    await add(server, "bb");
    await add(server, "b");
    assertEquals(took(early), [">2"]);
    assertEquals(brief(await late.joined(NAME, null, RED)), [{ status: FRESH, at: 3 }]);
    assertEquals(took(early), [">3"]);
    await add(server, "bR");
    assertEquals([took(early), took(late)], [[">4", 5], [">4", 5]]);
  });

  it("gets signals as everybody does", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined(NAME, null, RED);
    const { channel } = server.node.channelTools;
    await (channel as (pattern: string, params: object) => ReturnType<typeof channel>)("board/:id", {
      id: "7",
    })
      .signal("hi" as never);
    await server.settle();
    assertEquals(line.take().map(([kind]) => kind), [Kind.SIGNALLED]);
  });

  it("leaves nothing behind: no timer, and nobody who is asked", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined(NAME, null, RED);
    await add(server, "bb");
    await add(server, "b");
    assertEquals(took(line), [">2"]);
    const timers = server.clock.pending;
    line.send([Kind.UNSUBSCRIBE, 1]);
    await server.settle();
    assertEquals(server.clock.pending, timers - 1);
    await add(server, "bR");
    await server.clock.advance(1_000);
    assertEquals(took(line), []);
    assertEquals(brief(await line.joined(NAME, null, RED)), [{ status: FRESH, at: 5 }]);
    await add(server, "R");
    assertEquals(took(line), [6]);
  });
});

describe("the past under a filter", () => {
  it("of a position is what passes, up to the top", async () => {
    const server = start();
    await add(server, "bbRbbRb");
    const line = await server.connect();
    const { epoch } = server.broker.stream(NAME);
    const joined = brief(await line.joined(NAME, [epoch, 0, 0], RED));
    assertEquals(joined, [{ status: RECOVERED, at: 0 }, ">2", 3, ">5", 6, ">7"]);
    await add(server, "R");
    assertEquals(took(line), [8]);
  });

  it("of a rewind counts what was published, and gives what passes", async () => {
    const server = start();
    await add(server, "RbRbbR");
    const line = await server.connect();
    assertEquals(brief(await line.joined(NAME, null, { rewind: 4, ...RED })), [
      { status: FRESH, at: 2 },
      3,
      ">5",
      6,
    ]);
  });

  it("goes on over what a live subscriber was told of, though that is long gone", async () => {
    const server = start();
    server.broker.keeps = 5;
    const line = await server.connect();
    await line.joined(NAME, null, RED);
    await add(server, "R");
    for (let i = 0; i < 400; i++) await add(server, "b");
    await server.clock.advance(1_000);
    const [, , offset, fingerprint] = line.takeOf(Kind.SKIP).at(-1)!;
    assertEquals(offset, 401);
    line.end();
    const again = await server.connect();
    const { epoch } = server.broker.stream(NAME);
    const joined = await again.joined(NAME, [epoch, offset, fingerprint], RED);
    assertEquals(brief(joined), [{ status: RECOVERED, at: 401 }]);
  });
});

describe("flow control of a filter", () => {
  it("counts what is skipped without its bytes", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined(NAME, null, RED);
    for (let i = 0; i < 60; i++) await add(server, "b", 64 * 1024);
    await add(server, "R");
    assertEquals(took(line).at(-1), 61, "3.75 MiB were skipped, and nothing was seen");
  });

  it("stops after 1,000 that were skipped and not seen, and goes on from the history", async () => {
    const server = start();
    const line = await server.connect();
    const [[, , alias]] = await line.joined(NAME, null, RED) as [[number, number, number]];
    for (let i = 0; i < 1_400; i++) await add(server, "b");
    await add(server, "R");
    const last = line.takeOf(Kind.SKIP, Kind.PUBLICATION).at(-1)! as number[];
    assertEquals(last[0], Kind.SKIP);
    assert(last[2]! > 850 && last[2]! <= 1_000, `${last[2]} were skipped`);
    line.send([Kind.SEEN, alias, last[2]!]);
    await server.settle();
    assertEquals(took(line).at(-1), 1_401);
    await add(server, "bR");
    assertEquals(took(line), [">1402", 1_403]);
  });

  it("counts what passes: 1 MiB", async () => {
    const server = start();
    const line = await server.connect();
    const [[, , alias]] = await line.joined(NAME, null, RED) as [[number, number, number]];
    for (let i = 0; i < 30; i++) await add(server, "bR", 60 * 1024);
    const sent = line.takeOf(Kind.PUBLICATION).map(([, , offset]) => offset as number);
    assert(sent.length >= 15 && sent.length <= 17, `${sent.length} were sent`);
    line.send([Kind.SEEN, alias, sent.at(-1)!]);
    await server.settle();
    assertEquals(line.takeOf(Kind.PUBLICATION)[0]![2], sent.at(-1)! + 2);
  });

  it("leaves who takes nothing behind, alone, and it misses nothing", async () => {
    const server = start();
    const [slow, quick] = [await server.connect(), await server.connect()];
    await slow.joined(NAME, null, RED);
    await quick.joined(NAME, null, RED);
    slow.pipe.stall();
    for (let i = 0; i < 12; i++) await add(server, "bRb", 40 * 1024);
    assertEquals(took(quick).filter((one) => typeof one === "number").length, 12);
    slow.pipe.resume();
    await server.settle();
    const got = took(slow);
    assertEquals(
      got.filter((one) => typeof one === "number"),
      Array.from({ length: 12 }, (_, i) => 3 * i + 2),
    );
    assertEquals(got[0], ">1");
  });

  it("keeps to what a client accepts: one message a frame, small ones", async () => {
    const server = start();
    const line = await server.connect({ limits: { messages: 1, message: 2_000 } });
    await line.joined(NAME, null, RED);
    await add(server, "bbRbRR");
    assertEquals(took(line), [">2", 3, ">4", 5, 6]);
    await add(server, "bR", 3_000);
    await add(server, "b");
    await add(server, "R");
    const got = line.take();
    assertEquals(got.map(([kind, , to]) => [kind, to]), [
      [Kind.SKIP, 7],
      [Kind.GAP, 8],
      [Kind.SKIP, 9],
      [Kind.PUBLICATION, 10],
    ]);
  });
});

describe("a stream that is another one", () => {
  it("is told of, and the filter holds on", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined(NAME, null, RED);
    await add(server, "bb");
    server.broker.streams.delete(NAME);
    for (const listener of server.broker.listeners.get(NAME)!) listener.uncertain();
    await server.settle();
    await add(server, "bRb");
    const got = line.take();
    assertEquals(got.map(([kind]) => kind), [Kind.SKIP, Kind.SUBSCRIBED, Kind.SKIP, Kind.PUBLICATION]);
    await server.clock.advance(1_000);
    assertEquals(took(line), [">3"]);
  });
});

describe("a filter that is refused", () => {
  const closed = channel({ message: anything, filter: false });

  it("is none, or has too many parts: with the reason, and the connection stays", async () => {
    const server = start({ limits: { filter: 3 } });
    const line = await server.connect();
    for (const filter of [7, ["like", ["a"], 1], { a: { in: [1, 2, 3] } }]) {
      const [message] = await line.joined(NAME, null, { filter });
      assertEquals(message!.slice(0, 1).concat(message!.slice(2, 4)), [Kind.UNSUBSCRIBED, "BAD_INPUT", 0]);
    }
    assertEquals(line.closed, undefined);
    assertEquals(brief(await line.joined(NAME, null, RED)), [{ status: FRESH, at: 0 }]);
  });

  it("is for a channel that has none", async () => {
    const server = start({ channels: { "board/:id": closed } });
    const line = await server.connect();
    assertEquals(brief(await line.joined(NAME, null, RED)), [{ ended: "BAD_INPUT" }]);
    assertEquals(brief(await line.joined(NAME, null, { filter: null })), [{ status: FRESH, at: 0 }]);
  });

  for (const kind of [{ changes: true }, { reactions: { like: "total" } }] as const) {
    it(`is for a channel with ${Object.keys(kind)}, as a policy is, which still gives everything`, async () => {
      const server = start({ channels: { "board/:id": channel({ message: anything, ...kind }) } });
      const line = await server.connect();
      for (const options of [RED, { policy: "drop oldest" }, { policy: { latest: true }, changes: true }]) {
        assertEquals(brief(await line.joined(NAME, null, options)), [{ ended: "BAD_INPUT" }]);
      }
      line.call("@history", { channel: NAME, changes: true, ...RED });
      await server.settle();
      const [refused] = line.take();
      assertEquals([refused![0], refused![3]], [Kind.ERROR, "BAD_INPUT"]);
      const all = { policy: "all", filter: null, changes: true };
      assertEquals(brief(await line.joined(NAME, null, all)), [{ status: FRESH, at: 0 }]);
    });
  }
});

describe("a page of history under a filter", () => {
  async function page(line: Line, server: ChannelNode, query: object): Promise<Record<string, unknown>> {
    line.call("@history", { channel: NAME, ...query });
    await server.settle();
    return line.take().at(-1)!.at(-1) as Record<string, unknown>;
  }
  const offsets = ({ entries }: Record<string, unknown>) => (entries as number[][]).map(([offset]) => offset);

  it("has as many as are wanted of those that pass, and says how far was looked", async () => {
    const server = start();
    await add(server, "bRbRbbRbb");
    const line = await server.connect();
    const up = await page(line, server, { after: 0, limit: 2, ...RED });
    assertEquals([offsets(up), (up["through"] as number[])[0], up["more"]], [[2, 4], 4, true]);
    const rest = await page(line, server, { after: 4, limit: 2, ...RED });
    assertEquals([offsets(rest), (rest["through"] as number[])[0], rest["more"]], [[7], 9, false]);
    const down = await page(line, server, { limit: 2, ...RED });
    assertEquals([offsets(down), (down["through"] as number[])[0], down["more"]], [[7, 4], 4, true]);
    const plain = await page(line, server, { limit: 2 });
    assertEquals([offsets(plain), plain["through"]], [[9, 8], undefined]);
  });

  it("goes on where nothing passes: it looks through 1,000, and says how far", async () => {
    const server = start();
    await add(server, `R${"b".repeat(1_499)}R`);
    const line = await server.connect();
    const first = await page(line, server, { after: 1, ...RED });
    assertEquals([offsets(first), (first["through"] as number[])[0], first["more"]], [[], 1_001, true]);
    const second = await page(line, server, { after: 1_001, ...RED });
    assertEquals([offsets(second), second["more"]], [[1_501], false]);
  });

  it("is refused as a subscription is", async () => {
    const server = start();
    const line = await server.connect();
    line.call("@history", { channel: NAME, filter: 7 });
    await server.settle();
    assertEquals(line.take().at(-1)!.slice(0, 1).concat(line.take()), [Kind.ERROR]);
  });
});
