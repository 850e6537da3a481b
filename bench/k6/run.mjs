// Runs the k6 scripts: `npm run k6 -- SCRIPT`. README.md says what each shows. Only node: modules and tools/ here: this runs on a machine
// with nothing but Node, npm and Go, or a k6.
import process from "node:process";
import { parseArgs } from "node:util";
import { run } from "../../tools/child.mjs";
import { k6 as findK6, K6_COMMAND } from "../../tools/k6.mjs";
import { ensurePackages, runtimes as findRuntimes } from "../../tools/setup.mjs";
import { checkFree } from "../kept.mjs";
import { describeMachine, pinnableCores } from "../machine.mjs";
import { ensurePeers, PEERS } from "../peers.mjs";
import { contenderNamed, contendersOn } from "./contenders.mjs";
import { drive } from "./drive.mjs";
import { faultsOf, printRun } from "./findings.mjs";
import { order } from "./order.mjs";
import { scripts } from "./scripts.mjs";
import { smoke } from "./smoke.mjs";

const USAGE = `npm run k6 -- SCRIPT [options]

${Object.entries(scripts).map(([name, { title }]) => `  ${name.padEnd(14)}${title}`).join("\n")}
  ${
  "order".padEnd(14)
}throughput for every contender of the quick benchmark: a table of the server's CPU for a call
  ${"smoke".padEnd(14)}a few seconds of each script, as the test command does it

  --runtime NAME      bun, deno, or both (bun)
  --contender NAME    throughput only: ${contendersOn("bun").map(({ name }) => name).join(", ")} (millrace)
  --connections N     how many
  --rate N            operations a second: calls; items of the producer in fan_out
  --burst N           throughput, order: calls of a connection at one moment, each in a frame of its own (1)
  --warm-up N         seconds before anything counts; connections are opened in it
  --seconds N         seconds that count
  --visits N          spike, soak: clients a second that come and go
  --times N           spike: by how much the load jumps (10)
  --side NAME         reconnect: who ends the connections, server or client (server)
  --jitter N          reconnect: ms; a client comes back after a random time up to it
  --slope N           soak: MiB a minute that the server may grow by, in runs of three minutes and more (4)
  --repeats N         order: how often (3)
  --json FILE         order: where every figure is kept (.millrace/k6/results/order.json)
  --no-html           no report

Results are in .millrace/k6/results: all figures as JSON, k6's report as HTML.`;

const numbers = [
  "connections",
  "rate",
  "burst",
  "warm-up",
  "seconds",
  "visits",
  "times",
  "jitter",
  "slope",
  "repeats",
];

/** @throws {Error} with what is wrong with the command line */
function readOptions(args) {
  const text = { type: "string" };
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      runtime: { ...text, default: "bun" },
      contender: text,
      side: text,
      json: text,
      "no-html": { type: "boolean", default: false },
      ...Object.fromEntries(numbers.map((name) => [name, text])),
    },
  });
  const [script] = positionals;
  if (positionals.length !== 1 || !(script in scripts || ["order", "smoke"].includes(script))) {
    throw new Error(`Name one of ${[...Object.keys(scripts), "order", "smoke"].join(", ")}`);
  }
  const runtimes = values.runtime === "both" ? ["bun", "deno"] : [values.runtime];
  if (!runtimes.every((name) => name === "bun" || name === "deno")) {
    throw new Error("--runtime: bun, deno or both");
  }
  if (!["server", "client", undefined].includes(values.side)) throw new Error("--side: server or client");
  if (values.contender !== undefined) checkContender(values.contender, script, runtimes);
  if (values.json !== undefined && script !== "order") {
    throw new Error(`--json is of order, not of ${script}`);
  }
  checkFree(values.json);
  const settings = {};
  for (const name of numbers.filter((name) => values[name] !== undefined)) {
    const value = Number(values[name]);
    if (!(value > 0)) throw new Error(`--${name}: a number above 0, not ${values[name]}`);
    if (["connections", "burst", "repeats"].includes(name) && !Number.isSafeInteger(value)) {
      throw new Error(`--${name}: a whole number, not ${values[name]}`);
    }
    settings[name.replace("-u", "U")] = value;
  }
  const { slope = 4, repeats = 3, ...ofScript } = settings;
  if (values.side !== undefined) ofScript.side = values.side;
  return {
    script,
    runtimes,
    contender: values.contender,
    json: values.json,
    settings: ofScript,
    slope,
    repeats,
    html: !values["no-html"],
  };
}

/** Most scripts have a server of their own, which others than Millrace do not speak with. */
function checkContender(name, script, runtimes) {
  for (const runtime of runtimes) contenderNamed(name, runtime);
  if (name !== "millrace" && scripts[script]?.speaksAll !== true) {
    const able = Object.keys(scripts).filter((other) => scripts[other].speaksAll);
    throw new Error(
      `Cannot run ${script} with --contender ${name}: only ${able.join(", ")} has other contenders`,
    );
  }
}

/** Returns the exit code. */
async function main(options) {
  await ensurePackages();
  await ensurePeers(PEERS.filter(({ runtimes }) => !runtimes.includes("go")));
  const k6 = await findK6();
  if (k6 === undefined) {
    console.error(
      `There is no k6, and no Go to build it: install one with \`${K6_COMMAND}\`, or set MILLRACE_K6`,
    );
    return 1;
  }
  const { code: cannotRun, output } = await run(k6, ["version"], { timeout: 20_000 });
  if (cannotRun) throw new Error(`Cannot run the k6 that MILLRACE_K6 or PATH names, ${k6}: ${output.trim()}`);
  const machine = { k6, runtimes: await findRuntimes(), cores: await pinnableCores() };
  if (options.script === "smoke") return await smoke(machine);
  const described = await describeMachine(machine.runtimes);
  const { cpu, cores, system, loadBefore, versions } = described;
  console.log(`${cpu}, ${cores} cores, ${system}, load ${loadBefore}`);
  console.log(Object.entries(versions).map((pair) => pair.join(" ")).join(", "));
  if (machine.cores.length === 0) console.log("Nothing is pinned: that needs Linux, taskset and two cores");
  if (options.script === "order") return await order(options, machine, described);
  let code = 0;
  for (const runtime of options.runtimes) code = Math.max(code, await one({ ...options, runtime }, machine));
  return code;
}

async function one({ script, runtime, contender, settings, slope, html }, machine) {
  const { defaults, opens } = scripts[script];
  const all = { ...defaults, ...settings };
  if (opens !== undefined) all.warmUp ??= Math.ceil(all.connections / opens) + 5;
  const job = { script, runtime, contender, html, settings: all };
  const result = await drive(job, machine);
  const faults = faultsOf(result, { slope });
  printRun(result, faults);
  return faults.length === 0 ? 0 : 1;
}

/** Reads the command line, or says what is wrong with it. */
function options() {
  const args = process.argv.slice(2);
  if (!args.includes("--help")) {
    try {
      return readOptions(args);
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
    process.exitCode = await main(given);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
