// The clients of bench/brokers.mjs: one publishes on the first node, one subscribes on the second, which may be the same.
//   brokers_load.ts URL URL SECONDS REDIS_PORT
import process from "node:process";
import { Redis } from "ioredis";
import { connect } from "../client/whole.ts";
import type { App } from "./brokers_node.ts";

const [here, there, seconds, port] = process.argv.slice(2) as [string, string, string, string];
/** Channels that publish at once; a client has 64 publications of each unanswered. */
const CHANNELS = 8;
const [ROUNDS, WARM_UP] = [400, 200];
const MESSAGE = new Uint8Array(128).fill(7);

await using publisher = connect<App>(here);
await using subscriber = connect<App>(there);
const redis = port === "" ? undefined : new Redis(Number(port));

/** Milliseconds from a publish to its delivery, one at a time, and to its answer. */
async function latency() {
  const feed = { id: "one" };
  let arrived: (() => void) | undefined;
  const subscription = subscriber.channel("feed/:id", feed).subscribe(() => arrived?.());
  await subscription.ready();
  const delivered: number[] = [];
  const answered: number[] = [];
  for (let i = 0; i < ROUNDS + WARM_UP; i++) {
    const began = performance.now();
    const { promise, resolve } = Promise.withResolvers<void>();
    arrived = resolve;
    const publishing = publisher.channel("feed/:id", feed).publish(MESSAGE).then(() =>
      answered.push(performance.now() - began)
    );
    await promise;
    delivered.push(performance.now() - began);
    await publishing;
  }
  subscription.close();
  const quantiles = (of: number[]) => {
    const sorted = of.slice(WARM_UP).sort((a, b) => a - b);
    return [sorted[sorted.length >> 1]!, sorted[Math.floor(sorted.length * 0.99)]!];
  };
  const [[p50, p99], [answer]] = [quantiles(delivered), quantiles(answered)];
  return { p50, p99, answer };
}

/** Publications a second, all of which the subscriber got, and CPU of each process for one. */
async function rate(ms: number) {
  let [got, sent] = [0, 0];
  let done: (() => void) | undefined;
  const feeds = Array.from({ length: CHANNELS }, (_, i) => ({ id: `feed ${i}` }));
  for (const feed of feeds) {
    const subscription = subscriber.channel("feed/:id", feed).subscribe((event) => {
      if (event.type !== "message") throw new Error(`The subscriber was told of a ${event.type}`);
      if (++got === sent) done?.();
    });
    await subscription.ready();
  }
  const before = await cpu();
  const began = performance.now();
  await Promise.all(feeds.map(async (feed) => {
    const channel = publisher.channel("feed/:id", feed);
    const one = async () => {
      while (performance.now() - began < ms) {
        sent++;
        await channel.publish(MESSAGE);
      }
    };
    await Promise.all(Array.from({ length: 64 }, one));
  }));
  if (got < sent) await new Promise<void>((resolve) => done = resolve);
  const took = performance.now() - began;
  const after = await cpu();
  const [node, other, server] = after.map((used, i) => (used - before[i]!) / sent);
  return { rate: sent / took * 1_000, node, other: here === there ? 0 : other, redis: server };
}

/** Microseconds of CPU so far: the node of the publisher, that of the subscriber, Redis. */
async function cpu(): Promise<number[]> {
  const nodes = await Promise.all([publisher.call.cpu(), subscriber.call.cpu()]);
  const told = await redis?.info("cpu") ?? "";
  const used = ["used_cpu_user", "used_cpu_sys"].map((name) =>
    Number(new RegExp(`^${name}:(.*)$`, "m").exec(told)?.[1] ?? 0)
  );
  return [...nodes, (used[0]! + used[1]!) * 1e6];
}

const one = await latency();
await rate(1_000); // warm
console.log(JSON.stringify({ ...one, ...await rate(Number(seconds) * 1_000) }));
redis?.disconnect();
process.exit(0);
