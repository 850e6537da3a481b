// How long a run takes, said before it begins.

/** Seconds to start a server and a generator, and to end both. */
const START = 0.25;

/** Seconds of one measurement. @param {import("./workloads.mjs").Workload} workload */
export function secondsOf({ own, more = 0, warmUp }, { seconds }) {
  return START + more + (own ?? warmUp + seconds);
}

/** "459 measurements, about 42 minutes; 8 scripts, about 26 minutes". */
export function estimate(steps, scripts, options) {
  const measured = steps.reduce((sum, { workload }) => sum + secondsOf(workload, options), 0) / 60;
  const asked = scripts.reduce((sum, { minutes, runtimes }) => sum + minutes / runtimes.length, 0);
  const parts = [[steps.length, "measurement", measured], [scripts.length, "script", asked]]
    .filter(([count]) => count > 0)
    .map(([count, what, minutes]) =>
      `${count} ${what}${count === 1 ? "" : "s"}, about ${minutesOf(minutes)}`
    );
  return parts.length === 0 ? "Nothing is left to measure" : parts.join("; ");
}

function minutesOf(minutes) {
  const whole = Math.max(1, Math.round(minutes));
  return whole === 1 ? "a minute" : `${whole} minutes`;
}
