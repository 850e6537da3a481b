/**
 * What the rules of the checker have in common.
 *
 * @module
 */
import type { Anomaly, Rule } from "../anomaly.ts";
import type { LogEvent } from "../log.ts";
import type { Truth } from "./truth.ts";

/** One or more rules: sees each line of the log once, in order. */
export interface RuleCheck {
  /** The next line. The truth has seen it. */
  see(event: LogEvent, line: number): void;
  /** There are no more. */
  end?(): void;
}

/** What a rule is given. */
export interface Surroundings {
  /** What is known of the channels. */
  readonly truth: Truth;
  /** Tells of an anomaly. */
  readonly found: (rule: Rule, what: string, line: number) => void;
  /** Milliseconds after a revocation in which something may still be sent. */
  readonly silence: number;
}

/** Collects anomalies. */
export function collector(anomalies: Anomaly[]): Surroundings["found"] {
  return (rule, what, line) => void anomalies.push({ rule, what, line });
}
