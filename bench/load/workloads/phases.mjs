// How every workload that runs for a time is run: warm up and look at each answer, wait until all are there, then measure.

/** Longest wait for what was sent to be answered. */
const PATIENCE = 15_000;

/**
 * A run over some connections.
 *
 * @typedef {object} Load
 * @property {() => void} fill  sends as much as may be on its way
 * @property {() => number} waiting  how much of it has not been answered
 * @property {(stopping: boolean) => void} stop  whether answers are no longer followed by new calls
 */

/**
 * Runs for `ms` and until everything is answered.
 *
 * @param {Load} load
 * @param {Promise<never>} failure  rejects when a connection fails
 */
export async function phase(load, ms, failure) {
  load.stop(false);
  load.fill();
  await Promise.race([pause(ms), failure]);
  load.stop(true);
  const patience = performance.now() + PATIENCE;
  while (load.waiting() > 0) {
    if (performance.now() > patience) throw new Error(`${load.waiting()} were never answered`);
    await Promise.race([load.waiting() > 0 ? pause(1) : undefined, failure]);
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
