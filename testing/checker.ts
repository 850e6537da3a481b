/**
 * The history checker: reads a log and finds what must never happen, whatever the network and the broker did.
 *
 * @module
 */
import type { Anomaly } from "./anomaly.ts";
import type { LogEvent } from "./log.ts";
import { CallRules, StreamItems } from "./rules/calls.ts";
import { Documents } from "./rules/documents.ts";
import { Authorisation, Liveness, NothingEscapes } from "./rules/end.ts";
import { Conflation } from "./rules/conflation.ts";
import { HonestFlag } from "./rules/flag.ts";
import { Filters } from "./rules/filters.ts";
import { FlowControl, OwnPosition } from "./rules/flow.ts";
import { getOr } from "./rules/get_or.ts";
import { ProducerOrder, RealTimeOrder } from "./rules/order.ts";
import { Pages } from "./rules/pages.ts";
import { Policies } from "./rules/policies.ts";
import { PresenceRules } from "./rules/presence.ts";
import { PublicationRules, SignalRules } from "./rules/publications.ts";
import { collector, type Kind, type RuleCheck, type Surroundings } from "./rules/rule.ts";
import { KeptSessions } from "./rules/sessions.ts";
import { Contiguity, LostAcknowledgements, Subscriptions } from "./rules/subscriptions.ts";
import { Truth } from "./rules/truth.ts";
import { Wildcards } from "./rules/wildcards.ts";

/** Bounds of what is right. */
export interface CheckOptions {
  /** Milliseconds after a revocation, in which the server ran, until which something may still be sent. @default 1000 */
  readonly silence?: number;
}

/**
 * Checks a log against all rules.
 *
 * @param log In the order of real time.
 * @returns What is wrong, in the order of the log; empty when nothing is.
 *
 * @example
 * ```ts no-run
 * import { check } from "@millrace/millrace/testing";
 *
 * console.log(check([{ at: 0, is: "call", client: "ada", call: "1", work: "1", method: "add" }, { at: 9, is: "finish" }]));
 * // [{ rule: "ends once", what: "1 (add) never ended", line: 0 }]
 * ```
 */
export function check(log: readonly LogEvent[], { silence = 1_000 }: CheckOptions = {}): Anomaly[] {
  const anomalies: Anomaly[] = [];
  const truth = new Truth();
  const surroundings: Surroundings = { truth, found: collector(anomalies), silence };
  const subscriptions = new Subscriptions();
  const rules: RuleCheck[] = [
    new PublicationRules(surroundings),
    new SignalRules(surroundings),
    new RealTimeOrder(surroundings),
    new ProducerOrder(surroundings),
    new Conflation(surroundings),
    new Contiguity(surroundings, subscriptions),
    new LostAcknowledgements(surroundings, subscriptions),
    new HonestFlag(surroundings, subscriptions),
    new Liveness(surroundings, subscriptions),
    new Authorisation(surroundings),
    new NothingEscapes(surroundings),
    new CallRules(surroundings),
    new StreamItems(surroundings),
    new KeptSessions(surroundings),
    new Pages(surroundings),
    new FlowControl(surroundings, subscriptions),
    new OwnPosition(surroundings, subscriptions),
    new PresenceRules(surroundings),
    new Wildcards(surroundings, subscriptions),
    new Documents(surroundings),
    new Filters(surroundings, subscriptions),
    new Policies(surroundings, subscriptions),
    subscriptions,
  ];
  const readers = readersOf(rules);
  log.forEach((event, line) => {
    truth.see(event, line);
    const reading = readers.get(event.is);
    if (reading !== undefined) { for (const rule of reading) rule.see(event, line); }
  });
  for (const rule of rules) rule.end?.();
  return anomalies.sort((a, b) => a.line - b.line);
}

/** Who reads lines of each kind, in the order of the rules. */
function readersOf(rules: readonly RuleCheck[]): Map<Kind, RuleCheck[]> {
  const readers = new Map<Kind, RuleCheck[]>();
  for (const rule of rules) {
    for (const kind of rule.reads) getOr(readers, kind, () => []).push(rule);
  }
  return readers;
}
