/**
 * How much has happened in a run.
 */
import type { LogEvent } from "../../testing/log.ts";

/** How much has happened. */
export interface Tally {
  /** Lines of the log, without those that only say how it is to be read. */
  readonly events: number;
  /** Connections that were cut, fell silent or broke in the middle of a frame. */
  readonly cuts: number;
  /** Faults of the broker. */
  readonly brokerFaults: number;
}

/** Lines that are no events: what is kept, when nodes know, who is watched, and when the run ends. */
const NO_EVENTS: ReadonlySet<LogEvent["is"]> = new Set(
  [
    "retention",
    "room",
    "hello",
    "welcome",
    "expires",
    "left",
    "looked",
    "listens",
    "seen",
    "ahead",
    "broken off",
    "told",
    "deliver",
    "claim",
    "enters",
    "entered",
    "leaves",
    "gone",
    "watches",
    "view",
    "unwatches",
    "threshold",
    "ledger lost",
    "wildcard closed",
    "calm",
    "finish",
  ] as const,
);

/** Counts. */
export function tallyOf(log: readonly LogEvent[]): Tally {
  let [events, cuts, brokerFaults] = [0, 0, 0];
  for (const event of log) {
    if (NO_EVENTS.has(event.is)) continue;
    events++;
    if (event.is === "trim" || event.is === "rollback" || event.is === "stream lost") brokerFaults++;
    else if (event.is === "fault" && event.by === "broker") brokerFaults++;
    else if (event.is === "fault" && event.by === "cut") cuts++;
  }
  return { events, cuts, brokerFaults };
}
