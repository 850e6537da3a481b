/**
 * The messages of presence, and what their payloads hold: see `docs/protocol.md`, "Presence".
 *
 * @module
 */
import {
  begin,
  end,
  writeArrayHeader,
  writeBin,
  writeHead,
  writeNil,
  writeString,
  writeUint,
  writeValue,
  written,
} from "../msgpack/encoder.ts";
import type { CallError } from "./errors.ts";
import { Flag, Kind } from "./kinds.ts";
import { encodeMessage } from "./message_data.ts";
import type { KeptMember, PresencePlace } from "./presence_store.ts";

/** What WATCH may ask for. */
export interface WatchOptions {
  /** Numbers alone. */
  readonly count?: true | undefined;
  /** Where the client is: it has all members as of then. */
  readonly position?: readonly [epoch: string, version: number] | undefined;
}

/** Bytes of a message beside its payload, at most. */
const HEAD = 32;
/** Bytes of members in one message, unless one alone has more. */
const MOST_BYTES = 32 * 1024;
/** Bytes of a member beside its texts and data. */
const AROUND_MEMBER = 16;

/** WATCH: `[46, watch, channel, options]`. */
export function writeWatch(watch: number, channel: string, options: WatchOptions | undefined): void {
  writeArrayHeader(4);
  writeUint(Kind.WATCH);
  writeUint(watch);
  writeString(channel);
  if (options === undefined) writeNil();
  else writeValue(options);
}

/** WATCHED: `[47, watch, alias, payload]`. The payload is copied. */
export function writeWatched(watch: number, alias: number, payload: Uint8Array): void {
  writeHead(4, Kind.WATCHED, watch, alias);
  writeBin(payload);
}

/** PRESENCE: `[48, alias, payload]`. The payload is copied. */
export function writePresence(alias: number, payload: Uint8Array): void {
  writeArrayHeader(3);
  writeUint(Kind.PRESENCE);
  writeUint(alias);
  writeBin(payload);
}

/** UNWATCH: `[49, watch]`. */
export function writeUnwatch(watch: number): void {
  writeArrayHeader(2);
  writeUint(Kind.UNWATCH);
  writeUint(watch);
}

/** PRESENCE as a frame of its own, for all who watch. */
export function presenceFrame(alias: number, payload: Uint8Array): Uint8Array {
  begin(new Uint8Array(payload.length + HEAD), 0);
  writePresence(alias, payload);
  const length = end();
  return written().subarray(0, length);
}

/** A member as it is on the wire: `[id, user, data]`. */
export type ToldMember = readonly [id: string, user: string | null, data: Uint8Array];

/** A member for the wire. */
export function toldMember({ id, user, data }: KeptMember): ToldMember {
  return [id, user ?? null, data];
}

/** Numbers alone, as a payload. */
export function countPayload({ epoch, version }: PresencePlace, count: number): Uint8Array {
  return encodeMessage({ epoch, version, count });
}

/** Everybody, or a sample, as payloads that belong together: all but the last have `more`. */
export function snapshotPayloads(
  { epoch, version }: PresencePlace,
  { count, isSample, members }: {
    readonly count: number;
    readonly isSample: boolean;
    readonly members: readonly KeptMember[];
  },
): Uint8Array[] {
  const head = { epoch, version, count, ...(isSample ? { sample: true } : {}) };
  return paged(members).map((page, i, { length }) =>
    encodeMessage({ ...head, members: page.map(toldMember), ...(i < length - 1 ? { more: true } : {}) })
  );
}

/** What has changed since `from`, in the same way. */
export function differencePayloads(
  { epoch, version }: PresencePlace,
  { from, count, set, gone }: {
    readonly from: number;
    readonly count: number;
    readonly set: readonly KeptMember[];
    readonly gone: readonly string[];
  },
): Uint8Array[] {
  const pages = paged(set);
  return pages.map((page, i, { length }) =>
    encodeMessage({
      epoch,
      version,
      from,
      count,
      ...(page.length > 0 ? { set: page.map(toldMember) } : {}),
      ...(i === 0 && gone.length > 0 ? { gone } : {}),
      ...(i < length - 1 ? { more: true } : {}),
    })
  );
}

/** Why it is not watched, or no more. What the program says may be no text that can be encoded: then the code alone is told. */
export function refusalPayload({ code, message, retryable }: CallError): Uint8Array {
  const flags = retryable ? Flag.RETRYABLE : 0;
  try {
    return encodeMessage({ code, flags, message });
  } catch {
    return encodeMessage({ code: code.isWellFormed() ? code : "INTERNAL", flags, message: "" });
  }
}

/** At least one page, which may be empty. */
function paged(members: readonly KeptMember[]): KeptMember[][] {
  const pages: KeptMember[][] = [[]];
  let bytes = 0;
  for (const member of members) {
    const { id, user, data } = member;
    const size = AROUND_MEMBER + id.length + 3 * (user?.length ?? 0) + data.length;
    if (bytes + size > MOST_BYTES && bytes > 0) {
      pages.push([]);
      bytes = 0;
    }
    pages.at(-1)!.push(member);
    bytes += size;
  }
  return pages;
}
