// Runs seeds under Deno or Bun. Each line of its input, `FROM COUNT`, is a slice of seeds; it answers with one JSON line for every seed that failed
// and one for the slice. Slices come one by one, so that the quicker runtime takes more of them; the program is warm after some hundred seeds.
import process from "node:process";
import { createInterface } from "node:readline";
import { Coverage } from "./coverage.ts";
import { scenarioOf } from "./scenario.ts";
import { isEnough, type Outcome, runScenario } from "./simulation.ts";
import { shrinkOutcome } from "./shrink.ts";
import { story } from "./story.ts";
import { tallyOf } from "./tally.ts";

/** Failures that are shrunk: the first tell enough. */
const SHRUNK = 3;

// Errors are made by the thousand, and nobody looks at their stacks.
Error.stackTraceLimit = 0;

let escaped: (error: unknown) => void = () => {};
process.on("unhandledRejection", (error) => escaped(error));

const run = (scenario: Parameters<typeof runScenario>[0]): Promise<Outcome> =>
  runScenario(scenario, (tell) => void (escaped = tell));
let failures = 0;
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "end") break;
  const [from, count] = line.split(" ").map(Number) as [number, number];
  await slice(from, count);
}
process.exit(0);

async function slice(from: number, count: number): Promise<void> {
  const coverage = new Coverage();
  const before = process.cpuUsage();
  for (let seed = from; seed < from + count; seed++) {
    const outcome = await run(scenarioOf(seed));
    coverage.add(outcome);
    if (outcome.anomalies.length > 0) await tell(outcome);
    if (!isEnough(outcome.log)) say({ poor: seed, ...tallyOf(outcome.log) });
  }
  const { user, system } = process.cpuUsage(before);
  say({ slice: { from, count }, cpu: Math.round((user + system) / 1_000), coverage: coverage.counts });
}

async function tell(outcome: Outcome): Promise<void> {
  const { seed } = outcome.scenario;
  const rules = [...new Set(outcome.anomalies.map(({ rule }) => rule))];
  const shrunk = failures++ < SHRUNK ? await shrinkOutcome(outcome, { run }) : undefined;
  say({ failed: seed, rules, ...(shrunk === undefined ? {} : { story: story(shrunk) }) });
}

function say(line: object): void {
  console.log(JSON.stringify(line));
}
