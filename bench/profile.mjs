// What a server of the benchmark is busy with: shares of the samples of its JavaScript, by module and by function; or with --perf of its process,
// by program and library: the kernel, the runtime, what was compiled while it ran.
//
//   npm run bench:profile -- --only deno,unary-50x16[,millrace] [--seconds 4] [--warm-up 5] [--top 25] [--perf] [--json FILE]
//
// The sampler costs some per cent. Bun's sees JavaScript and what it calls, but no time in the kernel before its handler runs; Deno's has that as
// "(program)" and "native". So shares of the two are not comparable, and only --perf says how much of a server's time is JavaScript.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { run } from "../tools/child.mjs";
import { ensurePackages, root, runtimes as findRuntimes } from "../tools/setup.mjs";
import { CONTENDERS, takesPart } from "./contenders.mjs";
import { ensureGenerator } from "./generator.mjs";
import { describeMachine, pinnableCores } from "./machine.mjs";
import { checkFree, makeRoom } from "./kept.mjs";
import { measure } from "./measure.mjs";
import { readOptions } from "./options.mjs";
import { ensurePeers } from "./peers.mjs";
import { shares } from "./profile/shares.mjs";

const FILE = `${root}/.millrace/profile.json`;
/** ms of the measured time that are left out at each end. */
const MARGIN = 300;

const STRING = { type: "string" };
const OPTIONS = {
  only: { ...STRING, default: "bun,unary-50x16" },
  seconds: { ...STRING, default: "4" },
  "warm-up": { ...STRING, default: "5" },
  top: { ...STRING, default: "25" },
  perf: { type: "boolean", default: false },
  json: STRING,
};
const USAGE =
  "npm run bench:profile -- --only deno,unary-50x16[,millrace] [--seconds 4] [--warm-up 5] [--top 25] [--perf] [--json FILE]";

/** The options and what they name; undefined where help was asked for, or they are wrong and that was said. */
function given() {
  if (process.argv.includes("--help")) return void console.log(USAGE);
  try {
    const { values } = parseArgs({ options: OPTIONS });
    if (!(Number.isSafeInteger(Number(values.top)) && Number(values.top) > 0)) {
      throw new Error(`Cannot use --top ${values.top}: must be a whole number above 0`);
    }
    checkFree(values.json);
    return { values, ...chosen(values) };
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exitCode = 2;
  }
}

/** One runtime, one workload, one contender; Millrace where none is named. */
function chosen(values) {
  const times = ["--seconds", values.seconds, "--warm-up", values["warm-up"]];
  const options = readOptions(["--only", values.only, ...times]);
  const { runtimes, workloads, scripts } = options;
  const contenders = options.contenders.length === CONTENDERS.length
    ? CONTENDERS.filter(({ name }) => name === "millrace")
    : options.contenders;
  const one = [runtimes, workloads, contenders].every(({ length }) => length === 1);
  if (!one || scripts.length > 0) {
    throw new Error(
      `Cannot profile --only ${values.only}: name a runtime, a workload and at most one contender`,
    );
  }
  const [[runtime], [workload], [contender]] = [runtimes, workloads, contenders];
  const step = { runtime, workload, contender, repeat: 0, seconds: options.seconds };
  if (!takesPart(step.contender, step.workload, step)) {
    throw new Error(
      `Cannot profile --only ${values.only}: ${step.contender.name} has not that, or runs not there`,
    );
  }
  return { options, step };
}

async function main({ values, options, step }) {
  await ensurePackages();
  if (values.perf && (await run("perf", ["--version"])).code !== 0) {
    throw new Error(
      "--perf needs perf, and there is none on PATH: Linux has it in linux-perf or linux-tools",
    );
  }
  const runtimes = await findRuntimes();
  Object.assign(runtimes, await ensurePeers([step.contender]));
  const tools = { runtimes, generator: await ensureGenerator(), cores: await pinnableCores(), options };
  const { warmUp, more = 0 } = step.workload; // opening many connections takes some of the time, at most
  const ms = (options.seconds - more) * 1000 - 2 * MARGIN;
  if (ms < 500) {
    throw new Error(`Cannot sample ${ms} ms: ${step.workload.name} needs --seconds over ${more + 2}`);
  }
  const begin = (warmUp + more) * 1000 + MARGIN;
  const [sample, found] = values.perf
    ? await perf(step, tools, { begin, ms })
    : await sampled(step, tools, { begin, ms });
  if (sample.error !== undefined) throw new Error(sample.error);
  const { runtime, workload, contender, serverCpu, operations } = sample;
  const machine = await describeMachine(runtimes);
  console.log(
    `${runtime} ${machine.versions[runtime]}, ${workload}, ${contender}, ${machine.versions.millrace}`,
  );
  console.log(`${(serverCpu * 1000 / operations).toFixed(2)} µs of CPU for one operation, this included`);
  print(found, Number(values.top));
  if (values.json !== undefined) {
    makeRoom(values.json);
    writeFileSync(values.json, JSON.stringify({ machine, sample, found }, null, 2));
  }
}

/** By the sampler of the engine. */
async function sampled(step, tools, { begin, ms }) {
  mkdirSync(`${root}/.millrace`, { recursive: true });
  rmSync(FILE, { force: true });
  const during = async ({ pid }) => {
    await setTimeout(begin);
    process.kill(pid, "SIGUSR2");
    for (let waited = 0; !existsSync(FILE) && waited < ms + 10_000; waited += 50) await setTimeout(50);
  };
  const entry = "bench/profile/sampler.mjs";
  const env = {
    PROFILE_FILE: FILE,
    PROFILE_MS: String(ms),
    PROFILE_CONTENDER: `${root}/bench/contenders/${step.contender.file}`,
  };
  const sample = await measure(step, { ...tools, during, entry, env });
  if (!existsSync(FILE)) throw new Error(`The server left no profile. ${sample.error ?? ""}`);
  return [sample, shares(JSON.parse(readFileSync(FILE, "utf8")), root)];
}

/** By the kernel: shares of the process's time by program and library; "[JIT]" is compiled JavaScript. */
async function perf(step, tools, { begin, ms }) {
  const file = `${FILE}.perf`;
  const during = async ({ pid }) => {
    await setTimeout(begin);
    return run(
      "perf",
      ["record", "-q", "-F", "997", "-o", file, "-p", pid, "--", "sleep", ms / 1000].map(String),
    );
  };
  const sample = await measure(step, { ...tools, during });
  const { stdout, output, code } = await run("perf", [
    "report",
    "-i",
    file,
    "--stdio",
    "-q",
    "--sort",
    "dso",
  ]);
  if (code !== 0) throw new Error(`perf says: ${output}`);
  const modules = [...stdout.matchAll(/^\s*([\d.]+)%\s+(.+?)\s*$/gm)].map((
    [, share, name],
  ) => [name, share / 100]);
  return [sample, { modules, functions: [] }];
}

function print({ samples, modules, functions }, top) {
  for (const [title, rows] of [["by module", modules], ["by function", functions]]) {
    if (rows.length === 0) continue;
    console.log(`\n${title}${samples === undefined ? "" : `, of ${samples} busy samples`}`);
    for (const [name, share] of rows.slice(0, top)) {
      console.log(`${(share * 100).toFixed(1).padStart(6)} %  ${name}`);
    }
  }
}

const asked = given();
try {
  if (asked !== undefined) await main(asked);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
