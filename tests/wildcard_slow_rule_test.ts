// Wildcards of a pattern whose rule hangs, or is slow, for some of its channels: nobody else waits for those.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { MemoryBroker } from "../brokers/memory.ts";
import { Kind } from "../rpc/kinds.ts";
import type { Limits } from "../rpc/limits.ts";
import { MatchState } from "../rpc/match_state.ts";
import type { ChannelNode, Line } from "./suites/channel_node.ts";
import { makeWildcardNode, PATTERN } from "./suites/wildcard_node.ts";
import { payload } from "./suites/wire.ts";

const { THERE, ALL, SOME, FULL } = MatchState;

/** A server of which one rule, for the boards whose names begin with h, answers when the test says so. */
function makeNode(limits: Partial<Limits> = {}) {
  const hanging: ((answer: boolean) => void)[] = [];
  const answer = (channel: string) =>
    channel.startsWith("board/h") ? new Promise<boolean>((resolve) => hanging.push(resolve)) : true;
  return { ...makeWildcardNode(limits, answer), hanging };
}

/** Publishes to some boards, and asks for all. */
async function wild(node: ChannelNode<MemoryBroker>, ids: readonly string[]): Promise<Line> {
  for (const id of ids) await node.publish(1, id);
  const line = await node.connect();
  line.send([Kind.WILDCARD, 1, PATTERN, "board/*"]);
  await node.settle();
  return line;
}

/** States, or names where there are any. */
const matches = (line: Line): unknown[] =>
  line.takeOf(Kind.MATCHED, Kind.UNWILDCARD).map(([, , state, name]) => state === THERE ? name : state);

describe("wildcards with a rule that hangs for one channel", () => {
  it("tell of all others, and of those that appear", async () => {
    const { clock, node, asked, hanging } = makeNode();
    const ids = Array.from({ length: 20 }, (_, i) => `x${i}`);
    const line = await wild(node, ["h", ...ids]);
    await clock.advance(2_000);
    const got = matches(line);
    assertEquals(new Set(got), new Set([...ids.map((id) => `board/${id}`), SOME]));
    assertEquals(got.at(-1), SOME);
    await node.publish(1, "new");
    await clock.settle();
    assertEquals(matches(line), ["board/new"]);
    for (let i = 0; i < 50; i++) await clock.advance(1_000);
    assertEquals(asked.filter((name) => name === "board/h").length, 1, "asked once at a time");
    assertEquals(new Set(matches(line)), new Set([SOME]));
    hanging[0]!(true);
    await clock.settle();
    assertEquals(matches(line), ["board/h"]);
    await clock.advance(21_000);
    assertEquals(matches(line), [ALL]);
    line.end();
  });

  it("ask again when it was given up", async () => {
    const { clock, node, asked, hanging } = makeNode();
    const line = await wild(node, ["h"]);
    for (let i = 0; i < 90; i++) await clock.advance(1_000);
    assertEquals(asked.length, 2);
    hanging[1]!(true);
    await clock.advance(21_000);
    assertEquals(matches(line).filter((one) => one !== SOME), ["board/h", ALL]);
    assertEquals(node.errors.length, 1, "the program is told of the one that hung");
    line.end();
  });

  it("pass over what is late when it is refused, ended, or too much", async () => {
    const { clock, node, hanging } = makeNode({ channels: 2 });
    const line = await wild(node, ["x", "h1", "h2"]);
    await clock.advance(2_000);
    assertEquals(matches(line), ["board/x", SOME]);
    hanging[0]!(true);
    hanging[1]!(true);
    await clock.settle();
    assertEquals(matches(line), ["board/h1", FULL]);
    await clock.advance(30_000);
    assertEquals(matches(line), []);
    line.end();

    const other = makeNode();
    const timers = other.clock.pending;
    const second = await wild(other.node, ["h1", "h2"]);
    second.send([Kind.UNWILDCARD, 1, "CANCELLED", 0, payload({ message: "" })]);
    await other.clock.settle();
    for (const answer of other.hanging) answer(true);
    await other.clock.advance(3_000);
    assertEquals(matches(second), []);
    second.end();
    assertEquals([other.node.errors, other.clock.pending <= timers + 2], [[], true]);
  });

  it("do no more at once than a client may have done", async () => {
    const { clock, node, hanging } = makeNode();
    const line = await wild(node, Array.from({ length: 300 }, (_, i) => `h${i}`));
    for (let i = 0; i < 59; i++) await clock.advance(1_000);
    assertEquals(hanging.length <= 128, true, `${hanging.length} rules run`);
    line.end();
  });
});
