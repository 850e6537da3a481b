// Calls, streams, uploads, cancels and reconnects for minutes, under each runtime at once: whether memory grows, and whether
// everything that was begun has ended.
//
//   npm run soak -- [--minutes N] [--only deno,bun] [--seed N]
//
// Work stops every few seconds until nothing is in flight; then both processes collect and measure. After the first two
// minutes (the first third of a run under six) neither heap may grow by 1 MiB a minute, by least squares. A run under
// three minutes cannot tell a slope from what a runtime compiles late: there the last third of its samples may be 1 MiB
// above the first, median to median. Exit 1 if memory grows by more, if a gauge does not return to 0, or if an
// operation ends otherwise than it should.
import process from "node:process";
import { parseArgs } from "node:util";
import { serving } from "../tests/runner/serving.mjs";
import { run } from "./child.mjs";
import { ensurePackages, root, runtimes } from "./setup.mjs";
import { Lines } from "./soak/lines.mjs";
import { cuttingProxy } from "./soak/proxy.mjs";
import { growthOf, slopeOf, warm } from "./soak/slope.mjs";

const MIB = 1 << 20;
/** MiB a minute; in a short run MiB. */
const MOST = 1;
/** Milliseconds from which on a slope says something. */
const LONG = 180_000;
/** A slope is none with fewer samples. */
const LEAST_SAMPLES = 8;
/** Time for the start, the last rest and the end. */
const PATIENCE = 60_000;
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

/** @returns {Promise<string[]>} what is wrong under this runtime */
async function soak(runtime) {
  const env = { DENO_V8_FLAGS: "--expose-gc" };
  let lines;
  let stats;
  const server = { rt, runtime, file: "tools/soak/server.ts", cwd: root, env };
  const outcome = await serving(server, async (port) => {
    const proxy = await cuttingProxy(port);
    lines = new Lines(runtime, proxy.cut);
    const args = runtime === "deno" ? ["run", "-A", "--no-lock", "--no-check"] : [];
    const numbers = [port, proxy.port, ms, seed].map(String);
    const options = { cwd: root, env, timeout: ms + PATIENCE, heard: (text) => lines.add(text) };
    const outcome = await run(rt[runtime], [...args, "tools/soak/client.ts", ...numbers], options);
    stats = await gaugesLeft(port);
    proxy.close();
    return outcome;
  });
  const { samples = [], end } = lines ?? {};
  const found = end && stats ? [...slopes(runtime, samples), ...ended(runtime, end, stats)] : [];
  if (outcome.code !== 0 && !(end?.failures.length > 0)) found.push(withoutLines(outcome.output));
  return found.map((what) => `${runtime}: ${what}`);
}

function slopes(runtime, samples) {
  const measured = warm(samples, ms);
  if (measured.length < LEAST_SAMPLES) return [`${measured.length} samples are too few for a slope`];
  return ["server", "client"].flatMap((side) => {
    const heaps = measured.map((sample) => ({ at: sample.at, bytes: sample[side].heap }));
    const [slope, growth] = [slopeOf(heaps).toFixed(2), growthOf(heaps).toFixed(2)];
    const [from, to] = [heaps[0], heaps.at(-1)].map(({ bytes }) => (bytes / MIB).toFixed(1));
    console.log(
      `${runtime}: ${side} heap ${from} to ${to} MiB: ${slope} MiB/min, grown by ${growth} MiB (${heaps.length} samples)`,
    );
    if (Number(ms < LONG ? growth : slope) < MOST) return [];
    return [`the heap of the ${side} grows by ${ms < LONG ? `${growth} MiB` : `${slope} MiB a minute`}`];
  });
}

function ended(runtime, end, stats) {
  const { cut, connections, ...operations } = end.counts;
  const done = Object.values(operations).reduce((sum, count) => sum + count, 0);
  console.log(`${runtime}: ${done} operations, ${cut} of them cut, over ${connections} connections`);
  const own = Object.entries(end.inFlight).map(([name, gauge]) => [`client ${name}`, gauge]);
  const gauges = [...Object.entries(stats), ...own];
  console.log(`${runtime}: at the end ${gauges.map((gauge) => gauge.join(" ")).join(", ")}`);
  const left = gauges.filter(([, gauge]) => gauge !== 0);
  return [...end.failures, ...left.map(([name, gauge]) => `the gauge ${name} ended at ${gauge}`)];
}

/** The server's gauges once they are 0, or after a while; none when it does not answer. */
async function gaugesLeft(port) {
  const end = performance.now() + SETTLE;
  try {
    while (true) {
      const { stats } = await (await fetch(`http://127.0.0.1:${port}/soak`)).json();
      if (performance.now() > end || Object.values(stats).every((gauge) => gauge === 0)) return stats;
    }
  } catch {
    return undefined;
  }
}

function withoutLines(output) {
  return output.split("\n").filter((line) => !line.startsWith("{")).join("\n");
}
