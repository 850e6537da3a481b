/**
 * `@history`: what it is asked, and how it answers.
 *
 * @module
 */
import { subjectOf } from "./authors.ts";
import type { Entry } from "./broker.ts";
import { CallError } from "./errors.ts";
import type { FilteredPage } from "./filtered_page.ts";
import { isMap } from "./options.ts";
import { isUint } from "./uint.ts";

/** What a client asks. */
export interface AskedHistory {
  readonly channel: string;
  readonly query: { before?: number; after?: number; limit?: number };
  /** Whether it knows that messages change. */
  readonly changes: boolean;
  /** Which messages it wants. */
  readonly filter: unknown;
}

/**
 * Reads the input.
 *
 * @throws {CallError} `BAD_INPUT`.
 */
export function readQuery(input: unknown): AskedHistory {
  if (!isMap(input)) throw badInput("a map");
  const { channel, before, after, limit, changes, filter } = input;
  if (typeof channel !== "string") throw badInput("a channel that is a string");
  const query: AskedHistory["query"] = {};
  for (const [name, value] of Object.entries({ before, after, limit })) {
    if (value === undefined || value === null) continue;
    if (!isUint(value)) throw badInput(`${name} that is an unsigned integer`);
    query[name as "limit"] = value;
  }
  if (query.before !== undefined && query.after !== undefined) throw badInput("before or after, not both");
  return { channel, query, changes: changes === true, filter };
}

/** The answer. Of a channel whose messages may change it has the messages alone, as they are now; who does not know that is given none that were deleted. */
export function asAnswer(
  { epoch, top, oldest, boundary, entries, more, through }: FilteredPage,
  { mayChange, changes }: { readonly mayChange: boolean; readonly changes: boolean },
): object {
  const messages = entries.filter(({ change, isGone }) => change === undefined && (changes || !isGone));
  return {
    epoch,
    offset: top.offset,
    fingerprint: top.fingerprint,
    oldest,
    more,
    boundary,
    through: through && [through.offset, through.fingerprint],
    entries: messages.map((entry) => mayChange && changes ? withVersion(entry) : plain(entry)),
    ...mayChange && changes ? { next: entries.at(-1)?.offset } : {},
  };
}

function plain({ offset, fingerprint, at, data }: Entry): unknown[] {
  return [offset, fingerprint, at, data];
}

function withVersion(entry: Entry): unknown[] {
  const { offset, fingerprint, at, data, by, isGone, version, reactions } = entry;
  const subject = subjectOf(by) ?? null;
  const message = [offset, fingerprint, at, isGone ? null : data, subject];
  if (version === undefined && reactions === undefined) return message;
  const changed = version === undefined
    ? [null, null, null]
    : [version.offset, version.at, subjectOf(version.by) ?? null];
  return [...message, ...changed, ...reactions === undefined ? [] : [reactions.summary]];
}

/** What an input should have been. */
export function badInput(expected: string): CallError {
  return new CallError("BAD_INPUT", `Expected ${expected}`);
}
