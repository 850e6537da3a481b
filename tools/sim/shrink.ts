/**
 * Makes a scenario that fails as short as it gets: it is run again with parts left out, as long as it breaks the same rule.
 */
import { GOOD } from "../../testing/network.ts";
import { shrink } from "../../testing/shrink.ts";
import type { Scenario } from "./scenario.ts";
import { type Outcome, runScenario } from "./simulation.ts";

/** What shrinking may cost. */
export interface ShrinkOptions {
  /** Runs of lists of steps, at most. */
  readonly trials?: number;
  /** Runs a scenario. */
  readonly run?: (scenario: Scenario) => Promise<Outcome>;
}

/** The outcome of the shortest scenario that was found. One without anomalies is given back. */
export async function shrinkOutcome(
  outcome: Outcome,
  { trials = 300, run = runScenario }: ShrinkOptions = {},
): Promise<Outcome> {
  const rule = outcome.anomalies[0]?.rule;
  if (rule === undefined) return outcome;
  let best = outcome;
  const attempt = async (change: Partial<Scenario>): Promise<boolean> => {
    const tried = await run({ ...best.scenario, ...change });
    const fails = tried.anomalies.some((anomaly) => anomaly.rule === rule);
    if (fails) best = tried;
    return fails;
  };
  await attempt({ reserve: [] });
  for (let client = 0; client < outcome.scenario.clients; client++) {
    await attempt({ steps: best.scenario.steps.filter((step) => step.client !== client) });
  }
  await shrink(best.scenario.steps, (steps) => attempt({ steps }), { trials });
  const last = best.scenario.steps.at(-1)?.at ?? 0;
  await attempt({ length: Math.min(best.scenario.length, last + 20_000) });
  await attempt({ conditions: best.scenario.conditions.map(() => GOOD) });
  return best;
}
