// Wildcards of a server whose clients a test plays message by message: what a client may make it do.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { MemoryBroker } from "../brokers/memory.ts";
import { BrokerError } from "../rpc/broker.ts";
import type { DirectoryWatcher } from "../rpc/directory.ts";
import { Kind } from "../rpc/kinds.ts";
import { MatchState } from "../rpc/match_state.ts";
import type { Line } from "./suites/channel_node.ts";
import type { ManualClock } from "./suites/manual_clock.ts";
import { makeWildcardNode as makeNode, PATTERN } from "./suites/wildcard_node.ts";
import { payload } from "./suites/wire.ts";

const { THERE, GONE, ALL, SOME, FULL } = MatchState;

/** WILDCARD, and what was told by the end of the turn. */
async function wild(line: Line, clock: ManualClock, n = 1, match = "board/*"): Promise<unknown[][]> {
  line.send([Kind.WILDCARD, n, PATTERN, match]);
  await clock.settle();
  return matches(line);
}

/** What MATCHED and UNWILDCARD told: number, state or code, name. */
const matches = (line: Line): unknown[][] =>
  line.takeOf(Kind.MATCHED, Kind.UNWILDCARD).map(([, n, state, name]) =>
    typeof name === "string" && name ? [n, state, name] : [n, state]
  );

/** Has so many channels, of which nothing is kept. */
function fill(broker: MemoryBroker, count: number, name: string): void {
  const retention = { messages: 0, ms: 1, metaMs: 1 };
  const publication = { data: new Uint8Array(0), room: 0, fingerprint: 1, retention, pattern: PATTERN };
  for (let i = 0; i < count; i++) broker.append(`board/${name}${i}`, publication);
}

/** A wildcard that is begun and ended again and again, while the broker does not answer, asks it no more than 128 times; when it has answered one more is served. */
async function isBounded(asking: (wait: () => Promise<undefined>) => object): Promise<void> {
  const { clock, broker, node } = makeNode();
  const waiting: (() => void)[] = [];
  const wait = () => new Promise<undefined>((resolve) => waiting.push(() => resolve(undefined)));
  Object.assign(broker.directory, asking(wait));
  const line = await node.connect();
  for (let n = 1; n <= 1_000; n++) {
    line.send([Kind.WILDCARD, n, PATTERN, "board/*"]);
    line.send([Kind.UNWILDCARD, n, "CANCELLED", 0, payload({ message: "" })]);
    await clock.settleFor(1);
  }
  await clock.settle();
  assertEquals(waiting.length, 128);
  assertEquals(matches(line).at(-1), [1_000, "RESOURCE_EXHAUSTED"]);
  for (const answer of waiting.splice(0)) answer();
  await clock.settle();
  line.send([Kind.WILDCARD, 1_001, PATTERN, "board/*"]);
  await clock.settle();
  for (const answer of waiting) answer();
  await clock.settle();
  assertEquals(matches(line), [[1_001, ALL]]);
  line.end();
}

describe("the wildcards of a server", () => {
  it("tell of what is there, what comes and what goes", async () => {
    const { clock, node } = makeNode();
    await node.publish(1, "a");
    const line = await node.connect();
    assertEquals(await wild(line, clock), [[1, THERE, "board/a"], [1, ALL]]);
    await node.publish(1, "b");
    assertEquals(matches(line), [[1, THERE, "board/b"]]);
    await clock.advance(300_000);
    await node.publish(2, "b");
    await clock.advance(400_000);
    assertEquals(matches(line), [[1, GONE, "board/a"]]);
    line.end();
    assertEquals([node.node.parts.channels!.watches.size, node.errors], [0, []]);
  });

  it("tell each name once for each wildcard, and nothing of what may not be known", async () => {
    const { clock, node, asked } = makeNode({}, (channel) => channel !== "board/b");
    for (const id of ["a", "b"]) await node.publish(1, id);
    const line = await node.connect();
    assertEquals(await wild(line, clock), [[1, THERE, "board/a"], [1, ALL]]);
    assertEquals(await wild(line, clock, 2), [[2, THERE, "board/a"], [2, ALL]]);
    assertEquals(asked, ["board/a", "board/b", "board/a", "board/b"]);
    line.end();
  });

  it("ask again, later and later, about what cannot be said now", async () => {
    let fails = true;
    const { clock, node, asked } = makeNode({}, () => {
      if (fails) throw new Error("not now");
      return true;
    });
    await node.publish(1, "a");
    const line = await node.connect();
    assertEquals(await wild(line, clock), [[1, SOME]]);
    for (let i = 0; i < 60; i++) await clock.advance(1_000);
    assert(asked.length > 3 && asked.length < 25, `asked ${asked.length} times`);
    matches(line);
    fails = false;
    await clock.advance(21_000);
    assertEquals(matches(line), [[1, THERE, "board/a"], [1, ALL]]);
    line.end();
    assertEquals(clock.pending < 5, true);
  });

  it("of a pattern with 100,000 channels look at as many as may be told, and stop", async () => {
    const { clock, broker, node, asked } = makeNode({ channels: 100 });
    fill(broker, 100_000, "");
    const line = await node.connect();
    const told = await wild(line, clock);
    assertEquals([told.length, told.at(-1)], [101, [1, FULL]]);
    assertEquals(asked.length, 100);
    fill(broker, 10_000, "new ");
    await clock.settle();
    await clock.advance(30_000);
    assertEquals([matches(line), asked.length], [[], 100]);
    line.end();
  });

  it("hold no more of what comes fast than a page, and find the rest by listing again", async () => {
    let answer: (() => void)[] = [];
    const { clock, broker, node, asked } = makeNode(
      { channels: 2_000 },
      () => new Promise((resolve) => answer.push(() => resolve(true))),
    );
    const line = await node.connect();
    assertEquals(await wild(line, clock), [[1, ALL]]);
    fill(broker, 1_500, "");
    await clock.settle();
    assert(asked.length <= 4, `${asked.length} rules run at once`);
    const names = new Set<unknown>();
    for (let i = 0; i < 500 && names.size < 1_500; i++) {
      const now = answer;
      answer = [];
      for (const settle of now) settle();
      if (now.length === 0) await clock.advance(1_000);
      await clock.settle();
      for (const [, state, name] of matches(line)) if (state === THERE) names.add(name);
    }
    assertEquals(names.size, 1_500);
    line.end();
  });

  it("are refused beyond their limit, and where there is nothing of that kind", async () => {
    const { clock, node } = makeNode({ wildcards: 1 });
    const line = await node.connect();
    await wild(line, clock);
    assertEquals(await wild(line, clock, 2), [[2, "RESOURCE_EXHAUSTED"]]);
    line.send([Kind.UNWILDCARD, 1, "CANCELLED", 0, payload({ message: "" })]);
    for (const [i, match] of ["board", "board/a/b", "card/*", "board/%", "board/", "*/a", ""].entries()) {
      assertEquals(await wild(line, clock, 3 + i, match), [[3 + i, "NOT_FOUND"]], match);
    }
    assertEquals(await wild(line, clock, 10, "board/a"), [[10, ALL]]);
    assertEquals(line.closed, undefined);
    line.end();
  });

  it("end a connection whose client does not keep to the numbers, or does not listen", async () => {
    const { clock, node } = makeNode();
    const wrong = await node.connect();
    await wild(wrong, clock, 2);
    assertEquals(wrong.closed, 4400);
    const never = await node.connect();
    never.send([Kind.UNWILDCARD, 1, "CANCELLED", 0, payload({ message: "" })]);
    await clock.settle();
    assertEquals(never.closed, 4400);
    const other = await node.connect();
    other.send([Kind.MATCHED, 1, 0, "board/a"]);
    await clock.settle();
    assertEquals(other.closed, 4400);
    const deaf = await node.connect();
    for (let n = 1; n <= 1_025; n++) deaf.send([Kind.WILDCARD, n, "no/:such", "no/*"]);
    await clock.settle();
    assertEquals(deaf.closed, 4531);
  });

  it("that are begun and ended again and again have the broker read no more at once than subscriptions may", async () => {
    await isBounded((wait) => ({ list: () => ({ next: wait }) }));
  });

  it("that are begun and ended again and again have no more watches on their way", async () => {
    await isBounded((wait) => ({ watch: wait }));
  });

  it("wait where the broker is away", async () => {
    const { clock, broker, node } = makeNode();
    const { watch, list } = broker.directory;
    const away = () => {
      throw new BrokerError("UNAVAILABLE", "away");
    };
    Object.assign(broker.directory, { watch: away });
    await node.publish(1, "a");
    const line = await node.connect();
    assertEquals(await wild(line, clock), []);
    Object.assign(broker.directory, { watch, list: () => ({ next: away }) });
    await clock.advance(10_000);
    assertEquals(matches(line), []);
    Object.assign(broker.directory, { list });
    await clock.advance(30_000);
    assertEquals(matches(line), [[1, THERE, "board/a"], [1, ALL]]);
    line.end();
  });

  it("list again when names may have been missed", async () => {
    const { clock, broker, node } = makeNode();
    const watchers: DirectoryWatcher[] = [];
    Object.assign(broker.directory, {
      watch: (_: string, watcher: DirectoryWatcher) => void watchers.push(watcher),
    });
    const line = await node.connect();
    await wild(line, clock);
    await node.publish(1, "a");
    assertEquals(matches(line), []);
    watchers[0]!.uncertain();
    await clock.settle();
    assertEquals(matches(line), [[1, THERE, "board/a"], [1, ALL]]);
    line.end();
  });
});
