/**
 * What all subscriptions of a channel want together, which is what the server is asked for; and what of that each of them wants.
 *
 * @module
 */
import type { Rewind } from "../rpc/channel_messages.ts";
import type { Filter } from "../rpc/filter.ts";
import type { Payload } from "./payload.ts";
import type { LocalSubscription } from "./subscription.ts";

/** The filter of one channel on the wire. */
export class WireFilter {
  /** What the server was asked for. */
  #asked: Filter | undefined;

  /** The options of a SUBSCRIBE that is sent now. */
  options(locals: Iterable<LocalSubscription>, rewind: Rewind | undefined): object | undefined {
    const filter = this.#asked = common(locals);
    return filter === undefined ? rewind : { ...rewind, filter: filter.node };
  }

  /** Whether another one would be asked for now. */
  isOther(locals: Iterable<LocalSubscription>): boolean {
    return common(locals)?.key !== this.#asked?.key;
  }

  /** Whether a subscription wants what has come. */
  passes({ filter }: LocalSubscription, payload: Payload): boolean {
    if (filter === undefined || filter.key === this.#asked?.key) return true;
    return filter.matches(payload.bytes, payload.start, payload.end);
  }
}

/** The filter that all have; none where they have different ones. Who listens to signals alone wants nothing. */
function common(locals: Iterable<LocalSubscription>): Filter | undefined {
  let found: Filter | undefined;
  let isFirst = true;
  for (const { filter, takesNothing } of locals) {
    if (takesNothing) continue;
    if (!isFirst && filter?.key !== found?.key) return undefined;
    found = filter;
    isFirst = false;
  }
  return found;
}
