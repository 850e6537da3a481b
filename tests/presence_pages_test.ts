// The pages of presence at every size: together they are who is there, on each broker, and so is what those who watch hold.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { channel } from "../mod.ts";
import { decode } from "../msgpack/mod.ts";
import type { Broker } from "../rpc/broker.ts";
import { Kind } from "../rpc/kinds.ts";
import { startRedis } from "../tools/redis.mjs";
import { ManualClock } from "./suites/manual_clock.ts";
import { anything } from "./suites/pair.ts";
import { as, brokerOf, enter, leave, presenceNode, watch } from "./suites/presence_node.ts";
import { CLIENTS } from "./suites/redis_clients.ts";
import { RedisFixture } from "./suites/redis_fixture.ts";

const SIZES = [190, 250, 500, 1_000, 2_000];
const THRESHOLD = 200;

/** Members who have come, a third of whom have told something else, and a fourth have left. */
async function check(size: number, broker: Broker, clock: ManualClock, name: string, isLate: boolean) {
  const server = presenceNode<Broker>({
    broker,
    clock,
    channels: { "board/:id": channel({ presence: anything }) } as never,
  });
  const settle = async () => {
    for (let i = 0; i < 20; i++) {
      await clock.advance(20);
      if (isLate) await new Promise((resolve) => setTimeout(resolve, 3));
    }
  };
  const eve = await server.connect(as("eve"));
  watch(eve, 1, null, name);
  const live = new Map<number, string>();
  for (let i = 0; i < size; i++) {
    const line = await server.connect(as(`m${i}`));
    enter(line, 1, `${i}`, name);
    live.set(i, `${i}`);
    if (i % 3 === 0) {
      enter(line, 2, `${i}!`, name);
      live.set(i, `${i}!`);
    }
    if (i % 4 === 3) {
      leave(line, 3, name);
      live.delete(i);
      enter(line, 4, `${i}?`, name);
      live.set(i, `${i}?`);
    }
    if (size > THRESHOLD && i % 10 === 9) {
      leave(line, 5, name);
      live.delete(i);
    }
  }
  await settle();
  const want = [...live.values()].sort();
  const board = server.node.publisher.channel("board/:id", { id: name.slice(6) });
  for (const limit of [7, 100, 1_000]) {
    const got: unknown[] = [];
    let after: string | undefined;
    do {
      const page = await board.presence.get({ limit, ...(after === undefined ? {} : { after }) });
      assertEquals(page.count, want.length);
      got.push(...page.members.map(({ data }) => data));
      after = page.next;
    } while (after !== undefined);
    assertEquals(got.sort(), want);
  }
  const held = new Map<string, unknown>();
  let count: unknown;
  let isSample = false;
  for (const message of eve.takeOf(Kind.WATCHED, Kind.PRESENCE)) {
    const told = message.at(-1) as {
      count: number;
      sample?: true;
      members?: [string, unknown, Uint8Array][];
      set?: [string, unknown, Uint8Array][];
      gone?: string[];
    };
    count = told.count;
    if (told.members !== undefined) {
      held.clear();
      isSample = told.sample === true;
    }
    for (const [id, , data] of told.members ?? told.set ?? []) held.set(id, decode(data));
    for (const id of told.gone ?? []) held.delete(id);
  }
  assertEquals(count, want.length);
  assertEquals(isSample, want.length > THRESHOLD);
  if (!isSample) assertEquals([...held.values()].sort(), want);
  await server.node.drain({ code: 1001, deadline: 0, retryAfter: undefined });
}

describe("the pages of presence", () => {
  for (const size of SIZES) {
    it(`are the ${size} who are there, in memory`, async () => {
      const clock = new ManualClock();
      await check(size, brokerOf(clock), clock, "board/7", false);
    });
  }

  it("are those who are there at all sizes, in Redis", async () => {
    const redis = await startRedis();
    const fixture = await RedisFixture.open(redis, CLIENTS.find(({ name }) => name === "ioredis")!);
    try {
      for (const size of SIZES) {
        await check(size, fixture.broker, new ManualClock(), `board/${size}`, true);
      }
    } finally {
      await fixture.close();
      await redis.stop();
    }
  });
});
