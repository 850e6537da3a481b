// Faults on real sockets: a server under each runtime, many clients behind a proxy that cuts their connections, and a check of all they were told.
//
//   npm run faults -- [--runtime deno|bun|both] [--scale 0.01] [--only channels,beyond,calls,stalled] [--seed N]
//
//   channels  10,000 cuts of 200 clients, every outage inside the history: 1,000,000 deliveries, none lost, twice or out of order; no reset
//   beyond    500 outages that outlast the history: exactly one reset each
//   calls     10,000 calls cut between execution and reply, three times: session resumed; session lost, with a key; session lost, without
//   stalled   1,000 subscribers that stop reading: the server's memory, 4503, and what they get when they read again
//
// A scale of 1 (the default) is what is said here. Exit 1 on any anomaly; each run ends by itself after some minutes.
import process from "node:process";
import { parseArgs } from "node:util";
import { serving } from "../tests/runner/serving.mjs";
import { run } from "./child.mjs";
import { ensurePackages, root, runtimes } from "./setup.mjs";

/** The runs, and milliseconds that each may take at scale 1; a tenth of it, the least, at scales below 0.1: a busy machine takes several times as long as an idle one. */
const RUNS = [
  { name: "channels", ms: 1_200_000 },
  { name: "beyond", ms: 600_000 },
  { name: "calls, resumed", ms: 900_000 },
  { name: "calls, lost, key", ms: 900_000 },
  { name: "calls, lost, no key", ms: 900_000 },
  { name: "stalled", ms: 600_000 },
];
const LEAST = 0.1;

const { values: flags } = parseArgs({
  options: {
    runtime: { type: "string", default: "both" },
    scale: { type: "string", default: "1" },
    only: { type: "string", default: "channels,beyond,calls,stalled" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const [scale, seed] = [Number(flags.scale), Number(flags.seed)];
const names = flags.runtime === "both" ? ["deno", "bun"] : [flags.runtime];
const only = flags.only.split(",");
const chosen = RUNS.filter(({ name }) => only.includes(name.split(",")[0]));
const isKnown = names.every((name) => name === "deno" || name === "bun");
if (!(scale > 0 && scale <= 1) || !Number.isInteger(seed) || !isKnown || chosen.length === 0) {
  console.error(
    "Usage: npm run faults -- [--runtime deno|bun|both] [--scale 0.01] [--only channels,calls] [--seed N]",
  );
  process.exit(2);
}
await ensurePackages();
const rt = await runtimes();
console.log(`faults: scale ${scale}, seed ${seed}, under ${names.join(" and ")}`);
let failed = 0;
for (const one of chosen) {
  // In short runs most of the time is waiting, and figures say nothing: both at once.
  const runs = scale < LEAST
    ? await Promise.all(names.map((runtime) => faults(one, runtime)))
    : [await faults(one, names[0]), names[1] ? await faults(one, names[1]) : 0];
  failed += runs.reduce((sum, bad) => sum + bad, 0);
}
console.log(
  failed === 0 ? "faults ok" : `faults failed: ${failed} of ${chosen.length * names.length}, seed ${seed}`,
);
process.exit(failed === 0 ? 0 : 1);

/** @returns {Promise<0 | 1>} whether it failed */
async function faults({ name, ms }, runtime) {
  const timeout = ms * Math.max(scale, LEAST);
  const outcome = await serving({ rt, runtime, file: "tools/faults/server.ts", cwd: root }, (port) => {
    const args = [port, scale, seed, timeout * 0.8].map(String);
    const options = { cwd: root, timeout, env: { NODE_NO_WARNINGS: "1" } };
    return run(rt.node, ["tools/faults/clients.ts", name, ...args], options);
  });
  const said = outcome.output.split("\n").find((line) => line.startsWith('{"counts"'));
  const { counts = {}, anomalies = [outcome.output], untold = 0 } = said ? JSON.parse(said) : {};
  const isBad = anomalies.length > 0 || outcome.code !== 0;
  const seconds = (outcome.ms / 1000).toFixed(1);
  const told = Object.entries(counts).map(([what, count]) => `${what} ${count}`).join(", ");
  console.log(
    `${isBad ? "FAILED" : "ok    "}  ${runtime.padEnd(4)} ${name.padEnd(19)} ${
      seconds.padStart(6)
    } s  ${told}`,
  );
  for (const anomaly of anomalies) console.log(`        ${anomaly}`);
  if (untold > 0) console.log(`        and ${untold} more`);
  return isBad ? 1 : 0;
}
