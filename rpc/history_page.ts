/**
 * A part of a history as server code gets it.
 *
 * @module
 */
import { subjectOf } from "./authors.ts";
import type { Entry } from "./broker.ts";
import type { Filter } from "./filter.ts";
import type { FilteredPage } from "./filtered_page.ts";
import type { ReactionSummary } from "./interactions.ts";
import type { Limits } from "./limits.ts";
import { nextOf } from "./history_query.ts";
import { decodeMessage } from "./message_data.ts";
import type { ChangeableEntry, HistoryPage, HistoryQuery } from "./publisher.ts";
import { isElsewhere } from "./resume.ts";

/** How it is given. */
interface Given {
  /** Whether messages may change: entries say how they did. */
  readonly isNow: boolean;
  /** Which were wanted. */
  readonly filter: Filter | undefined;
  /** Bounds of what is decoded. */
  readonly limits: Limits;
}

/** What a query found. */
export function historyPage(
  page: FilteredPage,
  query: HistoryQuery,
  given: Given,
): HistoryPage<unknown, "changes"> {
  const { isNow, filter } = given;
  const { epoch, top, oldest, entries, more } = page;
  const from = query.after ?? query.before;
  const reset = typeof from === "object" && isElsewhere(from, page);
  const messages = reset ? [] : entries.filter(({ change }) => change === undefined);
  const end = filter === undefined ? messages.at(-1) : page.through;
  return {
    position: { epoch, ...top },
    oldest,
    entries: messages.map((entry) => entryOf(epoch, entry, given)),
    more: !reset && more,
    through: reset || end === undefined
      ? undefined
      : { epoch, offset: end.offset, fingerprint: end.fingerprint },
    ...isNow ? { next: entries.at(-1)?.offset ?? nextOf(query, page) } : {},
    reset,
  };
}

function entryOf(epoch: string, entry: Entry, { isNow, limits }: Given): ChangeableEntry<unknown> {
  const { offset, fingerprint, at, data, by, isGone, version, reactions } = entry;
  const published = { position: { epoch, offset, fingerprint }, at };
  if (!isNow) return { data: decodeMessage(data.slice(), limits), ...published } as ChangeableEntry<unknown>;
  const changed = {
    ...published,
    by: subjectOf(by),
    version: version?.offset ?? offset,
    editedAt: version?.at,
    editedBy: subjectOf(version?.by),
    reactions: reactions === undefined
      ? {}
      : decodeMessage(reactions.summary.slice(), limits) as ReactionSummary,
  };
  return isGone
    ? { ...changed, isDeleted: true, data: undefined }
    : { ...changed, isDeleted: false, data: decodeMessage(data.slice(), limits) };
}
