// A subscriber with a policy that comes back: little of what it has missed is given whole, more goes through its policy.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, type Line } from "./suites/channel_node.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";
const LATEST = { policy: { latest: true } };
const BY_KEY = { policy: { latest: ["key"] } };

function start(keys: string): ChannelNode {
  const server = new ChannelNode({ broker: new ScriptedBroker() });
  for (const key of keys) server.broker.add(NAME, encode({ key }));
  return server;
}

/** In short: the offset of a publication, `>n` of a SKIP, `from-to` of a GAP with the first letter of its reason. */
function took(line: Line): unknown[] {
  return line.takeOf(Kind.PUBLICATION, Kind.SKIP, Kind.GAP).map(([kind, , from, to, , reason]) =>
    kind === Kind.PUBLICATION ? from : kind === Kind.SKIP ? `>${from}` : `${from}-${to}${String(reason)[0]}`
  );
}

/** Subscribes from the beginning by a position, and acknowledges whatever comes. */
async function caughtUp(server: ChannelNode, options: object, position?: null): Promise<unknown[]> {
  const line = await server.connect();
  line.subscribe(NAME, position === null ? null : [server.broker.stream(NAME).epoch, 0, 0], options);
  await server.settle();
  const all: unknown[] = [];
  for (let got = took(line); got.length > 0; got = took(line)) {
    all.push(...got);
    const { alias } = server.node.parts.channels!.hub.topic(NAME);
    line.send([Kind.SEEN, alias, Number(String(got.at(-1)).replace(">", ""))]);
    await server.settle();
  }
  server.broker.add(NAME, encode({ key: "a" }));
  await server.settle();
  const { offset } = server.broker.stream(NAME).top;
  assertEquals(took(line), [offset], "it is live");
  line.end();
  return all;
}

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

describe("a subscriber with a policy behind a position", () => {
  it("is given everything where that is no more than is sent ahead", async () => {
    for (const options of [LATEST, BY_KEY, { policy: { sample: 1 } }, { policy: "drop oldest" }]) {
      assertEquals(await caughtUp(start("a".repeat(64)), options), upTo(64), JSON.stringify(options));
    }
    assertEquals(await caughtUp(start("a".repeat(65)), LATEST), ["1-64c", 65]);
  });

  it("is given the newest of each page, and exact gaps", async () => {
    assertEquals(await caughtUp(start("a".repeat(2_500)), LATEST), [
      "1-999c",
      1_000,
      "1001-1999c",
      2_000,
      "2001-2499c",
      2_500,
    ]);
    const sampled = await caughtUp(start("a".repeat(100)), { policy: { sample: 1 } });
    assertEquals(sampled, ["1-99s", 100]);
    assertEquals(await caughtUp(start("a".repeat(100)), { policy: "drop oldest" }), [
      "1-36d",
      ...upTo(100).slice(36),
    ]);
  });

  it("is given the newest of each key", async () => {
    const keys = "a" + "b".repeat(70) + "cdbdb";
    assertEquals(await caughtUp(start(keys), BY_KEY), [1, "2-71c", 72, "73-74c", 75, 76]);
  });

  it("is told what its filter does not pass by skips, and that alone", async () => {
    const filter = { key: { in: ["a", "b"] } };
    const keys = "a" + "c".repeat(70) + "bcbcc";
    assertEquals(await caughtUp(start(keys), { ...BY_KEY, filter }), [1, "2-73c", 74, ">76"]);
    const rest = "c".repeat(70) + "a" + "c".repeat(70);
    assertEquals(await caughtUp(start(rest), { ...BY_KEY, filter }), [">70", 71, ">141"]);
  });

  it("is given all of a rewind, which it has asked for, and of what came since what its policy leaves", async () => {
    assertEquals(
      await caughtUp(start("a".repeat(300)), { ...LATEST, rewind: 200 }, null),
      upTo(300).slice(100),
    );
    const server = start("a".repeat(100));
    const line = await server.connect();
    await line.joined(NAME, null, { ...LATEST, rewind: 90 });
    for (let i = 0; i < 200; i++) server.broker.add(NAME, encode({ key: "a" }));
    await server.settle();
    const { alias } = server.node.parts.channels!.hub.topic(NAME);
    const told: unknown[][] = [];
    for (const seen of [74, 138]) {
      line.send([Kind.SEEN, alias, seen]);
      await server.settle();
      told.push(took(line));
    }
    assertEquals(
      told,
      [upTo(138).slice(74), ["139-299c", 300]],
      "what is sent ahead with the last of it is whole",
    );
    line.end();
  });

  it("that takes a tenth of what is published is after a cut no further behind than before", async () => {
    const server = start("");
    server.broker.keeps = 5_000;
    let line = await server.connect();
    line.subscribe(NAME, null, LATEST);
    let [top, alias] = [0, 0];
    let at: [string, number, number] = ["", 0, 0];
    let waiting: unknown[][] = [];
    const take = (message: unknown[]) => {
      const [kind, , second, third, fourth, fifth, sixth] = message;
      if (kind === Kind.SUBSCRIBED) {
        alias = second as number;
        at = [fourth, fifth, sixth] as typeof at;
      } else {
        at = [at[0], ...(kind === Kind.GAP ? [third, fourth] : [second, third]) as [number, number]];
      }
      line.send([Kind.SEEN, alias, at[1]]);
    };
    const run = async (steps: number) => {
      for (let step = 0; step < steps; step++) {
        for (let i = 0; i < 10; i++) {
          server.broker.add(NAME, encode({ n: ++top, fill: new Uint8Array(2_000) }));
        }
        await server.settle();
        waiting.push(...line.takeOf(Kind.SUBSCRIBED, Kind.PUBLICATION, Kind.GAP));
        const next = waiting.shift();
        if (next !== undefined) take(next);
      }
      await server.settle();
      return top - at[1];
    };
    const before = await run(150);
    line.end();
    waiting = [];
    line = await server.connect();
    line.subscribe(NAME, at, LATEST);
    const after = await run(150);
    assert(after < before + 100, `${after} behind after the cut, ${before} before`);
  });
});
