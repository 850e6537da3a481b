// Ten times the load for a while, twice over: calls on connections that stay open, and clients that come and go. Nothing may fail, and
// soon afterwards an answer has to be as quick as one needs it.
import exec from "k6/execution";
import { Counter, Trend } from "k6/metrics";
import { paced } from "./load/metrics.js";
import { PacedConnection } from "./load/paced_connection.js";
import { beginning, clockScenario, longest } from "./load/phases.js";
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
import { callOnce } from "./load/visit.js";
import { wires } from "./wire/contenders.js";
import { smallValue } from "./wire/values.js";

export { clock } from "./load/phases.js";
export { summarize as handleSummary } from "./load/metrics.js";

/** By how much the load jumps. */
const TIMES = setting("TIMES", 10);
/** Clients a second that come and go. */
const VISITS = setting("VISITS", 5);
/** An answer within so many milliseconds is as it should be. */
const QUICK = setting("QUICK", 50);
/** When every connection must have had one. */
const RECOVERY = 2_000;
/** The spike is the middle third of what is measured. */
const [FROM, UNTIL] = [warmUp + measured / 3, warmUp + measured * 2 / 3];

/** From the end of the spike to the first quick answer to a call that was made after it. */
const recovery = new Trend("recovery", true);
const recovered = new Counter("recovered");

export const options = {
  ...common,
  scenarios: {
    calls: held("calls", connections, longest),
    visits: {
      exec: "visits",
      executor: "ramping-arrival-rate",
      startRate: VISITS,
      timeUnit: "1s",
      preAllocatedVUs: 20,
      maxVUs: 200,
      stages: [
        { target: VISITS, duration: `${FROM}ms` },
        { target: VISITS * TIMES, duration: "0ms" },
        { target: VISITS * TIMES, duration: `${UNTIL - FROM}ms` },
        { target: VISITS, duration: "0ms" },
        { target: VISITS, duration: `${measured / 3}ms` },
      ],
    },
    clock: clockScenario,
  },
  thresholds: {
    ...paced,
    visits: ["count>0"],
    dropped_iterations: ["count==0"],
    recovery: [`max<${RECOVERY}`],
    recovered: [`count==${connections}`],
    "answers{part:spike}": ["count>0"],
    "latency{part:before}": ["p(95)<1000"],
    "latency{part:spike}": ["p(95)<1000"],
    "latency{part:after}": ["p(95)<1000"],
  },
};

/** One connection that stays open. */
export function calls() {
  const number = exec.scenario.iterationInTest;
  const begin = beginning();
  const [from, until] = [begin + FROM, begin + UNTIL];
  const value = smallValue(number);
  const period = 1000 * connections / rate;
  let isBack = false;
  new PacedConnection({
    open: (events) => new wires.millrace(url, [value], events),
    burst: 1,
    times: () => ({
      from: Date.now() + period * number / connections,
      until: begin + warmUp + measured,
      period: (now) => now >= from && now < until ? period / TIMES : period,
    }),
    tags: (now) => tagsAt(now, begin),
    answered: ({ sentAt, now }) => {
      if (isBack || sentAt < until || now - sentAt > QUICK) return;
      isBack = true;
      recovery.add(now - until);
      recovered.add(1);
    },
  });
}

function tagsAt(now, begin) {
  const passed = now - begin;
  if (passed < warmUp) return { phase: "warm-up" };
  return { phase: "steady", part: passed < FROM ? "before" : passed < UNTIL ? "spike" : "after" };
}

/** One client that comes and goes. */
export function visits() {
  callOnce(exec.scenario.iterationInTest);
}
