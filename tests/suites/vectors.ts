/**
 * `tests/vectors/messages.json` as a program sees it, and our writers given its fields.
 */
import { encode } from "../../msgpack/mod.ts";
import { begin, end, writeBin, written } from "../../msgpack/encoder.ts";
import {
  type SubscribeOptionsOnWire,
  writeDelta,
  writeGap,
  writeMatched,
  writePublication,
  writeSeen,
  writeSignal,
  writeSignalled,
  writeSkip,
  writeSubscribe,
  writeSubscribed,
  writeUnsubscribe,
  writeUnsubscribed,
  writeUnwildcard,
  writeWildcard,
} from "../../rpc/channel_messages.ts";
import { subjectAuthor } from "../../rpc/authors.ts";
import { changeKind } from "../../rpc/change_kinds.ts";
import { writeEntry } from "../../rpc/entry_messages.ts";
import { CallError } from "../../rpc/errors.ts";
import { Flag, Kind } from "../../rpc/kinds.ts";
import {
  type CallOptionsOnWire,
  writeCallHead,
  writeCancel,
  writeCaused,
  writeCredit,
  writeEnd,
  writeError,
  writeExpires,
  writeFail,
  writeFragmentHead,
  writeGoodbye,
  writeHello,
  writeItemHead,
  writeName,
  writePartHead,
  writePayload,
  writePiece,
  writeReceived,
  writeResultHead,
  writeStop,
  writeStream,
  writeToken,
  writeWelcome,
} from "../../rpc/messages.ts";
import {
  type WatchOptions,
  writePresence,
  writeUnwatch,
  writeWatch,
  writeWatched,
} from "../../rpc/presence_messages.ts";
import { fromHex, join } from "../msgpack_support.ts";
import vectors from "../vectors/messages.json" with { type: "json" };

/** The name of a kind, as in the table of `docs/protocol.md`. */
export type KindName = keyof typeof Kind;

/** A payload: one encoded value, or the bytes inside the bin. */
export type VectorPayload = { readonly json: unknown } | { readonly bytes: string };

/** Elements after the kind, by name. */
export interface Fields {
  readonly version: number;
  readonly session: string | null;
  readonly received: number;
  readonly code: number | string;
  readonly flags: number;
  readonly retryAfter: number | null;
  readonly remaining: number | null;
  readonly number: number;
  readonly name: string;
  readonly seq: number;
  readonly group: number;
  readonly id: number;
  readonly method: string | number;
  readonly options: number | null | (CallOptionsOnWire & SubscribeOptionsOnWire);
  readonly stream: number;
  readonly n: number;
  readonly limit: number;
  readonly payload: VectorPayload;
  readonly sub: number;
  readonly watch: number;
  readonly channel: string | number;
  readonly position: readonly [epoch: string, offset: number, fingerprint: number] | null;
  readonly alias: number;
  readonly status: number;
  readonly epoch: string;
  readonly offset: number;
  readonly fingerprint: number;
  readonly from: number;
  readonly to: number;
  readonly reason: string;
  readonly change: number;
  readonly target: number;
  readonly by: string | null;
  readonly pattern: string;
  readonly match: string;
  readonly state: number;
}

/** One message; a kind has the fields of its row alone. */
export interface MessageFields {
  readonly kind: KindName;
  readonly fields: Fields;
  /** What the last fragment of a group completes. */
  readonly completes?: MessageFields;
}

/** Who sends it. */
export type Direction = "client → server" | "server → client" | "both";

/** One message as bytes. */
export interface MessageVector extends MessageFields {
  readonly name: string;
  readonly direction: Direction;
  readonly hex: string;
}

/** Several messages as bytes. */
export interface FrameVector {
  readonly name: string;
  readonly direction: Direction;
  readonly hex: string;
  readonly messages: readonly MessageFields[];
}

/** Frames of which the last one breaks a rule. */
export interface InvalidVector {
  readonly name: string;
  readonly to: "server" | "client";
  readonly frames: readonly string[];
  readonly closes: number;
  readonly why: string;
  readonly times?: number;
  readonly calls?: number;
}

/** Frames to a server, and what it answers. */
export interface AnsweredVector {
  readonly name: string;
  readonly frames: readonly string[];
  /** Kind and elements: those that matter. */
  readonly answers: readonly (readonly unknown[])[];
  readonly why: string;
}

/** A frame of the conversation. */
export interface Step {
  readonly from: "client" | "server";
  readonly hex: string;
  readonly messages: readonly MessageFields[];
}

/** All of the file. */
export const { messages, accepted, frames, invalid, answered, conversation } = vectors as unknown as {
  readonly messages: readonly MessageVector[];
  readonly accepted: readonly MessageVector[];
  readonly frames: readonly FrameVector[];
  readonly invalid: readonly InvalidVector[];
  readonly answered: readonly AnsweredVector[];
  readonly conversation: readonly Step[];
};

/** The bytes inside the bin. */
export function payloadBytes(payload: VectorPayload): Uint8Array {
  return "json" in payload ? encode(valueOf(payload.json)) : fromHex(payload.bytes);
}

/** The value of a payload; `undefined` for an empty one. */
export function payloadValue(payload: VectorPayload): unknown {
  return "json" in payload ? valueOf(payload.json) : undefined;
}

/** JSON has no bytes: `{ "hex": … }` stands for some. */
function valueOf(json: unknown): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
  const entries = Object.entries(json);
  if (entries.length === 1 && entries[0]![0] === "hex") return fromHex(entries[0]![1] as string);
  return Object.fromEntries(entries.map(([key, value]) => [key, valueOf(value)]));
}

/** The message that our writers make of the fields. */
export function writtenMessage({ kind, fields }: MessageFields): Uint8Array {
  begin(new Uint8Array(16), 0);
  writers[kind](fields);
  const length = end();
  const message = written().slice(0, length);
  const isHead = kind === "FRAGMENT" || kind === "PART"; // whose bytes the writer does not copy
  return isHead ? join(message, payloadBytes(fields.payload)) : message;
}

const writers: Record<KindName, (fields: Fields) => void> = {
  HELLO: ({ session, received, payload }) =>
    writeHello(session === null ? undefined : fromHex(session), received, payloadValue(payload) as object),
  WELCOME: ({ session, received, payload }) =>
    writeWelcome(fromHex(session!), received, payloadValue(payload) as object),
  PING: ({ received }) => writeReceived(Kind.PING, received),
  PONG: ({ received }) => writeReceived(Kind.PONG, received),
  ACK: ({ received }) => writeReceived(Kind.ACK, received),
  GOODBYE: ({ code, retryAfter, payload }) =>
    writeGoodbye(code as number, retryAfter ?? undefined, payloadValue(payload) as object),
  TOKEN: ({ payload }) => writeToken((payloadValue(payload) as { token: string }).token),
  EXPIRES: ({ remaining }) => writeExpires(remaining ?? undefined),
  NAME: ({ number, name, flags }) => writeName(number, name, flags),
  FRAGMENT: ({ seq, group, remaining, payload }) =>
    writeFragmentHead(seq, group, { remaining: remaining!, length: payloadBytes(payload).length }),
  CALL: ({ seq, id, method, options, payload }) => {
    const timeout = options as number | null;
    writeCallHead(seq, id, {
      method,
      options: typeof options === "object" && options !== null ? options : { timeout: timeout ?? undefined },
    });
    writeSealed(payload);
  },
  RESULT: ({ seq, id, payload }) => {
    writeResultHead(seq, id);
    writeSealed(payload);
  },
  ERROR: (fields) => writeError(fields.seq, fields.id, errorOf(fields)),
  STREAM: ({ seq, id, stream }) => writeStream(seq, id, stream),
  CANCEL: ({ seq, id }) => writeCancel(seq, id),
  ITEM: ({ stream, n, payload }) => {
    writeItemHead(stream, n);
    writeSealed(payload);
  },
  PIECE: ({ stream, n, payload }) => writePiece(stream, n, payloadBytes(payload)),
  PART: ({ stream, n, remaining, payload }) =>
    writePartHead(stream, n, { remaining: remaining!, length: payloadBytes(payload).length }),
  END: ({ stream, n }) => writeEnd(stream, n),
  FAIL: (fields) => writeFail(fields.stream, fields.n, errorOf(fields)),
  CREDIT: ({ stream, n, limit }) => writeCredit(stream, n, limit),
  STOP: ({ stream }) => writeStop(stream),
  CAUSED: ({ seq, id, payload }) =>
    writeCaused(
      seq,
      id,
      (payloadValue(payload) as [string, string, number, number][]).map(
        ([channel, epoch, offset, fingerprint]) => [channel, { epoch, offset, fingerprint }],
      ),
    ),
  SUBSCRIBE: ({ sub, channel, position, options }) => {
    const [epoch, offset, fingerprint] = position ?? [];
    writeSubscribe(sub, channel as string, {
      position: position === null ? undefined : { epoch: epoch!, offset: offset!, fingerprint: fingerprint! },
      options: (options as SubscribeOptionsOnWire | null) ?? undefined,
    });
  },
  SUBSCRIBED: ({ sub, alias, status, epoch, offset, fingerprint }) =>
    writeSubscribed(sub, alias, { status, position: { epoch, offset, fingerprint } }),
  UNSUBSCRIBED: (fields) => writeUnsubscribed(fields.sub, errorOf(fields)),
  UNSUBSCRIBE: ({ sub }) => writeUnsubscribe(sub),
  PUBLICATION: ({ alias, offset, fingerprint, payload }) =>
    writePublication(alias, {
      offset,
      fingerprint,
      previous: 0,
      at: 0,
      data: payloadBytes(payload),
      room: 0,
    }),
  DELTA: ({ alias, offset, fingerprint, payload }) =>
    writeDelta(alias, { offset, fingerprint }, payloadBytes(payload)),
  GAP: ({ alias, from, to, fingerprint, reason }) => writeGap(alias, { from, to, fingerprint, reason }),
  CHANGE: ({ alias, offset, fingerprint, change, target, by, payload }) =>
    writeEntry(alias, {
      offset,
      fingerprint,
      previous: 0,
      at: 0,
      data: payloadBytes(payload),
      room: 0,
      change: { kind: changeKind(change)!, target },
      by: subjectAuthor(by ?? undefined),
    }),
  SKIP: ({ alias, to, fingerprint }) => writeSkip(alias, to, fingerprint),
  SEEN: ({ alias, offset }) => writeSeen(alias, offset),
  SIGNAL: ({ channel, payload }) => writeSignal(channel, payloadBytes(payload)),
  SIGNALLED: ({ alias, payload }) => writeSignalled(alias, payloadBytes(payload)),
  WATCH: ({ watch, channel, options }) =>
    writeWatch(watch, channel as string, (options ?? undefined) as WatchOptions | undefined),
  WATCHED: ({ watch, alias, payload }) => writeWatched(watch, alias, payloadBytes(payload)),
  PRESENCE: ({ alias, payload }) => writePresence(alias, payloadBytes(payload)),
  UNWATCH: ({ watch }) => writeUnwatch(watch),
  WILDCARD: ({ n, pattern, match }) => writeWildcard(n, pattern, match),
  MATCHED: ({ n, state, name }) => writeMatched(n, state, name),
  UNWILDCARD: (fields) => writeUnwildcard(fields.n, errorOf(fields)),
};

function writeSealed(payload: VectorPayload): void {
  if ("json" in payload) writePayload(valueOf(payload.json));
  else if (payload.bytes === "") writePayload(undefined);
  else writeBin(fromHex(payload.bytes));
}

function errorOf({ code, flags, payload }: Fields): CallError {
  const bits = { retryable: (flags & Flag.RETRYABLE) !== 0, ambiguous: (flags & Flag.AMBIGUOUS) !== 0 };
  const value = payloadValue(payload);
  if ((flags & Flag.DECLARED) !== 0) {
    return new CallError(code as string, undefined, { ...bits, declared: true, data: value });
  }
  const { message, issues } = value as { message: string; issues?: unknown };
  return new CallError(code as string, message, { ...bits, data: issues && { issues } });
}
