// The benchmark: contenders under workloads on the runtimes, one at a time. `node bench/run.mjs --help`; README.md says how to read it.
// Only node: modules and tools/ here: this runs on a machine with nothing but Node, npm and Go.
import { loadavg } from "node:os";
import process from "node:process";
import { ensurePackages, runtimes as findRuntimes } from "../tools/setup.mjs";
import { printComparison } from "./compare.mjs";
import { takesPart } from "./contenders.mjs";
import { ensureGenerator } from "./generator.mjs";
import { describeMachine, pinnableCores } from "./machine.mjs";
import { measure } from "./measure.mjs";
import { readOptions, USAGE } from "./options.mjs";
import { ensurePeers } from "./peers.mjs";
import { read, resume, sameStep, write } from "./results.mjs";
import { summarize } from "./summary.mjs";
import { printTable } from "./table.mjs";

/** Everything that is to be measured. The repeats are outermost, and each begins with another contender. */
function plan({ repeats, runtimes, workloads, contenders, fewer }) {
  return Array.from(
    { length: repeats },
    (_, repeat) =>
      runtimes.flatMap((runtime) =>
        workloads.flatMap((workload) => {
          const here = contenders.filter((contender) => takesPart(contender, workload, { fewer, runtime }));
          const first = here.length === 0 ? 0 : repeat % here.length;
          const order = [...here.slice(first), ...here.slice(0, first)];
          return order.map((contender) => ({ runtime, workload, contender, repeat }));
        })
      ),
  ).flat();
}

/** Prints an earlier run. Returns the exit code. */
function show(path) {
  const { rows, machine } = read(path);
  printTable(rows, machine);
  return 0;
}

/** Returns the exit code. */
async function main(options) {
  await ensurePackages();
  const [runtimes, generator] = [await findRuntimes(), await ensureGenerator()];
  const [machine, cores] = [await describeMachine(runtimes), await pinnableCores()];
  console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.system}, load ${machine.loadBefore}`);
  console.log(Object.entries(machine.versions).map((pair) => pair.join(" ")).join(", "));
  if (cores.length === 0) console.log("Nothing is pinned: that needs taskset and two cores");
  const samples = resume(options, machine);
  Object.assign(runtimes, await ensurePeers([...new Set(plan(options).map(({ contender }) => contender))]));
  await measureAll(samples, { runtimes, generator, cores, machine, options });
  const rows = summarize(sorted(samples, options));
  printTable(rows, machine);
  if (options.compare !== undefined) printComparison(rows, options.compare);
  return warn(rows, samples);
}

/** Adds to the samples what is missing; the file, where there is one, has them at once. */
async function measureAll(samples, { machine, cores, options, ...tools }) {
  const steps = plan(options).filter(({ runtime }) => tools.runtimes[runtime] !== undefined);
  const missing = steps.filter((step) => !samples.some((sample) => sameStep(sample, named(step))));
  if (missing.length < steps.length) console.log(`${steps.length - missing.length} were measured before`);
  for (const [i, step] of missing.entries()) {
    const sample = await measure(step, { ...tools, cores, options });
    samples.push(sample);
    machine.loadAfter = Number(loadavg()[0].toFixed(2));
    if (options.json !== undefined) write(options, { machine, cores, samples });
    console.error(`${i + 1}/${missing.length} ${describe(sample)}`);
  }
  if (options.json !== undefined) console.log(`\nWritten to ${options.json}`);
}

function named({ runtime, workload, contender, repeat }) {
  return { runtime, workload: workload.name, contender: contender.name, repeat };
}

function describe({ runtime, workload, contender, operations, ms, memory, error }) {
  const rate = `${Math.round(operations / ms * 1000)}/s`;
  const result = memory === undefined ? rate : `${Math.round(memory)} bytes each`;
  return `${runtime} ${workload} ${contender}: ${error === undefined ? result : `FAILED ${error}`}`;
}

/** In the order of the table, whatever order they were measured in. */
function sorted(samples, { contenders }) {
  const place = (sample) => contenders.findIndex(({ name }) => name === sample.contender);
  return samples.toSorted((a, b) => place(a) - place(b));
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
if (given !== undefined) {
  try {
    process.exitCode = given.show === undefined ? await main(given) : show(given.show);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
