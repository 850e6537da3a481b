/**
 * Reads the history of a channel.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import { CallError } from "../rpc/errors.ts";
import { readFilter } from "../rpc/filter.ts";
import { checkHistoryQuery, nextOf, offsetOfPlace } from "../rpc/history_query.ts";
import { decodeMessage } from "../rpc/message_data.ts";
import type { ReactionSummary } from "../rpc/interactions.ts";
import { isPosition } from "../rpc/positions.ts";
import type { ChangeableEntry, FilteredHistoryQuery, HistoryEntry, HistoryPage } from "../rpc/publisher.ts";
import { isElsewhere } from "../rpc/resume.ts";
import { isUint } from "../rpc/uint.ts";

/** Entries of a page where the program says nothing else. */
const PAGE = 100;

/** Calls `@history`. */
export async function readHistory(
  channel: string,
  { before, after, limit = PAGE, filter }: FilteredHistoryQuery<unknown>,
  call: (name: string, input: unknown) => PromiseLike<unknown>,
): Promise<HistoryPage<unknown>> {
  checkHistoryQuery({ before, after, limit });
  const input = {
    channel,
    before: before && offsetOfPlace(before),
    after: after && offsetOfPlace(after),
    limit,
    changes: true,
    filter: readFilter(filter, Infinity)?.node,
  };
  return readPage(await askAgain(() => call("@history", input)), { before, after });
}

/** A read may run twice: where it was lost with its session it is sent again. A client that has closed says so before it sends anything. */
export async function askAgain(ask: () => PromiseLike<unknown>): Promise<unknown> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const isLost = error instanceof CallError && error.code === "DISCONNECTED" && error.ambiguous;
      if (!isLost) throw error;
    }
  }
}

/** `{ epoch, offset, fingerprint, oldest, more, boundary, through, entries: [[offset, fingerprint, at, data]...] }`, of a channel whose messages may change with `next`, and entries that say how they did. */
function readPage(answer: unknown, query: FilteredHistoryQuery<unknown>): HistoryPage<unknown> {
  const from = query.before ?? query.after;
  const { epoch, offset, fingerprint, oldest, more, boundary, through, entries: told, next } = (answer ??
    {}) as Record<string, unknown>;
  const position = { epoch, offset, fingerprint };
  const known = boundary ?? undefined;
  const fits = isPosition(position) && isUint(oldest) && (known === undefined || isUint(known)) &&
    Array.isArray(told);
  if (!fits) throw badPage();
  if (typeof from === "object") {
    const view = { epoch: position.epoch, top: position, oldest, boundary: known };
    if (isElsewhere(from, view)) {
      return { position, oldest, entries: [], more: false, through: undefined, reset: true };
    }
  }
  const entries = told.map((entry) => readEntry(position.epoch, entry, next !== undefined));
  const end = readThrough(position.epoch, through) ?? entries.at(-1)?.position;
  return {
    position,
    oldest,
    entries,
    more: more === true,
    through: end,
    ...next === undefined ? {} : { next: isUint(next) ? next : nextOf(query, { top: position }) },
    reset: false,
  };
}

function readThrough(epoch: string, through: unknown): Position | undefined {
  if (through === undefined || through === null) return undefined;
  const [offset, fingerprint] = Array.isArray(through) ? through as unknown[] : [];
  const position = { epoch, offset, fingerprint };
  if (!isPosition(position)) throw badPage();
  return position;
}

function readEntry(epoch: string, entry: unknown, mayChange: boolean): HistoryEntry<unknown> {
  const [offset, fingerprint, at, data, ...changes] = Array.isArray(entry) ? entry as unknown[] : [];
  const position = { epoch, offset, fingerprint };
  if (!isPosition(position) || typeof at !== "number") throw badPage();
  const isDeleted = mayChange && data === null;
  if (!isDeleted && !(data instanceof Uint8Array)) throw badPage();
  const published = { data: isDeleted ? undefined : decodeMessage(data as Uint8Array), position, at };
  if (!mayChange) return published;
  return Object.assign(published, { isDeleted }, readChanges(position.offset, changes));
}

/** `[by]`, or `[by, version, editedAt, editedBy]`, or that with `reactions`. */
function readChanges(
  offset: number,
  [by, told, editedAt, editedBy, reactions]: readonly unknown[],
): Pick<ChangeableEntry<unknown>, "by" | "version" | "editedAt" | "editedBy" | "reactions"> {
  const version = told ?? offset;
  if (!isUint(version)) throw badPage();
  return {
    by: typeof by === "string" ? by : undefined,
    version,
    editedAt: typeof editedAt === "number" ? editedAt : undefined,
    editedBy: typeof editedBy === "string" ? editedBy : undefined,
    reactions: reactions instanceof Uint8Array ? decodeMessage(reactions) as ReactionSummary : {},
  };
}

function badPage(): CallError {
  return new CallError("BAD_MESSAGE", "The answer is no part of a history");
}
