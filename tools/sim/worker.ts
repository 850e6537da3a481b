// Runs seeds under Deno or Bun: `worker.ts FROM STEP COUNT`. One JSON line for every batch, and one for every seed that failed.
import process from "node:process";
import { Coverage } from "./coverage.ts";
import { scenarioOf } from "./scenario.ts";
import { isEnough, type Outcome, runScenario } from "./simulation.ts";
import { shrinkOutcome } from "./shrink.ts";
import { story } from "./story.ts";
import { tallyOf } from "./tally.ts";

/** Seeds between two lines. */
const BATCH = 50;
/** Failures that are shrunk: the first tell enough. */
const SHRUNK = 3;

// Errors are made by the thousand, and nobody looks at their stacks.
Error.stackTraceLimit = 0;

let escaped: (error: unknown) => void = () => {};
process.on("unhandledRejection", (error) => escaped(error));

const [from, step, count] = process.argv.slice(2).map(Number) as [number, number, number];
const run = (scenario: Parameters<typeof runScenario>[0]): Promise<Outcome> =>
  runScenario(scenario, (tell) => void (escaped = tell));
const coverage = new Coverage();
let failures = 0;
for (let i = 0; i < count; i++) {
  const seed = from + i * step;
  const outcome = await run(scenarioOf(seed));
  coverage.add(outcome);
  if (outcome.anomalies.length > 0) await tell(outcome);
  if (!isEnough(outcome.log)) say({ poor: seed, ...tallyOf(outcome.log) });
  if (i % BATCH === BATCH - 1) say({ seeds: BATCH });
}
say({ seeds: count % BATCH, coverage: coverage.counts });
process.exit(0);

async function tell(outcome: Outcome): Promise<void> {
  const { seed } = outcome.scenario;
  const rules = [...new Set(outcome.anomalies.map(({ rule }) => rule))];
  const shrunk = failures++ < SHRUNK ? await shrinkOutcome(outcome, { run }) : undefined;
  say({ failed: seed, rules, ...(shrunk === undefined ? {} : { story: story(shrunk) }) });
}

function say(line: object): void {
  console.log(JSON.stringify(line));
}
