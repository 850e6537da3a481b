// Faults on real sockets and real processes: servers, many clients, what is done to them, and a check of all they were told.
//
//   npm run faults -- [--quick] [--runtime deno|bun|both] [--scale 0.01] [--only channels,beyond,calls,stalled,redis,node] [--seed N]
//
// A server under each runtime, clients behind a proxy that cuts their connections:
//
//   channels  10,000 cuts of 200 clients, every outage inside the history: 1,000,000 deliveries, none lost, twice or out of order; no reset
//   beyond    500 outages that outlast the history: exactly one reset each
//   calls     10,000 calls cut between execution and reply, three times: session resumed; session lost, with a key; session lost, without
//   stalled   1,000 subscribers that stop reading: the server's memory, 4503, and what they get when they read again
//
// Two nodes of one app on one Redis, one under Deno and one under Bun, with 200 clients that move between them (tools/faults/redis/):
//
//   redis     nodes and Redis are killed, flushed, put to sleep, cut off, full, and failed over to an older copy: eleven runs, of which docs/proof.md has the table
//   node      1,000 clients on one node, which is killed: they go on on the other within 10 s; nothing lost or twice, no reset. Once for each runtime
//
// --quick is all of `redis`, and `node` with 200 clients. A scale below 0.1 leaves out the run in which a node is cut off for 32 s: `black hole` is the same for 7 s. A scale of 1 (the default) is what is said here. Its last line is `faults N, anomalies N`. Exit 1 on any
// anomaly; each run ends by itself after some minutes.
import process from "node:process";
import { parseArgs } from "node:util";
import { serving } from "../tests/runner/serving.mjs";
import { run } from "./child.mjs";
import { ensurePackages, root, runtimes } from "./setup.mjs";

/** The runs, and milliseconds that each may take at scale 1; a tenth of it, the least, at scales below 0.1: a busy machine takes several times as long as an idle one. */
const RUNS = [
  { name: "channels", ms: 1_200_000, faults: "cuts" },
  { name: "beyond", ms: 600_000, faults: "beyond" },
  { name: "calls, resumed", ms: 900_000, faults: "calls" },
  { name: "calls, lost, key", ms: 900_000, faults: "calls" },
  { name: "calls, lost, no key", ms: 900_000, faults: "calls" },
  { name: "stalled", ms: 600_000, faults: "cut 4503" },
];
const LEAST = 0.1;
/** The runs on Redis, of `tools/faults/redis/runs.ts`. What they take does not depend on the scale: mostly they wait. */
const REDIS_RUNS = [
  "redis, node killed",
  "redis, killed, with a log",
  "redis, killed, without",
  "redis, flushed",
  "redis, pushes killed",
  "redis, asleep",
  "redis, older copy",
  "redis, black hole",
  "redis, cut off",
  "redis, memory full",
  "redis, pushes lost",
  "node, deno killed",
  "node, bun killed",
];
/** Of those one takes 32 s at least, whatever the scale: not in short runs, where `black hole` stands for it. */
const LONG = "redis, cut off";
const REDIS_MS = 180_000;
/** Of --quick: 200 clients. */
const QUICK_NODE = 0.2;

const { values: flags } = parseArgs({
  options: {
    runtime: { type: "string", default: "both" },
    scale: { type: "string", default: "1" },
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const [scale, seed] = [Number(flags.scale), Number(flags.seed)];
const names = flags.runtime === "both" ? ["deno", "bun"] : [flags.runtime];
const only = (flags.only ?? (flags.quick ? "redis,node" : "channels,beyond,calls,stalled,redis,node")).split(
  ",",
);
const isChosen = (name) => only.includes(name.split(",")[0]);
const chosen = RUNS.filter(({ name }) => isChosen(name));
const chosenRedis = REDIS_RUNS.filter(isChosen).filter((name) => name !== LONG || scale >= LEAST);
const isKnown = names.every((name) => name === "deno" || name === "bun");
if (
  !(scale > 0 && scale <= 1) || !Number.isInteger(seed) || !isKnown ||
  chosen.length + chosenRedis.length === 0
) {
  console.error(
    "Usage: npm run faults -- [--runtime deno|bun|both] [--scale 0.01] [--quick] [--only channels,calls,redis] [--seed N]",
  );
  process.exit(2);
}
await ensurePackages();
const rt = await runtimes();
console.log(`faults: scale ${scale}, seed ${seed}, under ${names.join(" and ")}`);
if (scale < LEAST && isChosen(LONG)) console.log(`left out below scale ${LEAST}: ${LONG}`);
const sum = { faults: 0, anomalies: 0 };
for (const one of chosen) {
  // In short runs most of the time is waiting, and figures say nothing: both at once.
  if (scale < LEAST) await Promise.all(names.map((runtime) => faults(one, runtime)));
  else for (const runtime of names) await faults(one, runtime);
}
await together(scale < LEAST ? 2 : 1, chosenRedis, redisFaults);
if (sum.anomalies > 0) console.log(`seed ${seed}`);
console.log(`faults ${sum.faults}, anomalies ${sum.anomalies}`);
process.exit(sum.anomalies === 0 ? 0 : 1);

/** One run against the server of one runtime. */
async function faults({ name, ms, faults }, runtime) {
  const timeout = ms * Math.max(scale, LEAST);
  const outcome = await serving({ rt, runtime, file: "tools/faults/server.ts", cwd: root }, (port) => {
    const args = [port, scale, seed, timeout * 0.8].map(String);
    return clients("tools/faults/clients.ts", [name, ...args], timeout);
  });
  tell(`${runtime.padEnd(4)} ${name}`, outcome, faults);
}

/** One run on Redis, which starts what it needs by itself. */
async function redisFaults(name) {
  const size = flags.quick && name.startsWith("node") ? scale * QUICK_NODE : scale;
  const args = [size, seed, REDIS_MS * 0.8].map(String);
  tell(name, await clients("tools/faults/redis/main.ts", [name, ...args], REDIS_MS), "faults");
}

function clients(file, args, timeout) {
  return run(rt.node, [file, ...args], { cwd: root, timeout, env: { NODE_NO_WARNINGS: "1" } });
}

/** So many at a time. */
async function together(count, list, each) {
  const left = [...list];
  const lane = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await each(one);
  };
  await Promise.all(Array.from({ length: count }, lane));
}

/** Prints what came of a run, and adds it up; `faults` is what its faults are counted under. */
function tell(name, outcome, faults) {
  const said = outcome.output.split("\n").find((line) => line.startsWith('{"counts"'));
  const { counts = {}, anomalies: found = [], untold = 0 } = said ? JSON.parse(said) : {};
  const anomalies = said && (outcome.code === 0 || found.length > 0) ? found : [...found, outcome.output];
  const seconds = (outcome.ms / 1000).toFixed(1);
  const told = Object.entries(counts).map(([what, count]) => `${what} ${count}`).join(", ");
  console.log(
    `${anomalies.length > 0 ? "FAILED" : "ok    "}  ${name.padEnd(25)} ${seconds.padStart(6)} s  ${told}`,
  );
  for (const anomaly of anomalies) console.log(`        ${anomaly}`);
  if (untold > 0) console.log(`        and ${untold} more`);
  sum.faults += Number(counts[faults] ?? 0);
  sum.anomalies += anomalies.length + untold;
}
