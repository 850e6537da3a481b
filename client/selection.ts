/**
 * What a subscription wants of what is published.
 *
 * @module
 */
import { type Filter, readFilter } from "../rpc/filter.ts";
import { type Policy, readPolicy } from "../rpc/policy.ts";
import type { SelectiveOptions } from "./channel_types.ts";

/** What one subscription wants. */
export interface Selection {
  /** Equal for equal ones. */
  readonly key: string;
  /** Which publications. */
  readonly filter: Filter | undefined;
  /** What may be left out of them. */
  readonly policy: Policy | undefined;
}

/** What a program may say, and what is made of it. */
const OPTIONS = new Set([
  ...["position", "rewind", "rewindMs", "delta", "signal", "onError", "filter", "policy"],
  ...["start", "handler"],
]);

/** Everything. */
export const EVERYTHING: Selection = { key: "", filter: undefined, policy: undefined };

/**
 * Checks what a program wants.
 *
 * @throws {TypeError} With the reason, if it cannot be wanted.
 */
export function readSelection(options: Pick<SelectiveOptions<unknown>, "filter" | "policy">): Selection {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.has(name)) throw new TypeError(`Cannot subscribe: there is no option "${name}"`);
  }
  const filter = readFilter(options.filter, Infinity);
  const policy = readPolicy(options.policy);
  if (filter === undefined && policy === undefined) return EVERYTHING;
  return { key: `${policy?.key} ${filter?.key}`, filter, policy };
}
