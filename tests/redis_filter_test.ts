// Filters over Redis: two nodes, one publishes, the other's subscribers get what passes, from the past and from now on.
import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import type { Broker } from "../rpc/broker.ts";
import { Kind } from "../rpc/kinds.ts";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import { ChannelNode, type Line } from "./suites/channel_node.ts";
import { CLIENTS } from "./suites/redis_clients.ts";
import { RedisFixture } from "./suites/redis_fixture.ts";

const NAME = "board/7";
const RED = { filter: { team: "red" } };

/** Takes what has come until this holds of it. */
async function until(
  { server, line }: { readonly server: ChannelNode<Broker>; readonly line: Line },
  isEnough: (messages: readonly unknown[][]) => boolean,
): Promise<unknown[][]> {
  const got: unknown[][] = [];
  for (const end = Date.now() + 5_000; !isEnough(got);) {
    assert(Date.now() < end, `only ${JSON.stringify(got)} came`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await server.settle();
    got.push(...line.take());
  }
  return got;
}

const has = (kind: number, offset: number) => (messages: readonly unknown[][]) =>
  messages.some((message) => message[0] === kind && message[2] === offset);
const brief = (messages: unknown[][]) =>
  messages.filter(([kind]) => kind !== Kind.SUBSCRIBED).map(([kind, , offset]) => [kind, offset]);

describe("redis: filters", () => {
  let redis: RedisServer;
  let fixture: RedisFixture;

  beforeAll(async () => {
    redis = await startRedis();
    fixture = await RedisFixture.open(redis, CLIENTS[0]!);
  });

  afterAll(async () => {
    await fixture.close();
    await redis.stop();
  });

  it("hold for what another node publishes, behind a position, and in pages of history", async () => {
    const writer = new ChannelNode({ broker: fixture.broker as Broker });
    const server = new ChannelNode({ broker: await fixture.node() });
    for (let n = 1; n <= 6; n++) await writer.publish({ n, team: n % 3 === 0 ? "red" : "blue" });
    const line = await server.connect();
    line.subscribe(NAME, null, { rewind: 5, ...RED });
    const past = await until({ server, line }, has(Kind.PUBLICATION, 6));
    assertEquals(brief(past), [[Kind.SKIP, 2], [Kind.PUBLICATION, 3], [Kind.SKIP, 5], [Kind.PUBLICATION, 6]]);
    for (let n = 7; n <= 9; n++) await writer.publish({ n, team: n % 3 === 0 ? "red" : "blue" });
    const live = await until({ server, line }, has(Kind.PUBLICATION, 9));
    assertEquals(live.filter(([kind]) => kind === Kind.PUBLICATION).map(([, , offset]) => offset), [9]);
    line.call("@history", { channel: NAME, after: 0, limit: 2, ...RED });
    const [result] = await until({ server, line }, (got) => got.some(([kind]) => kind === Kind.RESULT));
    const page = result!.at(-1) as { entries: number[][]; more: boolean; through: number[] };
    assertEquals([page.entries.map(([offset]) => offset), page.more, page.through[0]], [[3, 6], true, 6]);
    const [, , , , epoch, offset, fingerprint] = past.find(([kind]) => kind === Kind.SUBSCRIBED)!;
    const again = await server.connect();
    again.subscribe(NAME, [epoch, offset, fingerprint], RED);
    const recovered = await until({ server, line: again }, has(Kind.PUBLICATION, 9));
    assertEquals(brief(recovered).filter(([kind]) => kind === Kind.PUBLICATION).map(([, at]) => at), [
      3,
      6,
      9,
    ]);
    line.end();
    again.end();
  });

  it("and policies hold: who is slow is told of what is left out, and given the newest of each key", async () => {
    const writer = new ChannelNode({ broker: fixture.broker as Broker });
    const server = new ChannelNode({ broker: await fixture.node() });
    const line = await server.connect();
    line.subscribe("board/8", null, { policy: { latest: ["team"] } });
    const [[, , alias]] = await until({ server, line }, (got) => got.length > 0) as [
      [number, number, number],
    ];
    for (let n = 1; n <= 400; n++) await writer.publish({ n, team: n === 390 ? "red" : "blue" }, "8");
    const topic = server.node.parts.channels!.hub.topic("board/8");
    const first = await until({ server, line }, () => topic.sent.offset === 400);
    const sent = first.length;
    assert(sent < 300, `${sent} were sent, and nothing was seen`);
    line.send([Kind.SEEN, alias, sent]);
    const rest = await until({ server, line }, has(Kind.PUBLICATION, 400));
    assertEquals(rest.map(([kind, , at, to]) => kind === Kind.GAP ? [at, to] : at), [
      [sent + 1, 389],
      390,
      [391, 399],
      400,
    ]);
    line.end();
  });
});
