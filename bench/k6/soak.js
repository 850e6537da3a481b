// Moderate load for as long as one likes: calls on connections that stay open, and clients that come, read the feed and go. What matters
// is watched from outside: run.mjs reads the server's memory every second and looks at its slope.
import exec from "k6/execution";
import { paced } from "./load/metrics.js";
import { PacedConnection } from "./load/paced_connection.js";
import { beginning, clockScenario, longest, phaseAt } from "./load/phases.js";
import {
  common,
  connections,
  held,
  measured,
  number as setting,
  rate,
  url,
  warmUp,
} from "./load/settings.js";
import { readOnce } from "./load/visit.js";
import { wires } from "./wire/contenders.js";
import { smallValue } from "./wire/values.js";

export { clock } from "./load/phases.js";
export { summarize as handleSummary } from "./load/metrics.js";

/** Clients a second that come and go. */
const VISITS = setting("VISITS", 5);

export const options = {
  ...common,
  scenarios: {
    calls: held("calls", connections, longest),
    visits: {
      exec: "visits",
      executor: "constant-arrival-rate",
      rate: VISITS,
      timeUnit: "1s",
      duration: `${warmUp + measured}ms`,
      preAllocatedVUs: 20,
      maxVUs: 100,
    },
    clock: clockScenario,
  },
  thresholds: { ...paced, visits: ["count>0"], dropped_iterations: ["count==0"] },
};

/** One connection that stays open. */
export function calls() {
  const number = exec.scenario.iterationInTest;
  const begin = beginning();
  const period = 1000 * connections / rate;
  new PacedConnection({
    open: (events) => new wires.millrace(url, [smallValue(number)], events),
    burst: 1,
    times: () => ({
      from: Date.now() + period * number / connections,
      until: begin + warmUp + measured,
      period: () => period,
    }),
    tags: (now) => ({ phase: phaseAt(now, begin) }),
  });
}

/** One client that comes and goes. */
export function visits() {
  readOnce(exec.scenario.iterationInTest);
}
