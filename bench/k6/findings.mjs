// What is wrong with a run, and how a run is shown.
import { scripts } from "./scripts.mjs";

/** Seconds from which on a slope says something. */
const LONG = 180;
/** MiB that a server may grow by in a shorter run: runtimes compile and fill their heaps. It finds what runs away, and nothing less. */
const SHORT_GROWTH = 64;

/**
 * What k6's thresholds cannot see is judged here.
 *
 * @param {import("./drive.mjs").Result & { job: import("./drive.mjs").Job }} result
 * @param {{ slope: number }} limits  MiB a minute
 * @returns {string[]}
 */
export function faultsOf({ ok, said, job, steady, memory, metrics }, { slope }) {
  const faults = [];
  if (!ok) faults.push(crossed(metrics) || said.trim().split("\n").at(-1));
  if (steady.ms === 0) faults.push("k6 did not come to the end of the steady part");
  if (job.script === "soak" && memory.slope !== undefined) {
    if (job.settings.seconds >= LONG && memory.slope > slope) {
      faults.push(`the server grows by ${memory.slope.toFixed(1)} MiB a minute, and ${slope} are allowed`);
    }
    if (job.settings.seconds < LONG && memory.growth > SHORT_GROWTH) {
      faults.push(`the server has grown by ${memory.growth.toFixed(0)} MiB in a short run`);
    }
  }
  return faults;
}

/** The thresholds that did not hold. */
function crossed(metrics) {
  return Object.entries(metrics).flatMap(([name, { thresholds = {} }]) =>
    Object.entries(thresholds).filter(([, { ok }]) => !ok).map(([rule]) => `${name} ${rule}`)
  ).join(", ");
}

/** Prints k6's figures, the server's, and what is wrong. */
export function printRun(result, faults) {
  const { job: { script, runtime, contender, settings }, output, steady, memory, metrics, files } = result;
  console.log(
    `\n${script} on ${runtime}${contender ? `, ${contender}` : ""}: ${
      Object.entries(settings).map((pair) => pair.join(" ")).join(", ")
    }`,
  );
  console.log(output.split("\n").filter((line) => line !== "" && !line.startsWith("@steady")).join("\n"));
  const { unit } = scripts[script];
  if (steady.perOperation !== undefined) {
    const share = steady.cpu / steady.ms * 100;
    const rate = steady.work / steady.ms * 1000;
    console.log(
      `  server CPU: ${steady.perOperation.toFixed(1)} µs for one ${unit}, ${
        rate.toFixed(0)
      } ${unit}s a second, ${share.toFixed(0)} % of its core`,
    );
  }
  if (memory.before !== undefined) console.log(`  server memory: ${memoryLine(script, memory, metrics)}`);
  console.log(`  ${files.join(", ")}`);
  for (const fault of faults) console.log(`FAILED  ${fault}`);
}

function memoryLine(script, { before, peak, after, slope }, metrics) {
  const line = `${before.toFixed(0)} MiB at first, ${peak.toFixed(0)} at most, ${
    after.toFixed(0)
  } at the end`;
  if (script === "soak") return `${line}, ${slope.toFixed(2)} MiB a minute`;
  const count = metrics.established?.values.count;
  if (!count) return line;
  return `${line}; ${((peak - before) * 1024 / count).toFixed(1)} KiB for one connection, at most`;
}
