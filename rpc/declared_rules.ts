/**
 * Rules of channels as an app declares them: who may do what.
 *
 * @module
 */
import type { ChangeKind } from "./broker.ts";
import type { ChannelParams } from "./channel_pattern.ts";
import type { CallerConnection } from "./context.ts";
import type { ChangeContext } from "./interactions.ts";
import type { MaybePromise } from "./maybe_promise.ts";

/** What rules and hooks of a channel find beside the context of the app. */
export interface ChannelContext {
  /** The name of the channel: `board/7`. */
  readonly channel: string;
  /** The parameters in the name: `{ id: "7" }`. */
  readonly params: ChannelParams;
  /** Whose connection it is. */
  readonly connection: CallerConnection;
}

/** Who may do something with a channel: a function that is asked each time, or the same for all. */
export type ChannelRule<Context> = boolean | ((context: Context) => MaybePromise<boolean>);

/**
 * Who may do what. Asked on each connection anew; who may not is answered as if there were no such channel. A rule that throws a `CallError` for callers is
 * answered with it. What else it throws is reported, and nobody is let in: a call fails with `INTERNAL`, and a subscription, a live one too, is refused as
 * `UNAVAILABLE`, which its client asks for again, as where the rule has not answered within `limits.callTimeout`.
 */
export interface ChannelRules<Context> {
  /** Who may subscribe. @default true */
  readonly subscribe?: ChannelRule<Context>;
  /** Who may publish. @default as `subscribe` */
  readonly publish?: ChannelRule<Context>;
  /** Who may send signals. @default as `publish` */
  readonly signal?: ChannelRule<Context>;
  /**
   * Who may read the history, be it page by page, by a rewind, or from a position before all publications. Who may not is still given what it missed behind
   * a place where it was. @default as `subscribe`
   */
  readonly history?: ChannelRule<Context>;
  /**
   * Who may edit a message: asked with the message, as those below are. Who may not is told `FORBIDDEN`, if they may subscribe. `publish` is not asked: who may publish no more may
   * still change its own messages, where this does not say otherwise. @default who has published it
   */
  readonly edit?: ChannelRule<Context & ChangeContext>;
  /** Who may add to it. @default as `edit` */
  readonly append?: ChannelRule<Context & ChangeContext>;
  /** Who may delete it. @default as `edit` */
  readonly delete?: ChannelRule<Context & ChangeContext>;
  /** Who may react to it. @default as `subscribe` */
  readonly react?: ChannelRule<Context & ChangeContext>;
  /** Who may be a member: enter, and tell of itself. @default as `subscribe` */
  readonly presence?: ChannelRule<Context>;
  /** Who may see who is there, or how many. @default as `subscribe` */
  readonly members?: ChannelRule<Context>;
}

/** The rules that a channel may have: none of what it does not declare. */
export type DeclaredRules<Context, Presence, Changes, Reactions> =
  & Omit<ChannelRules<Context>, PresenceRule | ChangeKind>
  & Only<Presence, Pick<ChannelRules<Context>, PresenceRule>>
  & Only<Changes, Pick<ChannelRules<Context>, Exclude<ChangeKind, "react">>>
  & Only<Reactions, Pick<ChannelRules<Context>, "react">>;

/** Rules about presence. */
export type PresenceRule = "presence" | "members";

/** What may be said where something else is declared. */
export type Only<Declared, Options> = [Declared] extends [undefined]
  ? { readonly [Name in keyof Options]?: never }
  : Options;

/** What is said of messages, where there are any. */
export type OfMessages<Message> = Only<Message, { readonly changes?: unknown; readonly reactions?: unknown }>;

/** What a channel may declare, and have rules about. */
export type Declarable = "presence" | "changes" | "reactions";
/** What a channel has to declare for a rule to be about something. */
export const NEEDED: ReadonlyMap<string, Declarable> = new Map([
  ...["presence", "members"].map((name) => [name, "presence"] as const),
  ...["edit", "append", "delete"].map((name) => [name, "changes"] as const),
  ["react", "reactions"],
]);
