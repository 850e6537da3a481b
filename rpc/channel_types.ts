/**
 * The types that channels carry: what a program publishes, what subscribers get, and how a contract names both.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import type { ParamNames, ParamsOf } from "./channel_pattern.ts";
import type { PresenceKind } from "./presence_definition.ts";
import type { Needs } from "./procedure.ts";
import type { InputOf, OutputOf, Schema } from "./schema.ts";

/**
 * A channel with its types: the schemas of its messages and signals, and what it needs of its app. The members with `~` that may be missing are
 * types only, never there at run time.
 */
export interface Channel<
  Message extends Schema | undefined = Schema | undefined,
  Signal extends Schema | undefined = Schema | undefined,
  N extends Needs = never,
  Presence extends PresenceKind | undefined = undefined,
  Interactions extends string = never,
> extends ChannelFor<N> {
  /** The types. */
  readonly "~types"?: ChannelTypes<Message, Signal, Presence, Interactions>;
}

/** A channel of which only matters what it needs. At run time a `ChannelDefinition`. */
export interface ChannelFor<N extends Needs> {
  /** Marks a channel. */
  readonly "~millrace": "channel";
  /** A function type, so that an app may offer more than a channel needs and never less. */
  readonly "~needs"?: (needs: N) => void;
}

/** The types that {@linkcode Channel} carries. */
export interface ChannelTypes<Message, Signal, Presence = undefined, Interactions extends string = never> {
  /** The schema of what is published. */
  readonly message: Message;
  /** The schema of what is ephemeral. */
  readonly signal: Signal;
  /** What members tell of themselves. */
  readonly presence: Presence;
  /** What can be done with messages beside publishing them. */
  readonly interactions: Interactions;
}

/** Channels by their pattern, that an app can serve when it has what they need; `never`: whatever they need. */
export interface ChannelGroup<N extends Needs = never> {
  /** A channel: `"board/:id"`. */
  readonly [pattern: string]: ChannelFor<N>;
}

/** The schema of a channel's messages. */
export type MessageSchema<C> = C extends
  Channel<infer Message, infer _Signal, infer _Needs, infer _Presence, infer _Interactions> ? Message
  : undefined;

/** The schema of a channel's signals. */
export type SignalSchema<C> = C extends
  Channel<infer _Message, infer Signal, infer _Needs, infer _Presence, infer _Interactions> ? Signal
  : undefined;

/** What a channel declares beside messages and signals: `changes`; `never` for most. */
export type Interactions<C> = C extends
  { readonly "~types"?: ChannelTypes<infer _Message, infer _Signal, infer _Presence, infer I> } ? I
  : never;

/** What members of a channel tell of themselves: a schema, `"count"`, or `undefined` where there is no presence. */
export type PresenceOf<C> = C extends
  Channel<infer _Message, infer _Signal, infer _Needs, infer Presence, infer _Interactions> ? Presence
  : undefined;

/** What a member tells of itself; `undefined` where members are only counted, `never` where there is no presence. */
export type PresenceInput<C> = PresenceOf<C> extends infer P
  ? P extends Schema ? InputOf<P> : P extends "count" ? undefined : never
  : never;

/** What is told of a member. */
export type PresenceOutput<C> = PresenceOf<C> extends infer P
  ? P extends Schema ? OutputOf<P> : P extends "count" ? undefined : never
  : never;

/** What a program publishes to a channel; `never` where nothing is published. */
export type MessageInput<C> = MessageSchema<C> extends infer S extends Schema ? InputOf<S> : never;

/** What subscribers of a channel get. */
export type MessageOutput<C> = MessageSchema<C> extends infer S extends Schema ? OutputOf<S> : never;

/** What a program signals to a channel; `never` where there are no signals. */
export type SignalInput<C> = SignalSchema<C> extends infer S extends Schema ? InputOf<S> : never;

/** What hears of signals gets. */
export type SignalOutput<C> = SignalSchema<C> extends infer S extends Schema ? OutputOf<S> : never;

/** The parameters of a pattern as an argument, left out where it has none; other arguments follow. */
export type WithParams<Pattern extends string, Rest extends readonly unknown[]> =
  [ParamNames<Pattern>] extends [never] ? Rest : [params: ParamsOf<Pattern>, ...Rest];

/** Where a publication landed, and what that is worth. */
export interface Published extends Position {
  /** What the broker reached before it answered: `memory` where it lives in this process alone. */
  readonly durability: string;
}
