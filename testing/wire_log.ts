/**
 * Reads frames as they pass, and writes into the log what the rules are about: who joined what, and how.
 *
 * @module
 */
import { skip } from "../msgpack/check.ts";
import { decode } from "../msgpack/decoder.ts";
import type { Position } from "../rpc/broker.ts";
import { Kind, SubscribeStatus } from "../rpc/kinds.ts";
import { MatchState } from "../rpc/match_state.ts";
import type { Direction, Link } from "./link.ts";
import type { Recorder } from "./recorder.ts";

const LIMITS = { depth: 32, keys: 1024 };
/** Kinds that are looked at, by direction; the others are skipped unread. */
const UP = new Set<number>([Kind.HELLO, Kind.SUBSCRIBE, Kind.SEEN]);
const DOWN = new Set<number>([Kind.WELCOME, Kind.SUBSCRIBED]);
const SENT_ALWAYS = new Set<number>([Kind.WELCOME, Kind.EXPIRES, Kind.SUBSCRIBED, Kind.MATCHED]);
const SENT_ALL = new Set<number>([...SENT_ALWAYS, Kind.PUBLICATION, Kind.DELTA, Kind.GAP]);
const STATUS = {
  [SubscribeStatus.FRESH]: "fresh",
  [SubscribeStatus.RECOVERED]: "recovered",
  [SubscribeStatus.RESET]: "reset",
} as const;

/** Most frames have nothing in them that is looked at. */
const NOTHING: readonly (readonly unknown[])[] = [];
const NO_CHANNELS: ReadonlySet<string> = new Set();

/** What was sent to a client of one channel and is not acknowledged. */
interface Unseen {
  readonly channel: string;
  /** Everything up to here was seen. */
  seen: number;
  /** Where each publication ends, and its bytes. */
  sent: { readonly offset: number; readonly bytes: number }[];
  bytes: number;
  /** Offsets that a policy has left out, by where they end: they are not counted as sent. */
  left: { readonly to: number; readonly count: number }[];
  /** The most there were, in steps. */
  most: number;
}

/** What is known of one connection. */
interface Connection {
  /** Channels by the client's number of the subscription. */
  readonly subs: Map<number, string>;
  /** By the server's alias. */
  readonly aliases: Map<number, Unseen>;
}

/** What is looked at in a frame that is sent. */
export interface Wanted {
  /** Gives the channels of the publications in it. */
  readonly channels: boolean;
  /** Counts what is sent and not acknowledged: reads every publication, which is a good part of what a run takes. */
  readonly counts: boolean;
}

/** A step of {@linkcode Unseen.most}: publications, or as many times a 1,000th of 1 MiB. */
const STEP = 250;
const BYTES = 1024 * 1024 / 1_000;

/** Watches the frames of all connections. */
export class WireLog {
  readonly #recorder: Pick<Recorder, "add">;
  readonly #connections = new WeakMap<Link, Connection>();

  /** Has seen nothing. */
  constructor(recorder: Pick<Recorder, "add">) {
    this.#recorder = recorder;
  }

  /** A frame has arrived. */
  arrived(link: Link, direction: Direction, frame: Uint8Array): void {
    for (const message of messagesOf(frame, direction === "up" ? UP : DOWN)) {
      if (direction === "up") this.#seeUp(link, message);
      else this.#seeDown(link, message);
    }
  }

  /** A frame is sent to a client: gives the channels of the publications in it, if anybody wants to know. */
  sent(link: Link, frame: Uint8Array, { channels: isWanted, counts }: Wanted): ReadonlySet<string> {
    const messages = messagesOf(frame, isWanted || counts ? SENT_ALL : SENT_ALWAYS);
    if (messages.length === 0) return NO_CHANNELS;
    const { subs, aliases } = this.#of(link);
    const channels = new Set<string>();
    for (const message of messages) {
      if (message[0] === Kind.WELCOME) this.#welcome(link, message);
      else if (message[0] === Kind.EXPIRES) this.#expires(link, message[1] as number | null);
      else if (message[0] === Kind.MATCHED) this.#matched(link, message);
      else if (message[0] === Kind.SUBSCRIBED) {
        const [, sub, alias, , , seen] = message as [number, number, number, number, string, number];
        const channel = subs.get(sub) ?? "";
        // SEEN of the one before may be on its way: it says nothing of this one.
        for (const [before, unseen] of aliases) if (unseen.channel === channel) aliases.delete(before);
        aliases.set(alias, { channel, seen, sent: [], bytes: 0, left: [], most: 0 });
      } else {
        const unseen = aliases.get(message[1] as number);
        if (message[0] !== Kind.GAP) channels.add(unseen?.channel ?? "");
        if (counts && unseen !== undefined) this.#count(link, unseen, message);
      }
    }
    return channels;
  }

  #matched(link: Link, [, , state, channel]: readonly unknown[]): void {
    if (state !== MatchState.THERE) return;
    this.#recorder.add({ is: "matched", client: link.client.name, channel: channel as string });
  }

  #count(link: Link, unseen: Unseen, message: readonly unknown[]): void {
    const isGap = message[0] === Kind.GAP;
    const offset = message[isGap ? 3 : 2] as number;
    if (isGap && message[5] !== "too large") {
      return void unseen.left.push({ to: offset, count: offset - (message[2] as number) + 1 });
    }
    const left = unseen.left.reduce((sum, { count }) => sum + count, 0);
    const messages = offset - unseen.seen - left;
    // One more than 1 MiB may be on its way: the last one does not count.
    const most = Math.floor(Math.max(messages, unseen.bytes / BYTES) / STEP);
    if (most > unseen.most) {
      unseen.most = most;
      const { channel, bytes } = unseen;
      this.#recorder.add({ is: "ahead", client: link.client.name, channel, messages, bytes });
    }
    if (isGap) return;
    const payload = message[4] as Uint8Array;
    const bytes = message[0] === Kind.DELTA ? lengthOf(payload) : payload.length;
    unseen.sent.push({ offset, bytes });
    unseen.bytes += bytes;
  }

  #welcome(link: Link, message: readonly unknown[]): void {
    const payload = decode(message[4] as Uint8Array) as {
      resumed?: boolean;
      window?: number;
      expires?: number;
    };
    this.#recorder.add({
      is: "welcome",
      client: link.client.name,
      connection: `${link}`,
      session: idOf(message[2])!,
      resumed: payload.resumed === true,
      window: payload.window ?? 0,
    });
    if (payload.expires !== undefined) this.#expires(link, payload.expires);
  }

  #expires(link: Link, ms: number | null): void {
    this.#recorder.add({ is: "expires", connection: `${link}`, ms: ms ?? Infinity });
  }

  #seeUp(link: Link, message: readonly unknown[]): void {
    const client = link.client.name;
    const { subs, aliases } = this.#of(link);
    switch (message[0]) {
      case Kind.HELLO: {
        const { opening } = decode(message[4] as Uint8Array) as { opening?: Uint8Array };
        const asked = { session: idOf(message[2]), opening: idOf(opening) };
        return this.#recorder.add({ is: "hello", client, connection: `${link}`, ...asked });
      }
      case Kind.SEEN: {
        const [, alias, offset] = message as [number, number, number];
        const unseen = aliases.get(alias);
        if (unseen === undefined) return;
        const { channel, sent } = unseen;
        this.#recorder.add({ is: "seen", client, channel, offset });
        unseen.seen = Math.max(unseen.seen, offset);
        unseen.left = unseen.left.filter(({ to }) => to > unseen.seen);
        while (sent.length > 0 && sent[0]!.offset <= unseen.seen) unseen.bytes -= sent.shift()!.bytes;
        return;
      }
      default: {
        const [, sub, channel, position] = message as [
          number,
          number,
          string,
          [string, number, number] | null,
        ];
        subs.set(sub, channel);
        const from = position === null ? undefined : asPosition(position);
        this.#recorder.add({ is: "join", client, channel, ask: `${link}:${sub}`, from });
      }
    }
  }

  #seeDown(link: Link, message: readonly unknown[]): void {
    const client = link.client.name;
    if (message[0] === Kind.WELCOME) {
      const { resumed } = decode(message[4] as Uint8Array) as { resumed?: boolean };
      return this.#recorder.add({ is: "welcomed", client, connection: `${link}`, resumed: resumed === true });
    }
    const [, sub, , status, ...position] = message as [
      number,
      number,
      number,
      0 | 1 | 2,
      string,
      number,
      number,
    ];
    this.#recorder.add({
      is: "joined",
      client,
      channel: this.#of(link).subs.get(sub) ?? "",
      ask: `${link}:${sub}`,
      status: STATUS[status],
      position: asPosition(position),
    });
  }

  #of(link: Link): Connection {
    let connection = this.#connections.get(link);
    if (connection === undefined) {
      this.#connections.set(link, connection = { subs: new Map(), aliases: new Map() });
    }
    return connection;
  }
}

/** Bytes of the message that a difference makes, which it begins with. */
function lengthOf(delta: Uint8Array): number {
  let length = 0;
  for (let digit = 0; digit < 4; digit++) {
    length |= (delta[digit]! & 0x7f) << (7 * digit);
    if (delta[digit]! < 0x80) break;
  }
  return length;
}

/** An id as text: for people and for maps. */
function idOf(bytes: unknown): string | undefined {
  if (!(bytes instanceof Uint8Array)) return undefined;
  return Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function asPosition([epoch, offset, fingerprint]: readonly [string, number, number]): Position {
  return { epoch, offset, fingerprint };
}

/** The messages of some kinds. Kind and array header are one byte each for every kind that is in use. */
function messagesOf(frame: Uint8Array, kinds: ReadonlySet<number>): readonly (readonly unknown[])[] {
  let messages: (readonly unknown[])[] | undefined;
  for (let at = 0; at < frame.length;) {
    const end = skip(frame, at, frame.length, LIMITS);
    if (kinds.has(frame[at + 1]!)) (messages ??= []).push(decode(frame.subarray(at, end)) as unknown[]);
    at = end;
  }
  return messages ?? NOTHING;
}
