/**
 * What the rules of the checker have in common.
 *
 * @module
 */
import type { Anomaly, Rule } from "../anomaly.ts";
import type { LogEvent } from "../log.ts";
import type { Truth } from "./truth.ts";

/** What a line of the log says. */
export type Kind = LogEvent["is"];

/** The lines of some kinds. */
export type Line<Reads extends Kind> = Extract<LogEvent, { is: Reads }>;

/** One or more rules: sees each line of the kinds that it reads once, in order. */
export interface RuleCheck<Reads extends Kind = Kind> {
  /** The kinds: a line is shown to those that read it, which is two thirds of what a check took when all saw all. */
  readonly reads: readonly Reads[];
  /** The next line. The truth has seen it. */
  see(event: Line<Reads>, line: number): void;
  /** There are no more. */
  end?(): void;
}

/** What a rule is given. */
export interface Surroundings {
  /** What is known of the channels. */
  readonly truth: Truth;
  /** Tells of an anomaly. */
  readonly found: (rule: Rule, what: string, line: number) => void;
  /** Milliseconds after a revocation, in which the server ran, until which something may still be sent. */
  readonly silence: number;
}

/** Collects anomalies. */
export function collector(anomalies: Anomaly[]): Surroundings["found"] {
  return (rule, what, line) => void anomalies.push({ rule, what, line });
}
