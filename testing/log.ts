/**
 * What happened, one event after the other, in the order of real time: what the checker reads. A simulation writes it, and so may a test on real
 * sockets.
 *
 * @module
 */
import type { Claim, Position } from "../rpc/broker.ts";
import type { DocumentEvent } from "./document_log.ts";
import type { PresenceEvent } from "./presence_log.ts";

/** A publication as its publisher saw it. `producer` and `number` name it; `value` is different for each. */
export interface Publishing {
  /** Where. */
  readonly channel: string;
  /** Who publishes. What has a key keeps no order with the rest: it has a producer of its own, the client's name, `~` and more. */
  readonly producer: string;
  /** 1, 2, 3… of this producer on this channel, in the order in which it published. */
  readonly number: number;
}

/** What publishers saw. */
export type PublisherEvent =
  /** It publishes. */
  | Publishing & { readonly is: "publish"; readonly value: string; readonly tag?: string | undefined }
  /** It was told where it landed. */
  | Publishing & { readonly is: "published"; readonly position: Position }
  /** It was told that it never left, since a newer one with the same `conflate` took its place, and where that landed. */
  | Publishing & { readonly is: "publish replaced"; readonly position: Position }
  /** It was told that it did not land. */
  | Publishing & { readonly is: "publish refused"; readonly code: string }
  /** It was told that nobody knows. */
  | Publishing & { readonly is: "publish unknown"; readonly code: string };

/** What subscribers saw. `sub` names one subscription of a program, which outlives connections. */
export type SubscriberEvent =
  /** It subscribes, at a position that it has kept or at none, to everything or to what has one of these tags. */
  | {
    readonly is: "subscribe";
    readonly client: string;
    readonly channel: string;
    readonly sub: string;
    readonly from?: Position | undefined;
    readonly filter?: readonly string[] | undefined;
    readonly policy?: LoggedPolicy | undefined;
    /** The wildcard that it belongs to: told with what it gets first. */
    readonly wild?: string | undefined;
  }
  /** It subscribes to all channels that it may know of: `room/*`; to everything there, or to what has one of these tags. */
  | {
    readonly is: "wildcard";
    readonly client: string;
    readonly wild: string;
    readonly match: string;
    readonly filter?: readonly string[] | undefined;
  }
  /** From now on it misses nothing of them. */
  | { readonly is: "wildcard live"; readonly wild: string }
  /** It closes it. */
  | { readonly is: "wildcard closed"; readonly wild: string }
  /** It knows where it begins. */
  | { readonly is: "subscribed"; readonly sub: string; readonly position: Position }
  /** It got a publication. */
  | { readonly is: "message"; readonly sub: string; readonly position: Position; readonly value: string }
  /** It was told that these are missing. */
  | {
    readonly is: "gap";
    readonly sub: string;
    readonly from: number;
    readonly to: number;
    readonly position: Position;
    readonly reason: string;
  }
  /** It was told that what it has does not go on, and where what follows begins. */
  | { readonly is: "reset"; readonly sub: string; readonly position: Position; readonly reason: string }
  /** It ended, by itself or with an error. */
  | { readonly is: "unsubscribed"; readonly sub: string; readonly code?: string | undefined }
  /** The program looks at where a subscription is, while its handler runs. */
  | { readonly is: "looked"; readonly sub: string; readonly position: Position | undefined }
  /** A client read a part of the history: contiguous entries, upwards. `query` and `told` are what it asked for, when, and what it was told beside. */
  | {
    readonly is: "page";
    readonly client: string;
    readonly channel: string;
    readonly entries: readonly { readonly position: Position; readonly value: string }[];
    readonly query?: PageQuery | undefined;
    readonly told?: PageEnds | undefined;
  };

/** What a subscription lets the server leave out when it is slow. */
export interface LoggedPolicy {
  /** The word that gaps have for it. */
  readonly reason: string;
  /** Of what the newest has to come: of everything, or of each tag. */
  readonly newest: "all" | "tag";
}

/** Which part of a history a client asked for: what comes after an offset, upwards, or before one, downwards; without both the newest. */
export interface PageQuery {
  /** What comes after this offset. */
  readonly after?: number | undefined;
  /** What comes before this one. */
  readonly before?: number | undefined;
  /** Entries, at most. */
  readonly limit: number;
  /** When it asked. */
  readonly at: number;
  /** The tags that it wants; everything where it does not say. */
  readonly filter?: readonly string[] | undefined;
}

/** What a page says of the history as it was read. */
export interface PageEnds {
  /** The last entry. */
  readonly top: Position;
  /** The first offset that is kept. */
  readonly oldest: number;
  /** Whether the same query would give more. */
  readonly more: boolean;
  /** How far was looked, where there is a filter. */
  readonly through?: Position | undefined;
}

/** What went over the wire. */
export type WireEvent =
  /** HELLO arrives at the server. `session` is the one that it asks for, `opening` what it calls the one that it opens. */
  | {
    readonly is: "hello";
    readonly client: string;
    readonly connection: string;
    readonly session?: string | undefined;
    readonly opening?: string | undefined;
  }
  /** The server sends WELCOME, with the id of the session and how long it is kept: 0 for not at all. */
  | {
    readonly is: "welcome";
    readonly client: string;
    readonly connection: string;
    readonly session: string;
    readonly resumed: boolean;
    readonly window: number;
  }
  /** The server tells for how long, in ms from now, the authentication of a connection holds. */
  | { readonly is: "expires"; readonly connection: string; readonly ms: number }
  /** The server learns that a connection is over. */
  | { readonly is: "left"; readonly client: string; readonly connection: string; readonly code: number }
  /** A connection is welcomed, with the session of the one before or with a new one. */
  | {
    readonly is: "welcomed";
    readonly client: string;
    readonly connection?: string | undefined;
    readonly resumed: boolean;
  }
  /** The server closed a connection. */
  | {
    readonly is: "closed";
    readonly client: string;
    readonly connection?: string | undefined;
    readonly code: number;
  }
  /** A client asks for a channel. `ask` names the question, where several may be open. */
  | {
    readonly is: "join";
    readonly client: string;
    readonly channel: string;
    readonly ask?: string | undefined;
    readonly from?: Position | undefined;
  }
  /** The answer arrives, or the server says by itself that the stream is another. */
  | {
    readonly is: "joined";
    readonly client: string;
    readonly channel: string;
    readonly ask?: string | undefined;
    readonly status: "fresh" | "recovered" | "reset";
    readonly position: Position;
  }
  /** A client signals. `value` is different for each. */
  | { readonly is: "signal"; readonly client: string; readonly channel: string; readonly value: string }
  /** A client that listens is told of it. */
  | { readonly is: "signalled"; readonly client: string; readonly channel: string; readonly value: string }
  /** A client listens to signals, of whose subscription nothing else is told. */
  | { readonly is: "listens"; readonly client: string; readonly channel: string }
  /** SEEN arrives at the server: the program is done with everything up to here. */
  | { readonly is: "seen"; readonly client: string; readonly channel: string; readonly offset: number }
  /** So much more has been sent to a client than it has seen: told whenever it is the most so far, in steps. */
  | {
    readonly is: "ahead";
    readonly client: string;
    readonly channel: string;
    readonly messages: number;
    readonly bytes: number;
  }
  /** The server tells a client of a channel that one of its wildcards matches. */
  | { readonly is: "matched"; readonly client: string; readonly channel: string }
  /** The server sends a publication to a client that may have been shut out: what the rule of authorisation looks at. */
  | { readonly is: "deliver"; readonly client: string; readonly channel: string };

/** The truth, where a simulated broker tells it. */
export type BrokerEvent =
  /** An entry was appended, for the first time. */
  | {
    readonly is: "append";
    readonly channel: string;
    readonly position: Position;
    readonly previous: number;
    readonly value: string;
  }
  /** How much the channel keeps. */
  | { readonly is: "retention"; readonly channel: string; readonly messages: number; readonly ms: number }
  /** Entries below `oldest` are gone. */
  | { readonly is: "trim"; readonly channel: string; readonly oldest: number }
  /** Entries above `top` are gone, and their offsets will be given again. */
  | { readonly is: "rollback"; readonly channel: string; readonly epoch: string; readonly top: number }
  /** The stream is gone, with its counter and records: the next one has another epoch. */
  | { readonly is: "stream lost"; readonly channel: string }
  /** Nodes are told that they may have missed something, or that streams are others: of what was lost until `since`, by default all before. */
  | { readonly is: "told"; readonly since?: number | undefined }
  /** The ledger was asked whether the call of a key has run: whose it is, a space, and the key. */
  | { readonly is: "claim"; readonly key: string; readonly state: Claim["state"] }
  /** Replies that were kept are gone: a call with a key may run again. */
  | { readonly is: "ledger lost" };

/** What callers and handlers saw. `call` names one call; `work` what it asks for: calls with one key share it. */
export type CallEvent =
  /** It is called. `repeatable`: it may run more than once. */
  | {
    readonly is: "call";
    readonly client: string;
    readonly call: string;
    readonly work: string;
    readonly method: string;
    readonly key?: string | undefined;
    readonly repeatable?: boolean | undefined;
    /** Whether the caller may give it up before it ends. */
    readonly mayGiveUp?: boolean | undefined;
  }
  /** A handler starts on it. `execution` is different for each start. */
  | { readonly is: "run"; readonly work: string; readonly execution: number }
  /** Its handler is told that nobody waits for it any more. */
  | { readonly is: "broken off"; readonly work: string; readonly execution: number }
  /** An item arrived: up is to the server. `n` is 0, 1, 2… */
  | { readonly is: "item"; readonly call: string; readonly way: "up" | "down"; readonly n: number }
  /** The sender of a stream has ended it, after so many items. */
  | { readonly is: "sent"; readonly call: string; readonly way: "up" | "down"; readonly count: number }
  /** Its receiver was told of that end. */
  | { readonly is: "streamed"; readonly call: string; readonly way: "up" | "down" }
  /** It ends. `answered`: with a value, or an error of the handler; `execution` is the one whose answer it is. */
  | {
    readonly is: "end";
    readonly call: string;
    readonly answered: boolean;
    readonly execution?: number | undefined;
    readonly code?: string | undefined;
    readonly ambiguous?: boolean | undefined;
  };

/** What was done to them. */
export type WorldEvent =
  /** How many sessions without a connection a server keeps. */
  | { readonly is: "room"; readonly sessions: number }
  /** This client may not see this channel any more. */
  | { readonly is: "revoke"; readonly client: string; readonly channel: string }
  /** It may again. */
  | { readonly is: "grant"; readonly client: string; readonly channel: string }
  /** The client is gone without a word: nothing it waits for has an end. */
  | { readonly is: "crash"; readonly client: string }
  /** Something went wrong, for people to read; `by` for what is counted, `still` for how many milliseconds the server stands still. */
  | {
    readonly is: "fault";
    readonly what: string;
    readonly by?: "cut" | "broker" | undefined;
    readonly still?: number | undefined;
  }
  /** The last fault is over: from here on all must come right. */
  | { readonly is: "calm" }
  /** Nothing is expected any more. */
  | { readonly is: "finish" }
  /** An exception that no handler caught: it would have ended the process. */
  | { readonly is: "escaped"; readonly error: string };

/** What can happen. */
export type Happening =
  | PublisherEvent
  | SubscriberEvent
  | DocumentEvent
  | WireEvent
  | BrokerEvent
  | CallEvent
  | PresenceEvent
  | WorldEvent;

/** One line of the log. */
export type LogEvent = Happening & {
  /** Milliseconds on a clock that all share. */
  readonly at: number;
};

/** A log as text. */
export function traceOf(log: readonly LogEvent[]): string {
  return log.map(line).join("\n");
}

/** One line of the trace that people read, the same for the same event byte for byte. */
export function line({ at, is, ...rest }: LogEvent): string {
  const told = Object.entries(rest).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key} ${show(value)}`]
  );
  return [at.toFixed(3).padStart(10), is.padEnd(12), ...told].join("  ");
}

function show(value: unknown): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  if ("epoch" in value && "offset" in value) {
    const { epoch, offset, fingerprint } = value as Partial<Position> & Pick<Position, "epoch" | "offset">;
    const place = `${epoch.slice(0, 4)}:${offset}`;
    return fingerprint === undefined ? place : `${place}:${fingerprint.toString(36)}`;
  }
  return `{${Object.entries(value).map(([key, member]) => `${key} ${show(member)}`).join(", ")}}`;
}
