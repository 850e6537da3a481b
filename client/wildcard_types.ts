/**
 * Wildcards as a program holds them: all channels of a pattern, some parameters of which it gives.
 *
 * @module
 */
import type { ParamNames, ParamsOf } from "../rpc/channel_pattern.ts";
import type { Interactions, MessageOutput } from "../rpc/channel_types.ts";
import type { ChannelEvent, OptionsOf } from "./channel_types.ts";

/** The channel that an event is of. */
export interface MatchedChannel<Params = Readonly<Record<string, string>>> {
  /** Its name. */
  readonly name: string;
  /** Its parameters. */
  readonly params: Params;
}

/** What a wildcard tells: in the order of each channel, and of which one it is. */
export type WildcardEvent<
  Message,
  Params = Readonly<Record<string, string>>,
  Interactions extends string = never,
> = ChannelEvent<Message, Interactions> & {
  /** The channel. */
  readonly channel: MatchedChannel<Params>;
};

/** Takes events one after the other, of all channels together: the next waits until its promise has settled. What it throws is reported, and the next comes. */
export type WildcardHandler<Message, Params, Interactions extends string = never> = (
  event: WildcardEvent<Message, Params, Interactions>,
) => unknown;

/** Where the channels that are there begin, and what else a subscription may say: all of it holds for each channel. Those that appear later begin at their beginning. */
export type WildcardOptions<Message = unknown, Interactions extends string = never> = Omit<
  OptionsOf<Message, Interactions>,
  "position"
>;

/**
 * The channels of a pattern, as many as the server's `limits.channels` allow: where there are more `onError` is told `RESOURCE_EXHAUSTED`, and which of them come is not
 * said. A channel is there when something was published to it in the last 10 minutes, or for as long as its history goes back. One that the client may not subscribe to is left out
 * without a word, as if it were not there; what no channel of the pattern takes, such as a filter where messages may change, ends it with `BAD_INPUT`. One to which nothing was published for so long ends, when what came of it has been read, without a word too; when it comes again, it begins with a `reset`.
 * Without a handler it is read once, by `for await`; leaving the loop closes it.
 */
export interface WildcardSubscription<Message, Params, Interactions extends string = never>
  extends AsyncIterableIterator<WildcardEvent<Message, Params, Interactions>, undefined> {
  /** `subscribing` as long as there is no connection, or the server has not told of all channels; `live`; `closed` for good. */
  readonly state: "subscribing" | "live" | "closed";
  /** The channels that it is subscribed to now, or asks for. */
  readonly channels: readonly MatchedChannel<Params>[];
  /**
   * Resolves when it is live for the first time, and so is each channel that was there; rejects with a `CallError` when it is refused, or closed before. From then on nothing is missed
   * that is published to a channel that the client may subscribe to.
   */
  ready(): Promise<void>;
  /** Closes it: no more events. */
  close(): void;
}

/** All channels of a pattern, of which some parameters are given. */
export interface ClientChannels<Output, Params, Interactions extends string = never> {
  /** The name of its channels, with `*` for each parameter that may be anything. */
  readonly name: string;
  /** Subscribes. */
  subscribe(
    options?: WildcardOptions<Output, Interactions>,
  ): WildcardSubscription<Output, Params, Interactions>;
  /** Subscribes with a handler. */
  subscribe(
    options: WildcardOptions<Output, Interactions>,
    handler: WildcardHandler<Output, Params, Interactions>,
  ): WildcardSubscription<Output, Params, Interactions>;
  /** Subscribes with a handler, from now on. */
  subscribe(
    handler: WildcardHandler<Output, Params, Interactions>,
  ): WildcardSubscription<Output, Params, Interactions>;
}

/**
 * All channels of a pattern: `channels("room/:house/:room", { house: "7" })`. Parameters that are not given may be anything. Throws a `TypeError` for parameters that are none,
 * or that the pattern does not have.
 */
export type OpenChannels<Channels> = <Pattern extends keyof Channels & string>(
  pattern: Pattern,
  given?: Partial<ParamsOf<Pattern>>,
) => ClientChannels<
  MessageOutput<Channels[Pattern]>,
  { readonly [Name in ParamNames<Pattern>]: string },
  Interactions<Channels[Pattern]>
>;
