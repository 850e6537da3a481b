/**
 * Pages of history of which only a part is wanted.
 *
 * @module
 */
import type { Entry, Page } from "./broker.ts";
import type { Filter } from "./filter.ts";
import { isPromise } from "./iterating.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import type { Place } from "./topic_member.ts";

/** A page, and how far was looked. */
export interface FilteredPage extends Page {
  /** The last that was looked at; `undefined` where there was nothing, or where there is no filter: then it is the last entry. */
  readonly through?: Place | undefined;
}

/** What passes a filter, as much as is wanted: what was read behind that is left for the next page. */
export function filteredPage(page: Page, filter: Filter, messages: number): FilteredPage {
  const entries: Entry[] = [];
  let through: Entry | undefined;
  let more = page.more;
  for (const entry of page.entries) {
    if (entries.length === messages) {
      more = true;
      break;
    }
    through = entry;
    if (filter.matches(entry.data)) entries.push(entry);
  }
  return { ...page, entries, more, through: placeOf(through) };
}

/** Goes on with a value, at once where it is there. */
export function chain<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromise(value) ? Promise.resolve(value).then(next) : next(value);
}

function placeOf(entry: Entry | undefined): Place | undefined {
  return entry && { offset: entry.offset, fingerprint: entry.fingerprint };
}
