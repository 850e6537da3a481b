// Runs simulated seeds, on all cores: real clients and the real server under virtual time, a network and a broker that fail, and a checker that
// reads what happened.
//
//   npm run sim -- --seeds N [--from S] [--runtime deno|bun|both] [--workers N]
//   npm run sim -- --seed S      one seed again, with its trace
//
// `--record` adds a line to the list at the end of docs/proof.md.
//
// Ends with `seeds N, anomalies N` and exit code 1 if there was any, or if something that should happen hardly did. A seed is the same whenever it
// is run; under the other runtime the order of what happens in one turn may differ, since async generators settle after another number of microtasks there.
import { spawnSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { run } from "./child.mjs";
import { ensurePackages, root, runtimes } from "./setup.mjs";

/** Milliseconds that one seed may take on a machine that is busy. */
const SLOW_SEED = 2_000;
/** Milliseconds for the start, and for shrinking what failed. */
const PATIENCE = 120_000;
/** What has to happen at least once in a hundred times that it could. */
const LEAST = 0.01;
/** With fewer seeds than this, chance says more than coverage. */
const ENOUGH_SEEDS = 500;

const { values: flags } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    record: { type: "boolean", default: false },
    runtime: { type: "string", default: "both" },
    workers: { type: "string", default: String(availableParallelism()) },
  },
});
const alone = flags.seed !== undefined;
const [from, seeds] = alone ? [Number(flags.seed), 1] : [Number(flags.from), Number(flags.seeds)];
const workers = Math.min(Number(flags.workers), seeds);
const names = flags.runtime === "both" ? ["deno", "bun"] : [flags.runtime];
const numbers = [from, seeds, workers].every((n) => Number.isSafeInteger(n) && n >= 0) && workers > 0;
if (!numbers || !names.every((name) => name === "deno" || name === "bun")) {
  console.error(
    "Usage: npm run sim -- --seeds N [--from S] [--runtime deno|bun|both] [--workers N] | --seed S",
  );
  process.exit(2);
}
await ensurePackages();
const rt = await runtimes();
const started = performance.now();
const state = { done: 0, told: 0, failed: [], coverage: {} };
const problems = [];
await Promise.all(Array.from({ length: workers }, (_, at) => work(at)));
report();
if (flags.record) record();
process.exit(problems.length > 0 || state.failed.length > 0 ? 1 : 0);

/** One worker takes every n-th seed. */
async function work(at) {
  const name = names[at % names.length];
  const count = Math.floor((seeds - at - 1) / workers) + 1;
  // A young generation of this size saves a tenth of the time under Deno.
  const v8 = "--v8-flags=--min-semi-space-size=16,--max-semi-space-size=32";
  const args = name === "deno" ? ["run", "-A", "--no-lock", "--no-check", v8] : [];
  let rest = "";
  const outcome = await run(
    rt[name],
    [...args, "tools/sim/worker.ts", from + at, workers, count].map(String),
    {
      cwd: root,
      timeout: count * SLOW_SEED + PATIENCE,
      heard: (text) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop();
        for (const line of lines) hear(line, name);
      },
    },
  );
  if (outcome.code === 0) return;
  console.log(outcome.output.split("\n").filter((line) => !line.startsWith("{")).join("\n"));
  problems.push(`a worker under ${name} ended with ${outcome.code}`);
}

function hear(line, runtime) {
  if (!line.startsWith("{")) return console.log(line);
  const said = JSON.parse(line);
  state.done += said.seeds ?? 0;
  for (const [name, { hits, of }] of Object.entries(said.coverage ?? {})) {
    const counted = state.coverage[name] ??= { hits: 0, of: 0 };
    counted.hits += hits;
    counted.of += of;
  }
  if (said.poor !== undefined) {
    const { poor, events, cuts, brokerFaults } = said;
    problems.push(`seed ${poor} has ${events} events, ${cuts} cuts and ${brokerFaults} faults of the broker`);
  }
  if (said.failed !== undefined) {
    state.failed.push({ seed: said.failed, runtime });
    console.log(`FAILED  seed ${said.failed} under ${runtime}: ${said.rules.join(", ")}`);
    if (said.story !== undefined) console.log(said.story);
  }
  if (state.done - state.told >= 5_000) {
    state.told = state.done;
    console.log(`${state.done} seeds, ${state.failed.length} with anomalies, ${seconds()} s`);
  }
}

function report() {
  const rare = [];
  for (const [name, { hits, of }] of Object.entries(state.coverage)) {
    const share = of === 0 ? 0 : hits / of;
    console.log(
      share > 1
        ? `${name}: ${share.toFixed(1)} a seed`
        : `${name}: ${hits} of ${of}, ${(share * 100).toFixed(1)} %`,
    );
    if (seeds >= ENOUGH_SEEDS && share < LEAST) rare.push(name);
  }
  for (const name of rare) problems.push(`${name}: under ${LEAST * 100} % of its opportunities`);
  for (const problem of problems) console.log(`FAILED  ${problem}`);
  console.log(
    `in ${seconds()} s, ${
      (((performance.now() - started) * workers) / Math.max(1, state.done)).toFixed(1)
    } ms a seed and worker`,
  );
  if (state.failed.length > 0) {
    console.log(`again: npm run sim -- --seed ${state.failed[0].seed} --runtime ${state.failed[0].runtime}`);
  }
  console.log(`seeds ${state.done}, anomalies ${state.failed.length}`);
}

/** The list is the end of the page. */
function record() {
  const git = (...args) => spawnSync("git", args, { cwd: root, encoding: "utf8" }).stdout.trim();
  const isChanged = git(
    "status",
    "--porcelain",
    "--",
    "rpc",
    "client",
    "brokers",
    "msgpack",
    "testing",
    "tools/sim",
  );
  const commit = git("rev-parse", "--short", "HEAD") + (isChanged === "" ? "" : ", changed");
  const more = problems.length === 0 ? "" : `, ${problems.length} other problems`;
  const what = `seeds ${state.done}, anomalies ${state.failed.length}${more}`;
  const how = `${from} to ${from + seeds - 1}, ${names.join(" and ")}, ${seconds()} s, commit ${commit}`;
  appendFileSync(`${root}/docs/proof.md`, `- ${new Date().toISOString().slice(0, 16)}Z: ${what} (${how})\n`);
}

function seconds() {
  return ((performance.now() - started) / 1000).toFixed(0);
}
