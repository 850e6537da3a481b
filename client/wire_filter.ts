/**
 * What all subscriptions of a channel want together, which is what the server is asked for; and what of that each of them wants.
 *
 * @module
 */
import type { SubscribeOptionsOnWire } from "../rpc/channel_messages.ts";
import type { Payload } from "./payload.ts";
import { EVERYTHING, type Selection } from "./selection.ts";
import type { LocalSubscription } from "./subscription.ts";

/** What one channel on the wire is asked for. */
export class WireFilter {
  #asked = EVERYTHING;

  /** Whether something may be left out. */
  get isLossy(): boolean {
    return this.#asked.policy !== undefined;
  }

  /** The options of a SUBSCRIBE that is sent now. */
  options(
    locals: Iterable<LocalSubscription>,
    others: SubscribeOptionsOnWire | undefined,
  ): SubscribeOptionsOnWire | undefined {
    const { filter, policy } = this.#asked = common(locals);
    if (filter === undefined && policy === undefined) return others;
    return { ...others, filter: filter?.node, policy: policy?.given };
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
