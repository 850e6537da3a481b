// What messages as differences save, and what they cost: a page of live scores of 2.4 KiB of which one to five fields change a tick, and noise of the same size, where
// no difference pays. For each number of subscribers over real sockets: bytes saved, and CPU of the node and of the clients for a delivery, over those of the same
// feed sent whole.
//
//   node bench/deltas.mjs [--only deno,bun] [--feeds scores,noise] [--subscribers 1,10,1000] [--updates 1000] [--repeats 1] [--json FILE]
import { run } from "../tools/child.mjs";
import { root } from "../tools/setup.mjs";
import { serving } from "../tests/runner/serving.mjs";
import { mainOf, median, program } from "./part.mjs";

const FEEDS = ["scores", "noise"];
/** Deliveries of the smallest runs, whose updates are more than those of the large ones. */
const LEAST_DELIVERIES = 10_000;

/** @type {import("./part.mjs").Part} */
export const deltas = {
  name: "deltas",
  defaults: {
    only: "deno,bun",
    feeds: "scores,noise",
    subscribers: "1,10,1000",
    updates: "1000",
    repeats: "1",
  },
  takes: { only: ["deno", "bun"], feeds: FEEDS, subscribers: "wholes", updates: "whole", repeats: "whole" },
  measure,
  table,
};

async function measure({ only, feeds, subscribers, updates, repeats }, rt) {
  const rows = [];
  for (const runtime of only.split(",")) {
    for (const feed of feeds.split(",")) {
      for (const count of subscribers.split(",").map(Number)) {
        const samples = [];
        const most = Math.max(Number(updates), Math.ceil(LEAST_DELIVERIES / count));
        for (let repeat = 0; repeat < Number(repeats); repeat++) {
          samples.push(await sample({ rt, runtime, feed, count, updates: most }));
        }
        rows.push({ runtime, feed, count, ...middleOf(samples), samples });
      }
    }
  }
  return rows;
}

/** Twice, on servers of their own: which channel is joined first counts. */
async function sample({ rt, runtime, feed, count, updates }) {
  const both = [];
  for (const first of ["whole", "delta"]) both.push(await load({ rt, runtime, feed, count, updates, first }));
  const sum = (get) => both.reduce((all, one) => all + get(one), 0);
  const deliveries = 2 * count * updates;
  const [bytes, saved] = [sum((one) => one.bytes), sum((one) => one.saved)];
  const whole = (by) => sum((one) => one.spent.whole[by]) / deliveries;
  // The middle one of all pairs of blocks, since a collection or a neighbour is in some of them only; of both loads the geometric mean, in which the order cancels.
  const middle = ({ ratios }, by) => median(ratios.map((one) => one[by]));
  const more = (by) => Math.sqrt(middle(both[0], by) * middle(both[1], by)) - 1;
  return {
    saved: saved / (bytes + saved),
    node: whole("node"),
    nodeMore: more("node"),
    clients: whole("clients"),
    clientsMore: more("clients"),
  };
}

async function load({ rt, runtime, feed, count, updates, first }) {
  const node = { rt, runtime, file: "bench/deltas_node.ts", cwd: root };
  const { code, output, stdout } = await serving(node, (port) => {
    const given = [`ws://127.0.0.1:${port}/`, feed, String(count), String(updates), first];
    const [command, args] = program(rt, "bun", ["bench/deltas_load.ts", ...given]);
    return run(command, args, { cwd: root, timeout: 600_000 });
  });
  if (code !== 0) throw new Error(`${feed} to ${count} on ${runtime}:\n${output}`);
  return JSON.parse(stdout);
}

function middleOf(samples) {
  const names = ["saved", "node", "nodeMore", "clients", "clientsMore"];
  return Object.fromEntries(names.map((name) => [name, median(samples.map((one) => one[name]))]));
}

function table(rows) {
  const head = [
    "",
    "subscribers",
    "bytes saved",
    "µs node, whole",
    "as differences",
    "µs client, whole",
    "as differences",
  ];
  return [
    head,
    ...rows.map(({ runtime, feed, count, saved, node, nodeMore, clients, clientsMore }) => [
      `${runtime} ${feed}`,
      count.toLocaleString("en"),
      percent(saved),
      node.toFixed(2),
      more(nodeMore),
      clients.toFixed(2),
      more(clientsMore),
    ]),
  ];
}

function percent(part) {
  return `${(part * 100).toFixed(1)} %`;
}

function more(part) {
  return `${part < 0 ? "" : "+"}${percent(part)}`;
}

await mainOf(import.meta.url, deltas);
