// The benchmark: every contender under every workload on both runtimes, one at a time. `node bench/run.mjs --help`; README.md says how to
// read it. Only node: modules and tools/ here: this runs on a machine with nothing but Node and npm.
import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import process from "node:process";
import { ensurePackages, runtimes as findRuntimes } from "../tools/setup.mjs";
import { printComparison } from "./compare.mjs";
import { describeMachine, pinnableCores } from "./machine.mjs";
import { measure } from "./measure.mjs";
import { readOptions, USAGE } from "./options.mjs";
import { summarize } from "./summary.mjs";
import { printTable } from "./table.mjs";

/** Everything that is to be measured. The repeats are outermost, and each begins with another contender. */
function plan({ repeats, runtimes, workloads, contenders }) {
  return Array.from(
    { length: repeats },
    (_, repeat) =>
      runtimes.flatMap((runtime) =>
        workloads.flatMap((workload) => {
          const here = contenders.filter((contender) => contender.runtimes.includes(runtime));
          const first = repeat % here.length;
          const order = [...here.slice(first), ...here.slice(0, first)];
          return order.map((contender) => ({ runtime, workload, contender, repeat }));
        })
      ),
  ).flat();
}

/** Returns the exit code. */
async function main(options) {
  await ensurePackages();
  const runtimes = await findRuntimes();
  const [machine, cores] = [await describeMachine(runtimes), await pinnableCores()];
  console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.system}, load ${machine.loadBefore}`);
  console.log(Object.entries(machine.versions).map((pair) => pair.join(" ")).join(", "));
  if (cores.length === 0) console.log("Nothing is pinned: that needs Linux, taskset and two cores");
  const steps = plan(options);
  const samples = [];
  for (const [i, step] of steps.entries()) {
    const sample = await measure(step, { runtimes, cores, options });
    samples.push(sample);
    console.error(`${i + 1}/${steps.length} ${describe(sample)}`);
  }
  machine.loadAfter = Number(loadavg()[0].toFixed(2));
  const rows = summarize(sorted(samples, options));
  printTable(rows, machine);
  if (options.compare !== undefined) printComparison(rows, options.compare);
  if (options.json !== undefined) save(options, { machine, cores, rows, samples });
  return warn(rows, samples);
}

function describe({ runtime, workload, contender, operations, ms, error }) {
  const result = error === undefined ? `${Math.round(operations / ms * 1000)}/s` : `FAILED ${error}`;
  return `${runtime} ${workload} ${contender}: ${result}`;
}

/** In the order of the table, whatever order they were measured in. */
function sorted(samples, { contenders }) {
  const place = (sample) => contenders.findIndex(({ name }) => name === sample.contender);
  return samples.toSorted((a, b) => place(a) - place(b));
}

function save({ json, repeats, seconds, warmUp, mib }, { machine, cores, rows, samples }) {
  const options = { repeats, seconds, warmUp, mib, pinned: cores.length > 0 };
  writeFileSync(json, `${JSON.stringify({ format: 1, machine, options, rows, samples }, null, 2)}\n`);
  console.log(`\nWritten to ${json}`);
}

/** Says what makes the figures doubtful. Returns the exit code. */
function warn(rows, samples) {
  const disturbed = rows.reduce((sum, row) => sum + row.disturbed, 0);
  if (disturbed > 0) {
    console.log(`\nWARNING: other programs ran during ${disturbed} of ${samples.length} measurements.`);
  }
  const failed = samples.filter((sample) => sample.error !== undefined).length;
  if (failed > 0) console.log(`\n${failed} of ${samples.length} measurements failed.`);
  return failed > 0 ? 1 : 0;
}

/** Reads the command line; says how to use it where that fails. */
function options() {
  const args = process.argv.slice(2);
  if (!args.includes("--help")) {
    try {
      return readOptions(args);
    } catch (error) {
      console.error(error.message);
      process.exitCode = 2;
    }
  }
  console.log(USAGE);
}

const given = options();
if (given !== undefined) process.exitCode = await main(given);
