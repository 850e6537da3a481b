// Calls, streams, uploads, cancels and reconnects for minutes, under each runtime at once: whether memory grows, and whether
// everything that was begun has ended.
//
//   npm run soak -- [--minutes N] [--only deno,bun] [--seed N]
//
// Work stops every few seconds until nothing is in flight; then both processes collect and measure. After the first two
// minutes (the first third of a run under six) neither heap may grow by 1 MiB a minute, by least squares. Exit 1 if
// one does, if a gauge does not return to 0, or if an operation ends otherwise than it should.
import process from "node:process";
import { parseArgs } from "node:util";
import { serving } from "../tests/runner/serving.mjs";
import { run } from "./child.mjs";
import { ensurePackages, root, runtimes } from "./setup.mjs";
import { slopeOf, warm } from "./soak/slope.mjs";

const MIB = 1 << 20;
/** MiB a minute. */
const MOST_SLOPE = 1;
/** A slope is none with fewer samples. */
const LEAST_SAMPLES = 8;
/** Time for the start, the last rest and the end. */
const PATIENCE = 60_000;
/** Between two lines about how it goes. */
const PROGRESS = 30_000;
/** How long the server has to notice that its clients have gone. */
const SETTLE = 5_000;

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    only: { type: "string", default: "deno,bun" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const names = flags.only.split(",");
const [ms, seed] = [Number(flags.minutes) * 60_000, Number(flags.seed)];
if (!(ms > 0) || !Number.isInteger(seed) || !names.every((name) => name === "deno" || name === "bun")) {
  console.error("Usage: npm run soak -- [--minutes N] [--only deno,bun] [--seed N]");
  process.exit(2);
}
await ensurePackages();
const rt = await runtimes();
console.log(`soak: ${flags.minutes} min, seed ${seed}, under ${names.join(" and ")}`);
const failures = (await Promise.all(names.map(soak))).flat();
for (const failure of failures) console.log(`FAILED  ${failure}`);
console.log(failures.length === 0 ? "soak ok" : `soak failed, seed ${seed}`);
process.exit(failures.length === 0 ? 0 : 1);

/** @returns {Promise<string[]>} what is wrong */
async function soak(runtime) {
  const env = { DENO_V8_FLAGS: "--expose-gc" };
  const lines = new Lines(runtime);
  let left;
  const server = { rt, runtime, file: "tools/soak/server.ts", cwd: root, env };
  const outcome = await serving(server, async (port) => {
    const args = runtime === "deno" ? ["run", "-A", "--no-lock", "--no-check"] : [];
    const program = [...args, "tools/soak/client.ts", String(port), String(ms), String(seed)];
    const options = { cwd: root, env, timeout: ms + PATIENCE, heard: (text) => lines.add(text) };
    const outcome = await run(rt[runtime], program, options);
    left = await gaugesLeft(port);
    return outcome;
  });
  const found = [...judge(lines.samples), ...ended(lines.end, left)];
  if (outcome.code !== 0 && lines.end === undefined) found.push(outcome.output);
  return found.map((what) => `${runtime}: ${what}`);

  function judge(samples) {
    const measured = warm(samples, ms);
    if (measured.length < LEAST_SAMPLES) return [`${measured.length} samples are too few for a slope`];
    return ["server", "client"].flatMap((side) => {
      const slope = slopeOf(measured.map((sample) => ({ at: sample.at, bytes: sample[side].heap })));
      const sizes = [measured[0], measured.at(-1)].map((sample) => (sample[side].heap / MIB).toFixed(1));
      console.log(
        `${runtime}: ${side} heap ${sizes.join(" to ")} MiB, ${slope.toFixed(2)} MiB/min (${measured.length} samples)`,
      );
      return slope < MOST_SLOPE ? [] : [`the heap of the ${side} grows by ${slope.toFixed(2)} MiB a minute`];
    });
  }

  function ended(end, stats) {
    if (end === undefined) return ["the client did not come to its end"];
    const { cut, connections, ...operations } = end.counts;
    const done = Object.values(operations).reduce((sum, count) => sum + count, 0);
    console.log(`${runtime}: ${done} operations, ${cut} of them cut, over ${connections} connections`);
    const gauges = { ...stats, sockets: end.sockets, ...prefixed(end.inFlight) };
    console.log(`${runtime}: at the end ${list(gauges)}`);
    const wrong = Object.entries(gauges).filter(([, gauge]) => gauge !== 0);
    return [...end.failures, ...wrong.map(([name, gauge]) => `the gauge ${name} ended at ${gauge}`)];
  }
}

/** What a client printed. */
class Lines {
  /** @type {{ at: number, server: { heap: number, rss: number }, client: { heap: number, rss: number } }[]} */
  samples = [];
  /** The last line, once it is there. */
  end;
  #runtime;
  #rest = "";
  #shown = 0;

  constructor(runtime) {
    this.#runtime = runtime;
  }

  add(text) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("{")) continue;
      const found = JSON.parse(line);
      if (found.end) this.end = found;
      else this.#sample(found);
    }
  }

  #sample(sample) {
    this.samples.push(sample);
    if (sample.at - this.#shown < PROGRESS) return;
    this.#shown = sample.at;
    const [server, client] = [sample.server, sample.client].map(({ heap }) => (heap / MIB).toFixed(1));
    const seconds = (sample.at / 1000).toFixed(0);
    console.log(`${this.#runtime}: after ${seconds} s the server keeps ${server} MiB, the client ${client}`);
  }
}

/** The server's gauges once they are 0, or after a while. */
async function gaugesLeft(port) {
  const end = performance.now() + SETTLE;
  while (true) {
    const { stats } = await (await fetch(`http://127.0.0.1:${port}/soak`)).json();
    if (performance.now() > end || Object.values(stats).every((gauge) => gauge === 0)) return stats;
  }
}

function prefixed(gauges) {
  return Object.fromEntries(Object.entries(gauges).map(([name, gauge]) => [`client's ${name}`, gauge]));
}

function list(gauges) {
  return Object.entries(gauges).map(([name, gauge]) => `${name} ${gauge}`).join(", ");
}
