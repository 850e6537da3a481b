/**
 * What all subscriptions of a channel want together, which is what the server is asked for; and what of that each of them wants.
 *
 * @module
 */
import type { Rewind } from "../rpc/channel_messages.ts";
import { type Filter, readFilter } from "../rpc/filter.ts";
import { type Policy, readPolicy } from "../rpc/policy.ts";
import type { SelectiveOptions } from "./channel_types.ts";
import type { Payload } from "./payload.ts";
import type { LocalSubscription } from "./subscription.ts";

/** What one subscription wants. */
export interface Selection {
  /** Equal for equal ones. */
  readonly key: string;
  /** Which publications. */
  readonly filter: Filter | undefined;
  /** What may be left out of them. */
  readonly policy: Policy | undefined;
}

/** Everything. */
export const EVERYTHING: Selection = { key: "", filter: undefined, policy: undefined };

/**
 * Checks what a program wants.
 *
 * @throws {TypeError} With the reason, if it cannot be wanted.
 */
export function readSelection(options: SelectiveOptions<unknown>): Selection {
  const filter = readFilter(options.filter, Infinity);
  const policy = readPolicy(options.policy);
  if (filter === undefined && policy === undefined) return EVERYTHING;
  return { key: `${policy?.key} ${filter?.key}`, filter, policy };
}

/** What one channel on the wire is asked for. */
export class WireFilter {
  #asked = EVERYTHING;

  /** Whether something may be left out. */
  get isLossy(): boolean {
    return this.#asked.policy !== undefined;
  }

  /** The options of a SUBSCRIBE that is sent now. */
  options(locals: Iterable<LocalSubscription>, rewind: Rewind | undefined): object | undefined {
    const { filter, policy } = this.#asked = common(locals);
    if (filter === undefined && policy === undefined) return rewind;
    return { ...rewind, filter: filter?.node, policy: policy?.given };
  }

  /** Whether something else would be asked for now. */
  isOther(locals: Iterable<LocalSubscription>): boolean {
    return common(locals).key !== this.#asked.key;
  }

  /** Whether a subscription wants what has come. */
  passes({ wants: { filter } }: LocalSubscription, payload: Payload): boolean {
    if (filter === undefined || filter.key === this.#asked.filter?.key) return true;
    return filter.matches(payload.bytes, payload.start, payload.end);
  }
}

/** What all want; everything where they want different things. Who listens to signals alone wants nothing. */
function common(locals: Iterable<LocalSubscription>): Selection {
  let found: Selection | undefined;
  for (const { wants, takesNothing } of locals) {
    if (takesNothing) continue;
    if (found !== undefined && wants.key !== found.key) return EVERYTHING;
    found = wants;
  }
  return found ?? EVERYTHING;
}
