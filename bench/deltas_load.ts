// The clients of bench/deltas.mjs: each subscribes to both channels of a feed, and updates go to one and the other in turn, fifty at a time, so that what else the
// machine does is in both. The next is published when all have the one before. Which channel is joined and warmed first is said, since on Deno the first is cheaper.
//   deltas_load.ts URL FEED SUBSCRIBERS UPDATES FIRST
import process from "node:process";
import { connect } from "../client/whole.ts";
import type { App, Update } from "./deltas_node.ts";

const [url, feed, subscribers, updates, first] = process.argv.slice(2) as [
  string,
  Update["feed"],
  string,
  string,
  Update["to"],
];
const CHANNELS = first === "whole" ? ["whole", "delta"] as const : ["delta", "whole"] as const;
const [COUNT, TOTAL] = [Number(subscribers), Number(updates)];
const BLOCK = 50;
/** Updates before it counts: the code is warm, and a feed whose differences do not pay is known. */
const WARM = 200;

await using driver = connect<App>(url);
const clients = Array.from({ length: COUNT }, () => connect<App>(url));
let missing = 0;
let arrived = () => {};

async function join(to: Update["to"]) {
  const all = clients.map((client) =>
    client.channel("feed/:id", { id: `${feed}-${to}` }).subscribe({ delta: to === "delta" }, (event) => {
      if (event.type !== "message") throw new Error(`A subscriber was told of a ${event.type}`);
      if (--missing === 0) arrived();
    })
  );
  await Promise.all(all.map((subscription) => subscription.ready()));
  return all;
}

const joined = new Map<Update["to"], Awaited<ReturnType<typeof join>>>();
for (const to of CHANNELS) joined.set(to, await join(to));
/** Microseconds so far. */
const own = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

async function run(to: Update["to"], from: number, count: number) {
  const before = [await driver.call.cpu(), own()] as const;
  for (let n = from; n < from + count; n++) {
    missing = COUNT;
    const all = new Promise<void>((resolve) => arrived = resolve);
    await driver.call.update({ feed, to, n });
    await all;
  }
  return { node: await driver.call.cpu() - before[0], clients: own() - before[1] };
}

const spent = { whole: { node: 0, clients: 0 }, delta: { node: 0, clients: 0 } };
/** What differences took of what whole ones did, in each pair of blocks. */
const ratios: { readonly node: number; readonly clients: number }[] = [];
for (const to of CHANNELS) await run(to, 0, WARM);
const traffic = () => {
  const sum = { bytes: 0, bytesSaved: 0 };
  for (const { traffic } of joined.get("delta")!) {
    sum.bytes += traffic.bytes;
    sum.bytesSaved += traffic.bytesSaved;
  }
  return sum;
};
const before = traffic();
for (let n = WARM; n < WARM + TOTAL; n += BLOCK) {
  const order = (n / BLOCK) % 2 === 0 ? CHANNELS : CHANNELS.toReversed();
  const took = new Map<Update["to"], Awaited<ReturnType<typeof run>>>();
  for (const to of order) {
    const one = await run(to, n, Math.min(BLOCK, WARM + TOTAL - n));
    took.set(to, one);
    spent[to].node += one.node;
    spent[to].clients += one.clients;
  }
  const [whole, delta] = [took.get("whole")!, took.get("delta")!];
  ratios.push({ node: delta.node / whole.node, clients: delta.clients / whole.clients });
}
const after = traffic();
console.log(JSON.stringify({
  spent,
  ratios,
  bytes: after.bytes - before.bytes,
  saved: after.bytesSaved - before.bytesSaved,
}));
process.exit(0);
