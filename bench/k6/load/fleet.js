// Many connections in few VUs: a VU of k6 is an interpreter of its own and takes megabytes, a connection in it takes kilobytes.
import exec from "k6/execution";

const MOST_VUS = 20;

/** How many VUs hold so many connections. */
export function vusFor(connections) {
  return Math.min(MOST_VUS, connections);
}

/** The numbers, from 0, of the connections that this VU holds: every so many-th, so that all VUs grow together. */
export function mine(connections) {
  const vus = vusFor(connections);
  const first = exec.scenario.iterationInTest;
  return Array.from({ length: Math.ceil((connections - first) / vus) }, (_, i) => first + i * vus);
}

/** Runs at a time (ms since 1970), or at once when it has passed. */
export function at(time, run) {
  return setTimeout(run, Math.max(1, time - Date.now()));
}
