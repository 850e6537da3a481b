/**
 * Reads frames as they pass, and writes into the log what the rules are about: who joined what, and how.
 *
 * @module
 */
import { skip } from "../msgpack/check.ts";
import { decode } from "../msgpack/decoder.ts";
import type { Position } from "../rpc/broker.ts";
import { Kind, SubscribeStatus } from "../rpc/kinds.ts";
import type { Direction, Link } from "./link.ts";
import type { Recorder } from "./recorder.ts";

const LIMITS = { depth: 32, keys: 1024 };
/** Kinds that are looked at, by direction; the others are skipped unread. */
const UP = new Set<number>([Kind.SUBSCRIBE]);
const DOWN = new Set<number>([Kind.WELCOME, Kind.SUBSCRIBED]);
const SENT_NAMES = new Set<number>([Kind.SUBSCRIBED]);
const SENT = new Set<number>([Kind.SUBSCRIBED, Kind.PUBLICATION]);
const STATUS = {
  [SubscribeStatus.FRESH]: "fresh",
  [SubscribeStatus.RECOVERED]: "recovered",
  [SubscribeStatus.RESET]: "reset",
} as const;

/** Most frames have nothing in them that is looked at. */
const NOTHING: readonly (readonly unknown[])[] = [];
const NO_CHANNELS: ReadonlySet<string> = new Set();

/** What is known of one connection. */
interface Connection {
  /** Channels by the client's number of the subscription. */
  readonly subs: Map<number, string>;
  /** Channels by the server's alias. */
  readonly aliases: Map<number, string>;
}

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
    for (const message of messagesOf(frame, direction === "up" ? UP : DOWN)) this.#see(link, message);
  }

  /** A frame is sent to a client: gives the channels of the publications in it, if anybody wants to know. */
  sent(link: Link, frame: Uint8Array, isWanted: boolean): ReadonlySet<string> {
    const messages = messagesOf(frame, isWanted ? SENT : SENT_NAMES);
    if (messages.length === 0) return NO_CHANNELS;
    const { subs, aliases } = this.#of(link);
    const channels = new Set<string>();
    for (const message of messages) {
      if (message[0] === Kind.SUBSCRIBED) {
        aliases.set(message[2] as number, subs.get(message[1] as number) ?? "");
      } else channels.add(aliases.get(message[1] as number) ?? "");
    }
    return channels;
  }

  #see(link: Link, message: readonly unknown[]): void {
    const client = link.client.name;
    const { subs } = this.#of(link);
    if (message[0] === Kind.WELCOME) {
      const { resumed } = decode(message[4] as Uint8Array) as { resumed?: boolean };
      this.#recorder.add({ is: "welcomed", client, resumed: resumed === true });
    } else if (message[0] === Kind.SUBSCRIBE) {
      const [, sub, channel, position] = message as [number, number, string, [string, number, number] | null];
      subs.set(sub, channel);
      const from = position === null ? undefined : asPosition(position);
      this.#recorder.add({ is: "join", client, channel, ask: `${link}:${sub}`, from });
    } else {
      const [, sub, , status, ...position] = message as [
        number,
        number,
        number,
        0 | 1 | 2,
        string,
        number,
        number,
      ];
      const channel = subs.get(sub) ?? "";
      this.#recorder.add({
        is: "joined",
        client,
        channel,
        ask: `${link}:${sub}`,
        status: STATUS[status],
        position: asPosition(position),
      });
    }
  }

  #of(link: Link): Connection {
    let connection = this.#connections.get(link);
    if (connection === undefined) {
      this.#connections.set(link, connection = { subs: new Map(), aliases: new Map() });
    }
    return connection;
  }
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
