// The benchmark: contenders under workloads on the runtimes, one at a time. `node bench/run.mjs --help`; README.md says how to read it.
// Only node: modules and tools/ here: this runs on a machine with nothing but Node, npm and Go.
import { loadavg } from "node:os";
import process from "node:process";
import { ensurePackages, runtimes as findRuntimes } from "../tools/setup.mjs";
import { comparison } from "./compare.mjs";
import { estimate } from "./estimate.mjs";
import { ensureGenerator } from "./generator.mjs";
import { describeMachine, pinnableCores } from "./machine.mjs";
import { checkFree, makeRoom } from "./kept.mjs";
import { measure } from "./measure.mjs";
import { readOptions, USAGE } from "./options.mjs";
import { ensurePeers } from "./peers.mjs";
import { plan, scriptsOf } from "./plan.mjs";
import { inOrder, keptOptions, readRun, resume, sameStep, write } from "./results.mjs";
import { runScript, succeeded } from "./scripts.mjs";
import { summarize } from "./summary.mjs";
import { printTable, printTargets } from "./table.mjs";
import { printAhead, printTargetTable } from "./target_table.mjs";

/** Prints an earlier run. Returns the exit code. */
function show(path) {
  const { machine, scripts, rows } = readRun(path);
  printTable(rows, machine);
  for (const { name, runtime, text } of scripts) console.log(`\n${name}, ${runtime}\n${text}`);
  printTargets(rows, scripts);
  return 0;
}

/** Returns the exit code. */
async function main(options) {
  const earlier = options.compare === undefined ? undefined : readRun(options.compare);
  if (!options.resume) checkFree(options.json);
  await ensurePackages();
  const runtimes = await findRuntimes();
  const [machine, cores] = [await describeMachine(runtimes), await pinnableCores()];
  console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.system}, load ${machine.loadBefore}`);
  console.log(Object.entries(machine.versions).map((pair) => pair.join(" ")).join(", "));
  if (cores.length === 0) console.log("Nothing is pinned: that needs taskset and two cores");
  const run = { machine, cores, ...resume(options, machine) };
  const wanted = plan(options);
  Object.assign(runtimes, await ensurePeers([...new Set(wanted.map(({ contender }) => contender))]));
  if (!options.resume) makeRoom(options.json);
  const todo = left(options, wanted.filter(({ runtime }) => runtimes[runtime] !== undefined), run);
  const generator = todo.steps.length > 0 ? await ensureGenerator() : undefined;
  await measureAll(todo.steps, run, { runtimes, generator, cores, options });
  for (const script of todo.scripts) {
    run.scripts.push(await runScript(script, runtimes));
    save(options, run);
  }
  const rows = summarize(inOrder(run.samples));
  printTable(rows, machine);
  printTargets(rows, run.scripts);
  if (earlier !== undefined) {
    const now = { machine, rows, options: keptOptions(options, run) };
    console.log(`\n${comparison(now, earlier).join("\n")}`);
  }
  return warn(rows, run);
}

/** What is not in the file yet; says how long it takes. */
function left(options, wanted, { samples, scripts }) {
  const steps = wanted.filter((step) => !samples.some((sample) => sameStep(sample, named(step))));
  const asked = scriptsOf(options);
  const unheard = asked.filter(({ name, runtime }) =>
    !scripts.some((other) => other.name === name && other.runtime === runtime)
  );
  const before = wanted.length - steps.length + asked.length - unheard.length;
  if (before > 0) console.log(`${before} were measured before`);
  console.log(estimate(steps, unheard));
  if (options.json !== undefined) console.log(`Kept in ${options.json}: --resume goes on with it`);
  return { steps, scripts: unheard };
}

/** Adds to the samples what is missing; the file, where there is one, has them at once. */
async function measureAll(steps, run, tools) {
  for (const [i, step] of steps.entries()) {
    const sample = await measure(step, tools);
    run.samples.push(sample);
    save(tools.options, run);
    console.error(`${i + 1}/${steps.length} ${describe(sample)}`);
  }
}

function save(options, run) {
  run.machine.loadAfter = Number(loadavg()[0].toFixed(2));
  if (options.json !== undefined) write(options, run);
}

function named({ runtime, workload, contender, repeat }) {
  return { runtime, workload: workload.name, contender: contender.name, repeat };
}

function describe({ runtime, workload, contender, operations, ms, memory, error }) {
  const rate = `${Math.round(operations / ms * 1000)}/s`;
  const result = memory === undefined ? rate : `${Math.round(memory)} bytes each`;
  return `${runtime} ${workload} ${contender}: ${error === undefined ? result : `FAILED ${error}`}`;
}

/** Says what makes the figures doubtful. Returns the exit code. */
function warn(rows, { samples, scripts }) {
  const disturbed = rows.reduce((sum, row) => sum + row.disturbed, 0);
  if (disturbed > 0) {
    console.log(`\nWARNING: other programs ran during ${disturbed} of ${samples.length} measurements.`);
  }
  const failed = samples.filter((sample) => sample.error !== undefined).length;
  if (failed > 0) console.log(`\n${failed} of ${samples.length} measurements failed.`);
  const silent = scripts.filter((script) => !succeeded(script)).map(({ name }) => name);
  if (silent.length > 0) console.log(`\nFailed: ${silent.join(", ")}`);
  return failed + silent.length > 0 ? 1 : 0;
}

/** Reads the command line, or says what is wrong with it. */
function options() {
  const args = process.argv.slice(2);
  if (!args.includes("--help")) {
    try {
      const given = readOptions(args);
      if (plan(given).length + scriptsOf(given).length === 0) {
        throw new Error(
          `Nothing to measure with --only ${given.only}: none of these contenders has that, or runs there`,
        );
      }
      return given;
    } catch (error) {
      console.error(`${error.message} (--help has all options)`);
      process.exitCode = 2;
      return undefined;
    }
  }
  console.log(USAGE);
}

const given = options();
if (given !== undefined) {
  try {
    if (given.targets !== undefined) printTargetTable(given.targets);
    else if (given.ahead !== undefined) printAhead(given.ahead);
    else process.exitCode = given.show === undefined ? await main(given) : show(given.show);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
