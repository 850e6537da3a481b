/**
 * What every broker has to hold: one check for each rule of the interface `Broker`, for any test runner.
 *
 * @module
 */
import type { MaybePromise } from "../rpc/maybe_promise.ts";
import { appendRules, keepingRules } from "./broker_appends.ts";
import { changeRules } from "./broker_changes.ts";
import { directoryRules } from "./broker_directory.ts";
import { type BrokerCapability, type BrokerFixture, BrokerWorld } from "./broker_kit.ts";
import { ledgerRules } from "./broker_ledger.ts";
import { memberRules } from "./broker_members.ts";
import { nodeRules, pushRules } from "./broker_pushes.ts";
import { readRules } from "./broker_reads.ts";

export type { BrokerCapability, BrokerFixture } from "./broker_kit.ts";

/** One check, ready to run. */
export interface BrokerCheck {
  /** What holds. */
  readonly name: string;
  /** What the fixture lacks: where there is anything, the check is one to skip, and to say so. */
  readonly lacks: readonly BrokerCapability[];
  /** Makes a broker, throws where the rule does not hold, and closes it. */
  run(): Promise<void>;
}

/**
 * The checks of a broker.
 *
 * @param make Makes a broker for one check.
 * @param capabilities Which of its optional members the fixture has.
 *
 * @example With any runner that has `it`
 * ```ts ignore
 * for (const { name, lacks, run } of brokerSuite(makeMyBroker, ["node"])) {
 *   if (lacks.length > 0) it.skip(`${name} (needs ${lacks})`, run);
 *   else it(name, run);
 * }
 * ```
 */
export function brokerSuite(
  make: () => MaybePromise<BrokerFixture>,
  capabilities: readonly BrokerCapability[] = [],
): readonly BrokerCheck[] {
  const rules = [
    appendRules,
    keepingRules,
    readRules,
    changeRules,
    pushRules,
    nodeRules,
    ledgerRules,
    memberRules,
    directoryRules,
  ].flat();
  return rules.map(({ name, needs = [], run }) => ({
    name,
    lacks: needs.filter((need) => !capabilities.includes(need)),
    run: async () => {
      const fixture = await make();
      try {
        await inTime(run(new BrokerWorld(fixture)));
      } finally {
        await fixture.close();
      }
    },
  }));
}

/** A broker that never answers fails a check; it does not stop the run. */
async function inTime(running: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("The broker did not answer in 60 s")), 60_000);
  try {
    await Promise.race([running, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
