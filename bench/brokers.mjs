// Publishing by broker: the memory of one node, Redis under one node, Redis under two of which one has the publisher and the other the subscriber. One client
// publishes 128 bytes, first one at a time (milliseconds to the subscriber, and to the answer), then 512 at once (publications a second, and CPU of each process).
//
//   node bench/brokers.mjs [--only deno,bun] [--seconds 3] [--repeats 3] [--json FILE]
import { run } from "../tools/child.mjs";
import { startRedis } from "../tools/redis.mjs";
import { root } from "../tools/setup.mjs";
import { serving } from "../tests/runner/serving.mjs";
import { mainOf, median, program } from "./part.mjs";

const BROKERS = ["memory", "redis", "redis, 2 nodes"];

/** @type {import("./part.mjs").Part} */
export const brokers = {
  name: "brokers",
  defaults: { only: "deno,bun", seconds: "3", repeats: "3" },
  takes: { only: ["deno", "bun"], seconds: "number", repeats: "whole" },
  measure,
  table,
};

async function measure({ only, seconds, repeats }, rt) {
  const samples = [];
  for (let repeat = 0; repeat < Number(repeats); repeat++) {
    for (const runtime of only.split(",")) {
      for (const broker of BROKERS) {
        samples.push({ runtime, broker, repeat, ...await sample({ rt, runtime, broker, seconds }) });
      }
    }
  }
  return only.split(",").flatMap((runtime) =>
    BROKERS.map((broker) => {
      const own = samples.filter((one) => one.runtime === runtime && one.broker === broker);
      const middle = (name) => median(own.map((one) => one[name]));
      const names = ["p50", "p99", "answer", "rate", "node", "other", "redis"];
      return {
        runtime,
        broker,
        ...Object.fromEntries(names.map((name) => [name, middle(name)])),
        samples: own,
      };
    })
  );
}

async function sample({ rt, runtime, broker, seconds }) {
  const redis = broker === "memory" ? undefined : await startRedis();
  const port = redis === undefined ? "" : String(redis.port);
  const env = { BROKER: port === "" ? "memory" : port };
  const node = { rt, runtime, file: "bench/brokers_node.ts", cwd: root, env };
  const load = (here, there) => {
    const urls = [here, there].map((port) => `ws://127.0.0.1:${port}/`);
    const [command, args] = program(rt, "bun", ["bench/brokers_load.ts", ...urls, seconds, port]);
    return run(command, args, { cwd: root, timeout: 60_000 });
  };
  try {
    const { code, output, stdout } = await serving(
      node,
      (here) => broker.endsWith("nodes") ? serving(node, (there) => load(here, there)) : load(here, here),
    );
    if (code !== 0) throw new Error(`${broker} on ${runtime}:\n${output}`);
    return JSON.parse(stdout);
  } finally {
    await redis?.stop();
  }
}

function table(rows) {
  const head = [
    "",
    "publications/s",
    "µs node",
    "other node",
    "Redis",
    "ms to subscriber",
    "p99",
    "to answer",
  ];
  return [
    head,
    ...rows.map(({ runtime, broker, rate, node, other, redis, p50, p99, answer }) => [
      `${runtime} ${broker}`,
      Math.round(rate).toLocaleString("en"),
      ...[node, other, redis].map((used) => used === 0 ? "-" : used.toFixed(1)),
      ...[p50, p99, answer].map((ms) => ms.toFixed(2)),
    ]),
  ];
}

await mainOf(import.meta.url, brokers);
