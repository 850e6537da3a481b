// One measurement: a fresh server, a fresh generator, one workload.
import { run } from "../tools/child.mjs";
import { root } from "../tools/setup.mjs";
import { pinned, startServer } from "./server.mjs";

/** Longest that a workload may take beyond its own times. */
const PATIENCE = 60_000;

/**
 * @typedef {object} Sample  what is kept, raw
 * @property {string} runtime
 * @property {string} workload
 * @property {string} contender
 * @property {number} repeat  from 0; those with the same number ran one after the other
 * @property {number} [ms]  from the first call to the last answer
 * @property {number} [operations]  in that time
 * @property {object} [latency]  ms: `p50`, `p90`, `p99`, `p999`, `max`
 * @property {number} [serverCpu]  ms, of all its threads; not known outside of Linux, like the next two
 * @property {number} [generatorCpu]  ms
 * @property {number} [otherCpu]  ms that other programs took on the two cores
 * @property {string} [error]  why there is nothing of that
 */

/** Measures once; never rejects. @returns {Promise<Sample>} */
export async function measure({ runtime, workload, contender, repeat }, { runtimes, cores, options }) {
  const which = { runtime, workload: workload.name, contender: contender.name, repeat };
  try {
    const [core, generatorCore] = cores;
    const server = await startServer({ runtime, path: runtimes[runtime], file: contender.file, core });
    const times = { warmUp: options.warmUp * 1000, ms: options.seconds * 1000 };
    const job = { ...workload.job, ...(workload.timed ? times : { mib: options.mib }) };
    const target = { port: server.port, server: server.pid, cores, dialect: contender.dialect };
    const result = await generate({ ...job, ...target }, { node: runtimes.node, core: generatorCore, times });
    await server.stop();
    if (result.error !== undefined) result.error += `\n${server.output()}`;
    return { ...which, ...result };
  } catch (error) {
    return { ...which, error: error.message };
  }
}

async function generate(job, { node, core, times }) {
  const [command, ...args] = pinned(core, [node, "bench/load/main.mjs", JSON.stringify(job)]);
  const timeout = times.warmUp + times.ms + PATIENCE;
  const { stdout, output } = await run(command, args, { cwd: root, timeout });
  try {
    return JSON.parse(stdout);
  } catch {
    return { error: `The generator said: ${output}` };
  }
}
