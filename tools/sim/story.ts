/**
 * A failure for people: what was done, what happened, what is wrong.
 */
import { line } from "../../testing/log.ts";
import type { Step } from "./scenario.ts";
import type { Outcome } from "./simulation.ts";

/** Lines of the log around an anomaly that are shown. */
const BEFORE = 60;
const AFTER = 3;
/** Anomalies that are told. */
const MOST = 10;

/** Tells of an outcome. */
export function story({ scenario, log, anomalies }: Outcome): string {
  const { seed, clients, conditions, steps } = scenario;
  const ways = conditions.map(({ delay, jitter, rate, idle }, client) =>
    `  c${client}: ${delay} ms, jitter ${jitter} ms, ${rate} bytes/ms` +
    (idle === Infinity ? "" : `, idle ${idle} ms`)
  );
  const wrong = anomalies.slice(0, MOST).map(({ rule, what, line }) => `  ${rule}: ${what} (line ${line})`);
  const last = Math.max(...anomalies.slice(0, MOST).map((anomaly) => anomaly.line), 0);
  const from = Math.max(0, Math.min(...anomalies.map((anomaly) => anomaly.line)) - BEFORE);
  const shown = log.slice(from, last + AFTER).map((event, at) =>
    `  ${String(from + at).padStart(5)} ${line(event)}`
  );
  return [
    `seed ${seed}: ${clients} clients, ${steps.length} steps`,
    ...ways,
    "what was done:",
    ...steps.map(tellStep),
    "what happened:",
    ...shown,
    "what is wrong:",
    ...wrong,
    ...(anomalies.length > MOST ? [`  and ${anomalies.length - MOST} more`] : []),
  ].join("\n");
}

function tellStep({ at, client, do: what, ...rest }: Step): string {
  const told = Object.entries(rest).map(([key, value]) => `${key} ${String(value)}`);
  return `  ${String(at).padStart(7)} c${client} ${what} ${told.join(", ")}`;
}
