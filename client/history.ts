/**
 * Reads the history of a channel.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import { CallError } from "../rpc/errors.ts";
import { checkHistoryQuery, offsetOfPlace } from "../rpc/history_query.ts";
import { decodeMessage } from "../rpc/message_data.ts";
import { isPosition } from "../rpc/positions.ts";
import type { HistoryEntry, HistoryPage, HistoryQuery } from "../rpc/publisher.ts";
import { isElsewhere } from "../rpc/resume.ts";
import { isUint } from "../rpc/uint.ts";

/** Entries of a page where the program says nothing else. */
const PAGE = 100;

/** Calls `@history`. */
export async function readHistory(
  channel: string,
  { before, after, limit = PAGE }: HistoryQuery,
  call: (name: string, input: unknown) => PromiseLike<unknown>,
): Promise<HistoryPage<unknown>> {
  checkHistoryQuery({ before, after, limit });
  const input = {
    channel,
    before: before && offsetOfPlace(before),
    after: after && offsetOfPlace(after),
    limit,
  };
  return readPage(await askAgain(() => call("@history", input)), before ?? after);
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

/** `{ epoch, offset, fingerprint, oldest, more, boundary, entries: [[offset, fingerprint, at, data]...] }`. */
function readPage(answer: unknown, from: number | Position | undefined): HistoryPage<unknown> {
  const { epoch, offset, fingerprint, oldest, more, boundary, entries } = (answer ?? {}) as Record<
    string,
    unknown
  >;
  const position = { epoch, offset, fingerprint };
  const known = boundary ?? undefined;
  const fits = isPosition(position) && isUint(oldest) && (known === undefined || isUint(known)) &&
    Array.isArray(entries);
  if (!fits) throw badPage();
  if (typeof from === "object") {
    const view = { epoch: position.epoch, top: position, oldest, boundary: known };
    if (isElsewhere(from, view)) return { position, oldest, entries: [], more: false, reset: true };
  }
  return {
    position,
    oldest,
    entries: entries.map((entry) => readEntry(position.epoch, entry)),
    more: more === true,
    reset: false,
  };
}

function readEntry(epoch: string, entry: unknown): HistoryEntry<unknown> {
  const [offset, fingerprint, at, data] = Array.isArray(entry) ? entry as unknown[] : [];
  const position = { epoch, offset, fingerprint };
  if (!isPosition(position) || typeof at !== "number" || !(data instanceof Uint8Array)) throw badPage();
  return { data: decodeMessage(data), position, at };
}

function badPage(): CallError {
  return new CallError("BAD_MESSAGE", "The answer is no part of a history");
}
