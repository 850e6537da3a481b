/**
 * Channels in server code: publishing, and what a handler needs to give a client a state that its subscription goes on from.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import type { MessageFilter } from "./filter_types.ts";
import { type GivenParams, hasParams } from "./channel_pattern.ts";
import type {
  Interactions,
  MessageInput,
  MessageOutput,
  PresenceOf,
  PresenceOutput,
  Published,
  SignalInput,
  WithParams,
} from "./channel_types.ts";
import type { AnyReactor, Changer, Interactive, ReactionSummary } from "./interactions.ts";
import type { MembersPage, MembersQuery, ServerPresence } from "./member_types.ts";

/** What server code may say about one publication. */
export interface PublishOptions {
  /** In the name of which subject, on a channel whose messages may change: theirs is what they publish themselves, too. A text without lone surrogates, else a `TypeError`. By default of nobody's. */
  readonly by?: string | undefined;
  /** Names it, in 1 to 255 bytes (else a `TypeError`): another publication to the channel with the same key, within 10 minutes, does not land, and resolves with the position of the first. */
  readonly key?: string | undefined;
}

/** Which part of a history is wanted. */
export interface HistoryQuery {
  /** What was published before this offset, the newest first. Without `before` and `after`: the newest. */
  readonly before?: number | Position | undefined;
  /** What was published after this offset, the oldest first. */
  readonly after?: number | Position | undefined;
  /**
   * Messages, at most: a whole number from 0; 0 is taken for 1, and what is above 1,000 for that. There may be fewer where they are large. Where messages
   * change, each change counts as one.
   * @default 100
   */
  readonly limit?: number | undefined;
}

/** Which part of a history is wanted, and of that which messages. */
export interface FilteredHistoryQuery<Message> extends HistoryQuery {
  /**
   * Which messages are wanted. The server looks through 1,000 messages, or 256 KiB, for one page: one may have few, or none, though there are `more`: go on from
   * `through`. Refused where messages may change or have reactions.
   */
  readonly filter?: MessageFilter<Message> | undefined;
}

/** A part of a history. */
export interface HistoryPage<Message, Interactions extends string = never> {
  /** The last publication there was when this was read. */
  readonly position: Position;
  /** The first offset that is still kept; `position.offset + 1` when there is none. */
  readonly oldest: number;
  /** Without a hole but for what a filter has passed over, in the order of the query. Where messages may change these are the messages alone, as they are now; changes have no entries, but take offsets. */
  readonly entries: readonly HistoryEntry<Message, Interactions>[];
  /** Whether there is more to be looked at: the same query from `through` on (where messages may change, from `next` on). */
  readonly more: boolean;
  /** Where messages may change: where the next page goes on, as `after` or `before`. No entry may have it, since changes take offsets, too. */
  readonly next?: number;
  /** How far was looked, in the direction of the query: the last entry, or behind it what a filter has passed over. `undefined` where there was nothing to look at. */
  readonly through: Position | undefined;
  /** Whether the position that was asked for is no place in the stream: it is another one, or has another past. Then there are no entries. */
  readonly reset: boolean;
}

/** A message of a history: as it was published, or, where messages may change, as it is now. */
export type HistoryEntry<Message, Interactions extends string = never> = [Interactions] extends [never]
  ? PublishedEntry<Message>
  : ChangeableEntry<Message>;

/** A message that may have changed. */
export type ChangeableEntry<Message> =
  & Omit<PublishedEntry<Message>, "data">
  & {
    /** The subject that published it, where it has one. */
    readonly by: string | undefined;
    /** The offset of its last change; its own where there was none. Changes up to here are in it. */
    readonly version: number;
    /** When that was, if it was changed: in milliseconds since 1970 by the clock of the server. */
    readonly editedAt: number | undefined;
    /** The subject that made it, where it has one. */
    readonly editedBy: string | undefined;
    /** What there is of reactions; nothing where nobody has reacted. */
    readonly reactions: ReactionSummary;
  }
  & ({
    /** Whether it was deleted. */
    readonly isDeleted: false;
    /** The message. */
    readonly data: Message;
  } | {
    /** Whether it was deleted. */
    readonly isDeleted: true;
    /** There is none any more. */
    readonly data: undefined;
  });

/** A message as it was published. */
export interface PublishedEntry<Message> {
  /** The message. */
  readonly data: Message;
  /** Where it is. */
  readonly position: Position;
  /** When it was published, in milliseconds since 1970 by the clock of the server. */
  readonly at: number;
}

/**
 * Publishes to a channel: `publish("board/:id", { id: "7" }, message)`, or `publish("news", message)` where the pattern has no parameters. The
 * message is validated and stored before the promise resolves. Rules (`allow`) and the `publish` hook of the channel are for clients: server code passes by them.
 *
 * Rejects with a `CallError`: `BAD_INPUT` when the message does not pass the schema (a handler that lets it escape has failed: its caller is told
 * `INTERNAL`), `UNAVAILABLE`, ambiguous, when the broker is not
 * there; with a `TypeError` for parameters that name no channel.
 */
export type Publish<Channels> = <Pattern extends keyof Channels & string>(
  pattern: Pattern,
  ...args: WithParams<Pattern, [message: MessageInput<Channels[Pattern]>, options?: PublishOptions]>
) => Promise<Published>;

/** One channel in server code. */
export interface ServerChannel<Input, Output, Signal, Data = never, Interactions extends string = never> {
  /** Its name. */
  readonly name: string;
  /** Publishes: see {@linkcode Publish}. */
  publish(message: Input, options?: PublishOptions): Promise<Published>;
  /** Sends something ephemeral to whoever is subscribed now. */
  signal(message: Signal): Promise<void>;
  /**
   * The last publication. A handler that answers with a state reads this first, then the state, and answers with both: who subscribes from the
   * position then misses nothing that the state does not hold.
   */
  position(): Promise<Position>;
  /** A part of what is kept. */
  history(query?: FilteredHistoryQuery<Output>): Promise<HistoryPage<Output, Interactions>>;
  /** Who is there. */
  readonly presence: ServerPresence<Data>;
}

/** Finds a channel in server code: `channel("board/:id", { id: "7" })`. Throws a `TypeError` for parameters that name no channel. */
export type FindChannel<Channels> = <Pattern extends keyof Channels & string>(
  pattern: Pattern,
  ...params: WithParams<Pattern, []>
) =>
  & ServerChannel<
    MessageInput<Channels[Pattern]>,
    MessageOutput<Channels[Pattern]>,
    SignalInput<Channels[Pattern]>,
    PresenceOutput<Channels[Pattern]>,
    Interactions<Channels[Pattern]>
  >
  & Interactive<MessageInput<Channels[Pattern]>, Interactions<Channels[Pattern]>, PublishOptions>;

/** Patterns of channels that have presence. */
export type WithPresence<Channels> = {
  [Pattern in keyof Channels & string]: PresenceOf<Channels[Pattern]> extends undefined ? never : Pattern;
}[keyof Channels & string];

/** Reads who is in a channel: `presence.get("board/:id", { id: "7" }, { limit: 100 })`, or `presence.get("news")` where the pattern has no parameters. */
export interface ReadPresence<Channels> {
  /** See {@linkcode ServerPresence.get}. */
  get<Pattern extends WithPresence<Channels>>(
    pattern: Pattern,
    ...args: WithParams<Pattern, [query?: MembersQuery]>
  ): Promise<MembersPage<PresenceOutput<Channels[Pattern]>>>;
}

/** What stands behind {@linkcode Publish} and {@linkcode FindChannel} at run time. */
export interface Publisher {
  /**
   * The channel of a pattern.
   *
   * @throws {TypeError} A pattern that the app does not have, or parameters that name no channel of it.
   */
  channel(pattern: string, params: GivenParams): AnyServerChannel;
}

/** One channel at run time: it can do everything, and refuses what is not declared. */
export type AnyServerChannel =
  & ServerChannel<unknown, unknown, unknown, unknown, "changes">
  & Changer<unknown, PublishOptions>
  & AnyReactor;

/** What handlers find of channels. */
export interface ChannelTools {
  /** Publishes. */
  readonly publish: Publish<Record<string, never>>;
  /** Finds a channel. */
  readonly channel: FindChannel<Record<string, never>>;
  /** Reads who is there. */
  readonly presence: ReadPresence<Record<string, never>>;
}

/** The tools of handlers, and of the app. Parameters may be left out where the pattern has none. */
export function channelTools(publisher: Publisher): ChannelTools {
  const publish = async (pattern: string, ...args: unknown[]) => {
    const [params, message, options] = hasParams(pattern) ? args : [{}, ...args];
    const channel = publisher.channel(pattern, params as GivenParams);
    return await channel.publish(message, options as PublishOptions | undefined);
  };
  const get = async (pattern: string, ...args: unknown[]) => {
    const [params, query] = hasParams(pattern) ? args : [{}, ...args];
    return await publisher.channel(pattern, params as GivenParams).presence.get(
      query as MembersQuery | undefined,
    );
  };
  return {
    publish: publish as ChannelTools["publish"],
    presence: { get: get as never },
    channel: (pattern: string, params: GivenParams = {}) => publisher.channel(pattern, params) as never,
  };
}
