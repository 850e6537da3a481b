// Runs simulated seeds, on all cores: real clients and the real server under virtual time, a network and a broker that fail, and a checker that
// reads what happened.
//
//   npm run sim -- --seeds N [--from S] [--runtime deno|bun|both] [--workers N]
//   npm run sim -- --seeds N --progress FILE [--for SECONDS]   a long run, in parts: what is finished stands in the file and is not run again
//   npm run sim -- --seed S      one seed again, with its trace
//
// `--record` adds a line to the list at the end of docs/proof.md, once all seeds have been run.
//
// Ends with `seeds N, anomalies N` and exit code 1 if there was any, or if something that should happen hardly did. A seed is the same whenever it
// is run; under the other runtime the order of what happens in one turn may differ, since async generators settle after another number of microtasks there.
import { appendFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { run } from "./child.mjs";
import { ensurePackages, root, runtimes } from "./setup.mjs";
import { commitOf, Progress, slicesOf } from "./sim/progress.mjs";

/** Milliseconds that one seed may take on a machine that is busy. */
const SLOW_SEED = 2_000;
/** Milliseconds for the start, and for shrinking what failed. */
const PATIENCE = 120_000;
/** What has to happen at least once in a hundred times that it could. */
const LEAST = 0.01;
/** With fewer seeds than this, chance says more than coverage. */
const ENOUGH_SEEDS = 500;
/** Seeds of a slice, at most: some ten seconds of work are lost when a run is ended. */
const SLICE = 500;
/** Slices that each worker gets at least, so that none waits long for the last. */
const SHARES = 8;
/** Milliseconds between two lines that say how far it is. */
const TOLD_EVERY = 60_000;
/**
 * How each runtime is started. Histories live for a seed: a young generation that holds several of them saves a sixth of the time under Deno, and a collector
 * that does not run beside the program saves as much under Bun, since the other core has a worker of its own.
 */
const WAYS = {
  deno: {
    args: [
      "run",
      "-A",
      "--no-lock",
      "--no-check",
      "--v8-flags=--min-semi-space-size=64,--max-semi-space-size=64",
    ],
    env: {},
  },
  bun: { args: [], env: { BUN_JSC_useConcurrentGC: "0" } },
};

const { values: flags } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    record: { type: "boolean", default: false },
    progress: { type: "string" },
    for: { type: "string", default: "Infinity" },
    runtime: { type: "string", default: "both" },
    workers: { type: "string", default: String(availableParallelism()) },
  },
});
const alone = flags.seed !== undefined;
const [from, seeds] = alone ? [Number(flags.seed), 1] : [Number(flags.from), Number(flags.seeds)];
const workers = Math.min(Number(flags.workers), seeds);
const names = flags.runtime === "both" ? ["deno", "bun"] : [flags.runtime];
const numbers = [from, seeds, workers].every((n) => Number.isSafeInteger(n) && n >= 0) && workers > 0;
if (!numbers || !(Number(flags.for) > 0) || !names.every((name) => Object.hasOwn(WAYS, name))) {
  console.error(
    "Usage: npm run sim -- --seeds N [--from S] [--runtime deno|bun|both] [--workers N] [--progress FILE] [--for SECONDS] | --seed S",
  );
  process.exit(2);
}
await ensurePackages();
const rt = await runtimes();
const { commit, isChanged } = commitOf(root);
if (flags.progress !== undefined && isChanged) {
  console.error(
    "Cannot go on with a run: the code has changes that are not committed, and its seeds are others",
  );
  process.exit(2);
}
const progress = new Progress(root, flags.progress);
const started = performance.now();
const state = { seeds: 0, cpu: 0, failed: [], coverage: {}, problems: [] };
const before = progress.read(from, seeds);
before.forEach(count);
const earlier = state.seeds;
if (earlier > 0) console.log(`${earlier} seeds have been run before, ${state.failed.length} with anomalies`);
const size = Math.min(SLICE, Math.ceil(seeds / workers / SHARES));
const waiting = slicesOf(from, seeds, size, before);
const ticking = setInterval(() => {
  console.log(`${state.seeds} of ${seeds} seeds, ${state.failed.length} with anomalies, ${seconds()} s`);
}, TOLD_EVERY);
await Promise.all(
  Array.from({ length: Math.min(workers, waiting.length) }, (_, at) => work(names[at % names.length])),
);
clearInterval(ticking);
const isWhole = state.seeds === seeds;
report();
if (flags.record && isWhole) record();
process.exit(state.problems.length > 0 || state.failed.length > 0 ? 1 : 0);

/** One worker takes slices as long as there are any. */
async function work(name) {
  const { args, env } = WAYS[name];
  let rest = "";
  let found = { failed: [], problems: [] };
  const outcome = await run(rt[name], [...args, "tools/sim/worker.ts"], {
    cwd: root,
    env,
    listens: true,
    timeout: Math.min(2 ** 31 - 1, seeds * SLOW_SEED + PATIENCE),
    heard: (text, answer) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith("{")) console.log(line);
        else if (hear(JSON.parse(line), name, found)) {
          found = { failed: [], problems: [] };
          answer(`${next()}\n`);
        }
      }
    },
  });
  if (outcome.code === 0) return;
  console.log(outcome.output.split("\n").filter((line) => !line.startsWith("{")).join("\n"));
  state.problems.push(`a worker under ${name} ended with ${outcome.code}`);
}

/** What a worker is told to do next. */
function next() {
  const slice = performance.now() - started < Number(flags.for) * 1_000 ? waiting.shift() : undefined;
  return slice === undefined ? "end" : `${slice.from} ${slice.count}`;
}

/** Takes in what a worker says. Says whether it wants something to do. */
function hear(said, runtime, found) {
  if (said.poor !== undefined) {
    const { poor, events, cuts, brokerFaults } = said;
    found.problems.push(
      `seed ${poor} has ${events} events, ${cuts} cuts and ${brokerFaults} faults of the broker`,
    );
  }
  if (said.failed !== undefined) {
    found.failed.push({ seed: said.failed, runtime });
    console.log(`FAILED  seed ${said.failed} under ${runtime}: ${said.rules.join(", ")}`);
    if (said.story !== undefined) console.log(said.story);
  }
  if (said.slice === undefined) return said.ready === true;
  const slice = { ...said.slice, runtime, cpu: said.cpu, ...found, coverage: said.coverage };
  progress.add(slice);
  count(slice);
  return true;
}

/** Adds a slice to what is known. */
function count(slice) {
  state.seeds += slice.count;
  state.cpu += slice.cpu;
  state.failed.push(...slice.failed);
  state.problems.push(...slice.problems);
  for (const [name, { hits, of }] of Object.entries(slice.coverage)) {
    const counted = state.coverage[name] ??= { hits: 0, of: 0 };
    counted.hits += hits;
    counted.of += of;
  }
}

function report() {
  const { coverage, problems, failed } = state;
  const rare = [];
  for (const [name, { hits, of }] of Object.entries(coverage)) {
    const share = of === 0 ? 0 : hits / of;
    console.log(
      share > 1
        ? `${name}: ${share.toFixed(1)} a seed`
        : `${name}: ${hits} of ${of}, ${(share * 100).toFixed(1)} %`,
    );
    if (state.seeds >= ENOUGH_SEEDS && share < LEAST) rare.push(name);
  }
  for (const name of rare) problems.push(`${name}: under ${LEAST * 100} % of its opportunities`);
  // A slice whose worker ended says nothing: it is not counted, and the run is not whole.
  if (!isWhole && flags.for === "Infinity") problems.push(`only ${state.seeds} of ${seeds} seeds were run`);
  for (const problem of problems) console.log(`FAILED  ${problem}`);
  console.log(`in ${seconds()} s, ${(state.cpu / Math.max(1, state.seeds)).toFixed(1)} ms of CPU a seed`);
  if (failed.length > 0) {
    console.log(`again: npm run sim -- --seed ${failed[0].seed} --runtime ${failed[0].runtime}`);
  }
  if (!isWhole) console.log(`${seeds - state.seeds} seeds are left: the same command goes on`);
  console.log(`seeds ${state.seeds}, anomalies ${failed.length}`);
}

/** The list is the end of the page. */
function record() {
  const { problems, failed } = state;
  const more = problems.length === 0 ? "" : `, ${problems.length} other problems`;
  const what = `seeds ${state.seeds}, anomalies ${failed.length}${more}`;
  const time = earlier > 0 ? `${Math.round(state.cpu / 1_000)} s of CPU in parts` : `${seconds()} s`;
  const code = commit + (isChanged ? ", changed" : "");
  const how = `${from} to ${from + seeds - 1}, ${names.join(" and ")}, ${time}, commit ${code}`;
  appendFileSync(`${root}/docs/proof.md`, `- ${new Date().toISOString().slice(0, 16)}Z: ${what} (${how})\n`);
}

function seconds() {
  return ((performance.now() - started) / 1_000).toFixed(0);
}
