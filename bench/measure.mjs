// One measurement: a fresh server, a fresh generator, one workload.
import { run } from "../tools/child.mjs";
import { root } from "../tools/setup.mjs";
import { pinned, startServer } from "./server.mjs";

/** Longest that a workload may take beyond its own times. */
const PATIENCE = 120_000;

/**
 * @typedef {object} Sample  what is kept, raw
 * @property {string} runtime
 * @property {string} workload
 * @property {string} contender
 * @property {number} repeat  from 0; those with the same number ran one after the other
 * @property {number} warmUp  seconds, where the workload has a warm-up
 * @property {number} [ms]  from the first call to the last answer
 * @property {number} [operations]  in that time
 * @property {object} [latency]  ms: `p50`, `p90`, `p99`, `p999`, `max`
 * @property {number} [serverCpu]  ms, of all its threads
 * @property {number} [generatorCpu]  ms
 * @property {number} [otherCpu]  ms that other programs took on the two cores
 * @property {number} [memory]  bytes that each connection takes in the server
 * @property {string} [error]  why there is nothing of that
 */

/**
 * Measures once; never rejects.
 *
 * @param {import("./plan.mjs").Step} step  @param {object} tools  `entry` and `env`: see `startServer`; `during` is told of the server when the load begins
 * @returns {Promise<Sample>}
 */
export async function measure(
  { runtime, workload, contender, repeat, seconds },
  { runtimes, generator, cores, options, entry, env, during },
) {
  const which = { runtime, workload: workload.name, contender: contender.name, repeat };
  try {
    const [core, generatorCore] = cores;
    const server = await startServer(contender, { runtime, path: runtimes[runtime], core, entry, env });
    const job = {
      ...workload.job,
      warmUp: Math.round(workload.warmUp * 1000),
      ms: Math.round(seconds * 1000),
      mib: options.mib,
      port: server.port,
      server: server.pid,
      cores,
      dialect: contender.dialect,
    };
    const watched = during?.(server);
    const result = await generate(job, pinned(generatorCore, [generator, JSON.stringify(job)]));
    await watched;
    await server.stop();
    if (result.error !== undefined) result.error += `\n${server.output()}`;
    return { ...which, warmUp: workload.warmUp, ...result };
  } catch (error) {
    return { ...which, error: error.message };
  }
}

async function generate({ warmUp, ms, stalledMs = 0 }, [command, ...args]) {
  const { stdout, output } = await run(command, args, {
    cwd: root,
    timeout: warmUp + ms + stalledMs + PATIENCE,
  });
  try {
    return JSON.parse(stdout);
  } catch {
    return { error: `The generator said: ${output}` };
  }
}
