// Messages as differences over real sockets, from one node of Redis to the clients of another.
import { assert, assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { channel, millrace } from "../mod.ts";
import type { Broker } from "../rpc/broker.ts";
import { type RedisServer, startRedis } from "../tools/redis.mjs";
import { AppServer } from "./suites/app_server.ts";
import { anything } from "./suites/pair.ts";
import { CLIENTS, within } from "./suites/redis_clients.ts";
import { RedisFixture } from "./suites/redis_fixture.ts";

const FEED = "feed/:id";
const ID = { id: "7" };

function appOn(broker: Broker) {
  return millrace({ broker, procedures: {}, channels: { [FEED]: channel({ message: anything }) } });
}

describe("redis: messages as differences", () => {
  let redis: RedisServer;
  let broker: RedisFixture;
  const servers: AppServer<ReturnType<typeof appOn>>[] = [];

  beforeEach(async () => {
    redis = await startRedis();
    broker = await RedisFixture.open(redis, CLIENTS[0]!);
    servers.push(await AppServer.start(appOn(broker.broker)));
    servers.push(await AppServer.start(appOn(await broker.node())));
  });

  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    await broker.close();
    await redis.stop();
  });

  it("come from another node, and are the messages that were published", async () => {
    const [here, there] = servers;
    const state = (n: number) => ({ n, text: "state ".repeat(300) });
    const publisher = here!.client().channel(FEED, ID);
    const got: unknown[] = [];
    const plain: unknown[] = [];
    const subscription = there!.client().channel(FEED, ID).subscribe({ delta: true }, (event) => {
      if (event.type === "message") got.push(event.data);
    });
    const other = there!.client().channel(FEED, ID).subscribe((event) => {
      if (event.type === "message") plain.push(event.data);
    });
    await within("both", Promise.all([subscription.ready(), other.ready()]));
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    let last = subscription.position!;
    for (const n of numbers) last = await publisher.publish(state(n));
    await within("the last", Promise.all([subscription.reaches(last), other.reaches(last)]));
    assertEquals([got, plain], [numbers.map(state), numbers.map(state)]);
    const { bytes, bytesSaved } = subscription.traffic;
    assert(bytesSaved > 9 * bytes, `${bytes} came, ${bytesSaved} did not have to`);
    assertEquals(other.traffic.bytesSaved, 0);
  });

  it("come of what passes a filter, and of what a policy has left", async () => {
    const [here, there] = servers;
    const state = (n: number) => ({
      n,
      team: n % 3 === 0 ? "red" : "blue",
      text: `state${n % 3} `.repeat(300),
    });
    const publisher = here!.client().channel(FEED, ID);
    const [red, sampled]: [unknown[], unknown[]] = [[], []];
    const passing = there!.client().channel(FEED, ID).subscribe(
      { delta: true, filter: { team: "red" } },
      (event) => void (event.type === "message" && red.push(event.data)),
    );
    const sampling = there!.client().channel(FEED, ID).subscribe(
      { delta: true, filter: { team: "red" }, policy: { sample: 100 } },
      (event) => void (event.type === "message" && sampled.push(event.data)),
    );
    await within("both", Promise.all([passing.ready(), sampling.ready()]));
    const all = Array.from({ length: 60 }, (_, n) => state(n));
    let last = passing.position!;
    for (const one of all) last = await publisher.publish(one);
    await within("the last", Promise.all([passing.reaches(last), sampling.reaches(last)]));
    const passed = all.filter(({ team }) => team === "red");
    assertEquals(red, passed);
    assertEquals(sampled, passed.filter(({ n }) => sampled.some((one) => (one as { n: number }).n === n)));
    assertEquals(sampled.at(-1), passed.at(-1));
    assert(passing.traffic.bytesSaved > 9 * passing.traffic.bytes, `${passing.traffic.bytesSaved} saved`);
    assert(sampling.traffic.bytesSaved > 0, "none of a policy was a difference");
  });
});
