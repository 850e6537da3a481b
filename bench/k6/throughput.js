// Small calls at a fixed rate over connections that stay open: what the server spends on one, at a rate that k6 can keep. For Millrace and
// for the contenders of the quick benchmark alike.
import exec from "k6/execution";
import { paced } from "./load/metrics.js";
import { PacedConnection } from "./load/paced_connection.js";
import { beginning, clockScenario, longest, phaseAt } from "./load/phases.js";
import { burst, common, connections, held, measured, rate, url, warmUp, wire } from "./load/settings.js";
import { wires } from "./wire/contenders.js";
import { smallValue } from "./wire/values.js";

export { clock } from "./load/phases.js";
export { summarize as handleSummary } from "./load/metrics.js";

/** Messages of each connection, all different. */
const VARIANTS = 16;

export const options = {
  ...common,
  scenarios: { calls: held("calls", connections, longest), clock: clockScenario },
  thresholds: paced,
};

/** One connection. Their beats are spread evenly over the period. */
export function calls() {
  const number = exec.scenario.iterationInTest;
  const begin = beginning();
  const until = begin + warmUp + measured;
  const values = Array.from({ length: VARIANTS }, (_, i) => smallValue(number * VARIANTS + i));
  const period = 1000 * burst * connections / rate;
  new PacedConnection({
    open: (events) => new wires[wire](url, values, events),
    burst,
    times: () => ({ from: Date.now() + period * number / connections, until, period: () => period }),
    tags: (now) => ({ phase: phaseAt(now, begin) }),
  });
}
