/**
 * Channels as a program holds them.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import type {
  Interactions,
  MessageInput,
  MessageOutput,
  PresenceInput,
  PresenceOutput,
  Published,
  SignalInput,
  SignalOutput,
  WithParams,
} from "../rpc/channel_types.ts";
import type { FilterPath, MessageFilter } from "../rpc/filter_types.ts";
import type { Interactive, ReactionSummary } from "../rpc/interactions.ts";
import type { FilteredHistoryQuery, HistoryPage } from "../rpc/publisher.ts";
import type { ClientPresence } from "./presence_types.ts";

/**
 * What a subscription tells, in the order of the channel. `Interactions` says what the channel declares besides messages: where that is nothing, no program has to
 * know more than three events.
 */
export type ChannelEvent<Message, Interactions extends string = never> =
  | MessageEvent<Message>
  | GapEvent
  | ResetEvent
  | ("changes" extends Interactions ? ChangeEvent<Message> : never)
  | ("reactions" extends Interactions ? ReactionsEvent : never);

/** Reactions to a message have changed. It may be one that was never given: older than where the subscription began. */
export interface ReactionsEvent {
  /** Which event this is. */
  readonly type: "reactions";
  /** The offset of the message. */
  readonly target: number;
  /** All that there are now. */
  readonly summary: ReactionSummary;
  /** The place of this summary. */
  readonly position: Position;
}

/** A message was changed. It may be one that was never given: older than where the subscription began. */
export type ChangeEvent<Message> = EditEvent<Message> | AppendEvent<Message> | DeleteEvent;

/** What all changes tell. */
export interface ChangedEvent {
  /** The offset of the message. */
  readonly target: number;
  /** The place of the change. */
  readonly position: Position;
  /** The subject that made it, where it has one. */
  readonly by: string | undefined;
}

/** A message is another one now. */
export interface EditEvent<Message> extends ChangedEvent {
  /** Which event this is. */
  readonly type: "edit";
  /** The whole of it. */
  readonly data: Message;
}

/** A piece was added to the end of a message. */
export interface AppendEvent<Message> extends ChangedEvent {
  /** Which event this is. */
  readonly type: "append";
  /** The piece. */
  readonly piece: Message;
}

/** A message was deleted. */
export interface DeleteEvent extends ChangedEvent {
  /** Which event this is. */
  readonly type: "delete";
}

/** Something was published. */
export interface MessageEvent<Message> {
  /** Which event this is. */
  readonly type: "message";
  /** The message. Bytes in it are shared by all subscriptions of this client: read-only. */
  readonly data: Message;
  /** Its place. */
  readonly position: Position;
}

/** Some publications do not come, and why. Those after them do. */
export interface GapEvent {
  /** Which event this is. */
  readonly type: "gap";
  /** The offset of the first that is missing. */
  readonly from: number;
  /** The offset of the last that is missing. */
  readonly to: number;
  /** Why, in the server's word. */
  readonly reason: string;
  /** The place of the last that is missing. */
  readonly position: Position;
}

/**
 * What came so far does not join what comes: something is missing that cannot be named. Load the state anew; what follows goes on
 * after `position`.
 */
export interface ResetEvent {
  /** Which event this is. */
  readonly type: "reset";
  /** Where the channel goes on. */
  readonly position: Position;
  /**
   * `epoch`: the channel was lost, and begun anew. `history`: what is missing is no longer kept, or the channel is another one since a fail-over.
   */
  readonly reason: "epoch" | "history";
}

/** Where a subscription begins. By default now: where this client is in the channel if it is in it already. */
export interface SubscribeOptions {
  /**
   * After this place: of an earlier subscription, or as a handler of the server told it together with a state. If the channel cannot go on
   * from there, the first event is a `reset`.
   */
  readonly position?: Position | undefined;
  /** With so many publications of the past, where there is no `position`. */
  readonly rewind?: number | undefined;
  /** With the publications of so many milliseconds, where there is no `position`. */
  readonly rewindMs?: number | undefined;
  /**
   * Takes messages as the difference to the one before where that is smaller, which it is for a state that is published again and again and changes in few
   * places. With a `filter` or a `policy` it is the one before that was given, whatever was passed over or left out between. Nothing else changes; the client keeps the last message as bytes for it. All subscriptions of this client to a channel share what comes, and it is
   * enough that one of them says so. `traffic` tells what it saves.
   */
  readonly delta?: boolean | undefined;
  /** Closes the subscription when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Told how a subscription with a handler failed: the server refused it, or the client closed. Also told, once until it is live, of a `CallError` that is
   * `retryable`, such as `RESOURCE_EXHAUSTED` beyond the server's `limits.channels`: then the subscription is not over, and is asked for again, after a
   * random time that grows up to 20 s. By default the client's `onError`. Not called for a subscription that is made when the client is closed already: `state`,
   * `ready()` and reading tell.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Where a subscription begins, and what it wants: by default everything. */
export interface SelectiveOptions<Message> extends SubscribeOptions {
  /**
   * Which messages it wants: `{ team: "red", score: { gte: 10 } }`. The server asks it for each publication, those of the past too, and sends what passes; there is no gap
   * for the others, and `position` goes on over them. Where this client has another subscription to the channel that wants something else, both share what comes, all of
   * it, and the client asks their filters. Refused where messages may change or have reactions: a change without its message says nothing.
   */
  readonly filter?: MessageFilter<Message> | undefined;
  /**
   * What is left out when the program, or its link, is slower than what is published. `"all"`: nothing; the server waits, and goes on from the history. `{ latest: ["id"] }`: the
   * newest of each value of that field is given (`{ latest: true }`: of all), those before it are left out. `{ sample: 2 }`: the newest at most twice a second, of each
   * value of `by` where that is given. `"drop oldest"`: the latest 64. Each hole is told by a `gap` with its exact offsets and `conflated`, `sampled` or `dropped`; the newest
   * always comes in the end. It holds for what was missed, too, where that is more than 64 publications or 192 KiB; a rewind is given whole. Subscriptions of this client to
   * the channel that want something else share what comes, and then nothing is left out. Refused, as a filter is, where messages may change. @default "all"
   */
  readonly policy?: DeliveryPolicy | undefined;
}

/** What a subscription may say: where messages may change, or have reactions, it has all of them. */
export type OptionsOf<Message, Interactions extends string> = [Interactions] extends [never]
  ? SelectiveOptions<Message>
  : SubscribeOptions & { readonly filter?: undefined; readonly policy?: "all" | undefined };

/** What may be left out for a subscription that is slow. The way to a field is an array: `["id"]`. Of up to 1,000 values, and 1 MiB, the newest is kept; beyond them those that changed longest ago are left out. */
export type DeliveryPolicy =
  | "all"
  | "drop oldest"
  | { readonly latest: true | FilterPath; readonly sample?: never; readonly by?: never }
  | { readonly sample: number; readonly by?: FilterPath | undefined; readonly latest?: never };

/** Takes events one after the other: the next waits until its promise has settled. What it throws is reported, and the next comes. */
export type EventHandler<Message, Interactions extends string = never> = (
  event: ChannelEvent<Message, Interactions>,
) => unknown;

/**
 * One subscription. Without a handler it is read once, by `for await`, which throws a `CallError` when the server refuses it; leaving the loop closes it.
 * What nobody reads is bounded: the server stops sending at 1,000 publications or 1 MiB, and goes on from its history. Where the client has another
 * subscription to the channel that waits for more, one that holds more than 500 events or 512 KiB for a second is left behind: it is given no more until the program has read what it
 * holds, and then goes on from there, with a `reset` if the history does not go back so far. While it catches up the other may wait a second again.
 */
export interface Subscription<Message, Interactions extends string = never>
  extends AsyncIterableIterator<ChannelEvent<Message, Interactions>, undefined> {
  /**
   * Up to where the program is done: the place of the last event whose handler has ended, or after which the next was asked for. Keep it
   * together with what the events led to, and give it to `subscribe` later. `undefined` before the server has answered.
   */
  readonly position: Position | undefined;
  /** `subscribing` as long as there is no connection, no answer, or one that refuses it for now; `live`; `closed` for good. */
  readonly state: "subscribing" | "live" | "closed";
  /** What has come of the channel, for all subscriptions of this client together, as long as there has been one. Goes on counting. */
  readonly traffic: Readonly<Traffic>;
  /**
   * Resolves when it is live for the first time; rejects with a `CallError` when it is refused or closed before. Where that is `retryable` the subscription is asked
   * for again, and `ready()` waits for the next answer.
   */
  ready(): Promise<void>;
  /**
   * Resolves with `true` when the program is done with everything up to a place, such as one that the answer to a call told; with
   * `false` when that will not come: the channel was begun anew, or the subscription ended. Of a place in a life of the channel that the subscription was
   * never in the server is asked when it has been live for 2 s. Rejects with a `TypeError` where the place is none. Without a handler it has to be read meanwhile: an event
   * is done when the next is asked for, so the loop that reads it must not wait for this.
   */
  reaches(position: Position): Promise<boolean>;
  /** Closes it: no more events. */
  close(): void;
}

/** What has come of a channel, in bytes of messages. */
export interface Traffic {
  /** Bytes that came. */
  bytes: number;
  /** Bytes that did not have to come, since messages came as differences. */
  bytesSaved: number;
}

/** What a program may say about one publication. */
export interface PublishCallOptions {
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which it gives up. By default never: it is sent again until it is answered. */
  readonly timeout?: number | undefined;
  /**
   * Names it, at most 255 bytes: another publication of the same user to the channel with the same key, within 10 minutes, does not land, and
   * resolves with the position of the first, even after the page was loaded anew. It keeps no order with others.
   */
  readonly key?: string | undefined;
  /**
   * Of what is published under the same name here, and was not sent yet, only the newest goes out: one is on its way, and the next is sent when that was answered. So a pointer that
   * moves 1,000 times a second over a link of 100 ms sends ten. One that was replaced comes to what the newer one comes to: it resolves with its position and `conflated: true`, or
   * rejects as it does. `signal` and `timeout` of one that was replaced give up its own promise alone. What was sent is never replaced. The newest takes the place at the end: what was published
   * before it lands before it, also what is not conflated; so does it before what is published later and not conflated, for which it is sent at once. Other names keep no order with it. Where more
   * are replaced than the client's `outbox.messages`, the oldest of them are told `RESOURCE_EXHAUSTED`. Not together with `key`.
   */
  readonly conflate?: string | undefined;
}

/** One channel. */
export interface ClientChannel<
  Input,
  Output,
  Signal = never,
  Signalled = never,
  Told = never,
  Data = never,
  Interactions extends string = never,
> {
  /** Its name. */
  readonly name: string;
  /** Who is there. */
  readonly presence: ClientPresence<Told, Data>;
  /** Subscribes. */
  subscribe(options?: OptionsOf<Output, Interactions>): Subscription<Output, Interactions>;
  /** Subscribes with a handler. */
  subscribe(
    options: OptionsOf<Output, Interactions>,
    handler: EventHandler<Output, Interactions>,
  ): Subscription<Output, Interactions>;
  /** Subscribes with a handler, from now on. */
  subscribe(handler: EventHandler<Output, Interactions>): Subscription<Output, Interactions>;
  /**
   * Publishes. It lands once, however often it has to be sent, and after what was published to the channel before. Rejects with a `CallError`:
   * as the server refuses it; `RESOURCE_EXHAUSTED` when too much waits already; `ambiguous` when it was given up after it had been sent.
   */
  publish(message: Input, options?: PublishCallOptions): Promise<Published>;
  /** A part of the history. Asked for again when its session is lost. */
  history(query?: FilteredHistoryQuery<Output>): Promise<HistoryPage<Output, Interactions>>;
  /** Sends something ephemeral to who is subscribed now. Gives `false`, and sends nothing, where there is no connection. */
  signal(message: Signal): boolean;
  /** Calls `run` with what others signal, until the function that it returns is called. Subscribes to the channel if nothing else did. */
  onSignal(run: (message: Signalled) => void): () => void;
}

/** Opens channels of an app: `channel("board/:id", { id: "7" })`. Throws a `TypeError` for parameters that name no channel. */
export type OpenChannel<Channels> = <Pattern extends keyof Channels & string>(
  pattern: Pattern,
  ...params: WithParams<Pattern, []>
) =>
  & ClientChannel<
    MessageInput<Channels[Pattern]>,
    MessageOutput<Channels[Pattern]>,
    SignalInput<Channels[Pattern]>,
    SignalOutput<Channels[Pattern]>,
    PresenceInput<Channels[Pattern]>,
    PresenceOutput<Channels[Pattern]>,
    Interactions<Channels[Pattern]>
  >
  & Interactive<MessageInput<Channels[Pattern]>, Interactions<Channels[Pattern]>, PublishCallOptions>;
