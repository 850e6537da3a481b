/**
 * Whether a client may ask a channel for a part of it, and for which.
 *
 * @module
 */
import type { NamedChannel } from "./channel_rules.ts";
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
    if (filter === undefined || value.filter) return filter;
    return new CallError("BAD_INPUT", "The channel has no filters");
  } catch (error) {
    return new CallError("BAD_INPUT", (error as Error).message);
  }
}
