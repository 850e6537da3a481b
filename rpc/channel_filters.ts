/**
 * Whether a client may ask a channel for a part of it, and for which.
 *
 * @module
 */
import type { NamedChannel } from "./channel_rules.ts";
import type { WireMap } from "./options.ts";
import { type Policy, readPolicy } from "./policy.ts";
import { CallError } from "./errors.ts";
import { type Filter, readFilter } from "./filter.ts";
import type { Limits } from "./limits.ts";

/** The filter that somebody asks for; `undefined` where they ask for none, an error where it is none or the channel has none. */
export function filterOf(
  { value }: NamedChannel,
  given: unknown,
  { filter: most }: Pick<Limits, "filter">,
): Filter | CallError | undefined {
  try {
    const filter = readFilter(given, most);
    if (filter === undefined) return undefined;
    if (doChange(value)) {
      return new CallError("BAD_INPUT", "A channel whose messages change or have reactions has no filters");
    }
    if (value.filter) return filter;
    return new CallError("BAD_INPUT", "The channel has no filters");
  } catch (error) {
    return new CallError("BAD_INPUT", (error as Error).message);
  }
}

/** What a client asks for with SUBSCRIBE, beside its place. */
export interface Selection {
  /** Which publications. */
  readonly filter: Filter | undefined;
  /** What may be left out of them. */
  readonly policy: Policy | undefined;
}

/** Reads what a client asks for with SUBSCRIBE; an error where that cannot be asked for. */
export function selectionOf(
  channel: NamedChannel,
  options: WireMap,
  limits: Pick<Limits, "filter">,
): Selection | CallError {
  const filter = filterOf(channel, options["filter"], limits);
  if (filter instanceof CallError) return filter;
  try {
    const policy = readPolicy(options["policy"]);
    if (policy === undefined || !doChange(channel.value)) return { filter, policy };
    return new CallError("BAD_INPUT", "A channel whose messages change or have reactions has no policies");
  } catch (error) {
    return new CallError("BAD_INPUT", (error as Error).message);
  }
}

/** Whether there are publications that speak of others, and say nothing without them. */
function doChange({ changes, reactions }: NamedChannel["value"]): boolean {
  return changes !== undefined || reactions !== undefined;
}
