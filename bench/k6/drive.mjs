// One run: a fresh server on one core, k6 on the other, and what the server took meanwhile.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { run } from "../../tools/child.mjs";
import { root } from "../../tools/setup.mjs";
import { growthOf, slopeOf, warm } from "../../tools/soak/slope.mjs";
import { pinned, startServer } from "../server.mjs";
import { bundle } from "./bundle.mjs";
import { contenderNamed } from "./contenders.mjs";
import { cpuOf, watchMemory } from "./process.mjs";
import { scripts } from "./scripts.mjs";

/** Where bundles and results are: ignored by git. */
export const RESULTS = join(root, ".millrace", "k6", "results");
/** What k6 may take beyond the times of a run. */
const PATIENCE = 60_000;
const MIB = 1 << 20;

/**
 * @typedef {object} Job
 * @property {string} script
 * @property {"bun" | "deno"} runtime
 * @property {string} [contender]  where the script can drive others than Millrace
 * @property {string} [wire]  another than the contender's, which then must fail
 * @property {import("./scripts.mjs").Settings} settings
 * @property {boolean} html  whether the report is written
 */

/**
 * @typedef {object} Result
 * @property {boolean} ok  every threshold held, and k6 ended well
 * @property {string} output  what k6 said, and the server where that failed
 * @property {string} said  what k6 said
 * @property {object} metrics  k6's, by name
 * @property {{ ms: number, cpu?: number, work: number, perOperation?: number }} steady  ms of the server's CPU, operations, µs for one
 * @property {{ before: number, after: number, slope: number, growth: number, samples: object[] }} memory  MiB; MiB a minute
 */

/**
 * Runs one script. Never leaves a process behind.
 *
 * @param {Job} job
 * @param {{ k6: string, runtimes: Record<string, string>, cores: number[] }} machine
 * @returns {Promise<Result & { job: Job, files: string[] }>}
 */
export async function drive(job, { k6, runtimes, cores }) {
  const { script, runtime, settings, wire } = job;
  const contender = served(job);
  const path = await bundle(script);
  const server = await startServer(contender, { runtime, path: runtimes[runtime], core: cores[0] });
  try {
    const url = `ws://127.0.0.1:${server.port}${contender.path}`;
    const files = filesOf(job);
    const clock = new Clock(server.pid);
    const stopWatching = watchMemory(server.pid);
    const args = ["run", "--quiet", "--no-usage-report", "--log-format", "raw", "--log-output", "stdout"];
    const given = {
      URL: url,
      SCRIPT: script,
      RUNTIME: runtime,
      CONTENDER: contender.name,
      WIRE: wire ?? contender.wire,
      SUMMARY: files.summary,
    };
    const settingsOfRun = Object.entries({ ...capitals(settings), ...given }).flatMap(([name, value]) => [
      "-e",
      `${name}=${value}`,
    ]);
    const [command, ...rest] = pinned(cores[1], [k6, ...args, ...settingsOfRun, path]);
    const outcome = await run(command, rest, {
      env: dashboard(job, files),
      timeout: (settings.warmUp + settings.seconds) * 1000 + PATIENCE,
      heard: (text) => clock.hear(text),
    });
    const samples = stopWatching();
    const metrics = metricsIn(files.summary);
    const steady = clock.steady(metrics[scripts[script].counts]?.values.count ?? 0);
    const output = outcome.code === 0
      ? outcome.output
      : `${outcome.output}\n(the server said)\n${server.output()}`;
    const result = {
      ok: outcome.code === 0,
      output,
      said: outcome.output,
      metrics,
      steady,
      memory: memoryIn(samples),
    };
    writeFileSync(files.json, JSON.stringify({ date: new Date().toISOString(), job, ...result }, null, 2));
    return { ...result, job, files: [files.json, ...(job.html ? [files.html] : [])].map(fromRoot) };
  } finally {
    await server.stop();
  }
}

/** The contender's own server, or that of the scripts. */
function served({ script, contender, runtime }) {
  if (scripts[script].speaksAll) return contenderNamed(contender ?? "millrace", runtime);
  return { name: "millrace", file: "../k6/server.ts", wire: "millrace", path: "/" };
}

/** k6 says when the steady part begins and ends, and the server's CPU is read then. */
class Clock {
  #pid;
  #rest = "";
  #readings = [];

  constructor(pid) {
    this.#pid = pid;
  }

  hear(text) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("@steady")) this.#readings.push({ at: performance.now(), cpu: cpuOf(this.#pid) });
    }
  }

  steady(work) {
    const [from, to] = this.#readings;
    if (to === undefined) return { ms: 0, work };
    const ms = to.at - from.at;
    if (to.cpu === undefined || from.cpu === undefined) return { ms, work };
    const cpu = to.cpu - from.cpu;
    return { ms, work, cpu, perOperation: work === 0 ? undefined : cpu * 1000 / work };
  }
}

function filesOf({ script, runtime, contender = "millrace" }) {
  mkdirSync(RESULTS, { recursive: true });
  const name = join(RESULTS, [script, contender, runtime].join("-"));
  const files = { json: `${name}.json`, html: `${name}.html`, summary: `${name}.k6.json` };
  for (const file of Object.values(files)) rmSync(file, { force: true });
  return files;
}

/** k6 writes the report itself, at its end; the page that it would serve meanwhile stays off. */
function dashboard({ html, settings }, files) {
  if (!html) return {};
  const seconds = settings.warmUp + settings.seconds;
  return {
    K6_WEB_DASHBOARD: "true",
    K6_WEB_DASHBOARD_PORT: "-1",
    K6_WEB_DASHBOARD_PERIOD: seconds < 10 ? "200ms" : "1s", // fewer than a handful of points, and k6 writes none
    K6_WEB_DASHBOARD_EXPORT: files.html,
  };
}

/** warmUp: WARM_UP */
function capitals(settings) {
  return Object.fromEntries(
    Object.entries(settings).map((
      [name, value],
    ) => [name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(), value]),
  );
}

function metricsIn(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).metrics;
  } catch {
    return {}; // k6 did not come to its end, and its exit code says so
  }
}

/** The first third, at most two minutes, is warm-up. */
function memoryIn(samples) {
  if (samples.length < 3) return { samples };
  const measured = warm(samples, samples.at(-1).at);
  return {
    before: samples[0].bytes / MIB,
    after: samples.at(-1).bytes / MIB,
    peak: Math.max(...samples.map(({ bytes }) => bytes)) / MIB,
    slope: slopeOf(measured),
    growth: measured.length < 3 ? 0 : growthOf(measured),
    samples,
  };
}

function fromRoot(path) {
  return relative(root, path);
}
