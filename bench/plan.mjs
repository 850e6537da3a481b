// What a run measures, in which order.
import { takesPart } from "./contenders.mjs";
import { PEERS } from "./peers.mjs";

/**
 * @typedef {object} Step  one measurement
 * @property {string} runtime
 * @property {import("./workloads.mjs").Workload} workload
 * @property {import("./contenders.mjs").Contender} contender
 * @property {number} repeat  from 0
 * @property {number} seconds
 */

/** Everything that is to be measured. The repeats are outermost, and each begins with another contender. @returns {Step[]} */
export function plan({ repeats, seconds, peers, peerSeconds, runtimes, workloads, contenders, extent }) {
  return Array.from(
    { length: Math.max(repeats, peers) },
    (_, repeat) =>
      runtimes.flatMap((runtime) =>
        workloads.flatMap((workload) => {
          const here = contenders.filter((contender) =>
            takesPart(contender, workload, { extent, runtime }) &&
            repeat < (PEERS.includes(contender) ? peers : repeats)
          );
          const first = here.length === 0 ? 0 : repeat % here.length;
          const order = [...here.slice(first), ...here.slice(0, first)];
          return order.map((contender) => ({
            runtime,
            workload,
            contender,
            repeat,
            seconds: PEERS.includes(contender) ? peerSeconds : seconds,
          }));
        })
      ),
  ).flat();
}

/** The scripts, once for each runtime that runs them. */
export function scriptsOf({ scripts, runtimes }) {
  return scripts.flatMap((script) =>
    script.runtimes.filter((runtime) => runtime === "node" || runtimes.includes(runtime))
      .map((runtime) => ({ ...script, runtime }))
  );
}
