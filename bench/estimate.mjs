// How long a run takes, said before it begins.
import { PEERS } from "./peers.mjs";

/** Seconds to start a server and a generator, and to end both: of the peers, whose packages are read first, and of the others. */
const [PEERS_START, START] = [0.4, 0.28];

/** Minutes of measurements. @param {import("./plan.mjs").Step[]} steps */
export function minutesOfSteps(steps) {
  return steps.reduce((sum, step) => sum + secondsOf(step), 0) / 60;
}

function secondsOf({ workload: { own, more = 0, warmUp }, contender, seconds }) {
  return (PEERS.includes(contender) ? PEERS_START : START) + more + (own ?? warmUp + seconds);
}

/** Minutes of scripts, each under one runtime. @param {import("./scripts.mjs").Script[]} scripts */
export function minutesOfScripts(scripts) {
  return scripts.reduce((sum, { minutes, runtimes }) => sum + minutes / runtimes.length, 0);
}

/** "459 measurements, about 42 minutes; 8 scripts, about 26 minutes; 68 minutes in all". */
export function estimate(steps, scripts) {
  const [measured, asked] = [minutesOfSteps(steps), minutesOfScripts(scripts)];
  const parts = [[steps.length, "measurement", measured], [scripts.length, "script", asked]]
    .filter(([count]) => count > 0)
    .map(([count, what, minutes]) => `${count} ${what}${count === 1 ? "" : "s"}, about ${inWords(minutes)}`);
  if (parts.length === 2) parts.push(`${inWords(measured + asked)} in all`);
  return parts.length === 0 ? "Nothing is left to measure" : parts.join("; ");
}

function inWords(minutes) {
  const whole = Math.max(1, Math.round(minutes));
  return whole === 1 ? "a minute" : `${whole} minutes`;
}
