/**
 * Channels as an app declares them.
 *
 * @module
 */
import type { ChangeKind, Retention } from "./broker.ts";
import { ChannelNames } from "./channel_names.ts";
import type { Channel } from "./channel_types.ts";
import {
  type ChannelContext,
  type ChannelRule,
  type ChannelRules,
  type Declarable,
  type DeclaredRules,
  NEEDED,
  type OfMessages,
} from "./declared_rules.ts";
import type { ChangeContext, ChangesConfig, InteractionsOf, ReactionKinds } from "./interactions.ts";
import { isKey } from "./long_names.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import type { NeedsOf, Scope } from "./builder.ts";
import {
  type PresenceDefinition,
  type PresenceKind,
  presenceOf,
  type PresenceOptions,
} from "./presence_definition.ts";
import { isSchema, type OutputOf, type Schema } from "./schema.ts";

/** What `channel` takes. */
export interface ChannelConfig<
  S extends Scope,
  Message extends Schema | undefined,
  Signal extends Schema | undefined,
  Presence extends PresenceKind | undefined = undefined,
  Changes extends ChangesConfig | undefined = undefined,
  Reactions extends ReactionKinds | undefined = undefined,
> {
  /**
   * The schema of what is published; without one nothing is. Clients' messages and the server's own pass it before they are stored. A message goes to each
   * subscriber in one frame, `limits.message` less 1 KiB at most, and small calls wait behind it: what is large belongs in the answer of a call.
   */
  readonly message?: Message;
  /** The schema of what is ephemeral: reaches who is subscribed at the moment, is stored nowhere, and is lost where a connection is. */
  readonly signal?: Signal;
  /** Who is there: the schema of what members tell of themselves, or `"count"` for numbers alone; or one of the two as `data`, with bounds. */
  readonly presence?: Presence | PresenceOptions<Presence>;
  /**
   * Lets messages be edited, deleted, and added to, where they are texts or bytes. Each change is one more publication, which `history` counts, and a message can be
   * changed as long as it is kept. What was published before this was declared cannot.
   */
  readonly changes?: Changes;
  /**
   * What can be said to messages, by name, and how it is counted: `{ like: "total", emoji: "multiple" }`. Everybody is given summaries, each one more publication, which
   * `history` counts, at most one of a message in 100 ms from each node, and none where nothing has changed. At most 16 kinds.
   */
  readonly reactions?: Reactions;
  /**
   * How much is kept for subscribers that come back or want to look back. Who comes back may be given more: while somebody is subscribed, the node
   * has the latest 64 publications, or 64 KiB, whatever is kept. This is no promise that a message is gone after its time.
   */
  readonly history?: {
    /** Messages, at most; 0 keeps none: then who was away gets a `reset` as soon as something was published meanwhile that nobody else here was given. @default 1000 */
    readonly messages?: number;
    /** Seconds. @default 300 */
    readonly seconds?: number;
  };
  /**
   * Whether subscribers, and who reads the history, may ask for a part of it, by fields of the messages. Each filter is asked once for a publication,
   * by the server, however many have it. Never where messages may change or have reactions. @default true
   */
  readonly filter?: boolean;
  /** Who may do what. By default whoever is connected may do everything. */
  readonly allow?: DeclaredRules<S["base"] & ChannelContext, Presence, Changes, Reactions>;
  /**
   * Sees each message of a client after its validation, before it is stored: gives the message that is stored, or throws a `CallError` that the
   * client is told. Sees edits, too, but not pieces that are added.
   */
  readonly publish?: (
    message: OutputOf<Message>,
    context: S["base"] & ChannelContext,
  ) => MaybePromise<OutputOf<Message>>;
  /** Somebody has subscribed. Runs again when they come back on another connection. What it throws is reported, and nothing else happens. */
  readonly onSubscribe?: (context: S["base"] & ChannelContext) => MaybePromise<void>;
  /** Somebody is subscribed no more: they left, or their connection did. */
  readonly onUnsubscribe?: (context: S["base"] & ChannelContext) => MaybePromise<void>;
}

/**
 * Makes channels.
 *
 * @throws {TypeError} When the channel is made: something that is no schema, or no function.
 * @throws {RangeError} When the channel is made: a history that is no number of messages or seconds.
 */
export type ChannelBuilder<S extends Scope> = <
  Message extends Schema | undefined = undefined,
  Signal extends Schema | undefined = undefined,
  Presence extends PresenceKind | undefined = undefined,
  Changes extends ChangesConfig | undefined = undefined,
  Reactions extends ReactionKinds | undefined = undefined,
>(
  config: ChannelConfig<S, Message, Signal, Presence, Changes, Reactions> & OfMessages<Message>,
) => Channel<Message, Signal, NeedsOf<S>, Presence, InteractionsOf<Changes, Reactions>>;

/** A rule at run time, its types erased. */
export type ErasedRule = (context: object) => MaybePromise<boolean>;

/** How messages of a channel change. */
export interface ChangesDefinition {
  /** Bytes that one may have. */
  readonly bytes: number;
  /** Who may do what, defaults filled in; `undefined` where whoever may subscribe may. */
  readonly allow: Readonly<Record<Exclude<ChangeKind, "react">, ErasedRule | undefined>>;
}

/** What can be said to messages of a channel. */
export interface ReactionsDefinition {
  /** How each kind is counted. */
  readonly kinds: ReactionKinds;
  /** Who may; `undefined` where whoever may subscribe may. */
  readonly allow: ErasedRule | undefined;
}

/** A channel at run time: plain, frozen data that was checked. Its types are erased; {@linkcode Channel} carries them. */
export interface ChannelDefinition {
  /** Marks a channel. */
  readonly "~millrace": "channel";
  /** What is published; `undefined` where nothing is. */
  readonly message: Schema | undefined;
  /** What is ephemeral; `undefined` where nothing is. */
  readonly signal: Schema | undefined;
  /** Who is there; `undefined` where nobody is told. */
  readonly presence: PresenceDefinition | undefined;
  /** How long it remembers. */
  readonly history: Retention;
  /** Whether a part of it may be asked for. */
  readonly filter: boolean;
  /** Who may do what, defaults filled in; `undefined` where whoever is connected may. */
  readonly allow: {
    readonly subscribe: ErasedRule | undefined;
    readonly publish: ErasedRule | undefined;
    readonly signal: ErasedRule | undefined;
    readonly history: ErasedRule | undefined;
    readonly presence: ErasedRule | undefined;
    readonly members: ErasedRule | undefined;
  };
  /** How messages change; `undefined` where they do not. */
  readonly changes: ChangesDefinition | undefined;
  /** What can be said to them; `undefined` where nothing can. */
  readonly reactions: ReactionsDefinition | undefined;
  /** Changes or refuses messages of clients. */
  readonly publish: ((message: unknown, context: object) => unknown) | undefined;
  /** Told of who subscribes. */
  readonly onSubscribe: ((context: object) => unknown) | undefined;
  /** Told of who does no more. */
  readonly onUnsubscribe: ((context: object) => unknown) | undefined;
}

const COUNTINGS: readonly unknown[] = ["total", "distinct", "unique", "multiple"];
/** Kinds of reactions. */
const MOST_KINDS = 16;
/** Messages that are kept where a channel says nothing else. */
const MESSAGES = 1_000;
/** Seconds that they are kept. */
const SECONDS = 300;
/** Epoch, top and producers are kept at least so many milliseconds: longer than any client tries to publish one message. */
const LEAST_META = 600_000;

/**
 * Makes a channel: what {@linkcode ChannelBuilder} does, its types erased.
 *
 * @throws {TypeError} Something that is no schema, or no function.
 * @throws {RangeError} A history that is no number of messages or seconds.
 */
export function defineChannel(
  config: ChannelConfig<Scope, Schema, Schema, PresenceKind, ChangesConfig, ReactionKinds>,
): ChannelDefinition {
  if (typeof config !== "object" || config === null) throw cannotMake("it has no options");
  const {
    message,
    signal,
    presence,
    history,
    filter = true,
    allow,
    changes,
    reactions,
    publish,
    onSubscribe,
    onUnsubscribe,
    ...others
  } = config;
  for (const name of Object.keys(others)) throw cannotMake(`there is no option named "${name}"`);
  if (message === undefined && signal === undefined && presence === undefined) {
    throw cannotMake("it has neither messages nor signals nor presence");
  }
  for (const [name, schema] of Object.entries({ message, signal })) {
    if (schema !== undefined && !isSchema(schema)) throw cannotMake(`its ${name} is no Standard Schema`);
  }
  for (const [name, hook] of Object.entries({ publish, onSubscribe, onUnsubscribe })) {
    if (hook !== undefined && typeof hook !== "function") throw cannotMake(`its ${name} is no function`);
  }
  if (typeof filter !== "boolean") throw cannotMake("its filter is neither true nor false");
  const kept = retention(history);
  return Object.freeze({
    "~millrace": "channel",
    message,
    signal,
    presence: presenceOf(presence),
    history: kept,
    filter,
    allow: rules(allow, { presence, changes, reactions }),
    ...interactionsOf({ changes, reactions, message, kept, allow }),
    publish: publish as ChannelDefinition["publish"],
    onSubscribe: onSubscribe as ChannelDefinition["onSubscribe"],
    onUnsubscribe: onUnsubscribe as ChannelDefinition["onUnsubscribe"],
  });
}

/**
 * The channels of an app by their patterns: all groups together.
 *
 * @throws {TypeError} Something that is no channel, a pattern that is none, or two that one name could belong to.
 */
export function serverChannels(...groups: readonly object[]): ChannelNames<ChannelDefinition> {
  const all = groups.flatMap((group) => Object.entries(group));
  return new ChannelNames(all.map(([pattern, channel]) => {
    if (!isChannel(channel)) throw new TypeError(`Cannot use "${pattern}" as a channel: it is none`);
    return [pattern, channel];
  }));
}

/** Whether something is a channel that a builder made. */
export function isChannel(value: unknown): value is ChannelDefinition {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, "~millrace")) return false;
  return (value as { "~millrace": unknown })["~millrace"] === "channel";
}

function retention(
  given: NonNullable<ChannelConfig<Scope, undefined, undefined>["history"]> = {},
): Retention {
  if (!isOptions(given)) throw cannotMake("its history must be { messages, seconds }");
  const { messages = MESSAGES, seconds = SECONDS, ...others } = given;
  for (const name of Object.keys(others)) throw cannotMake(`its history has no option named "${name}"`);
  if (!Number.isSafeInteger(messages) || messages < 0) {
    throw new RangeError(`Cannot make a channel: ${messages} is no number of messages`);
  }
  if (!(seconds > 0)) throw new RangeError(`Cannot make a channel: ${seconds} is no number of seconds`);
  const ms = Math.min(Math.ceil(seconds * 1_000), Number.MAX_SAFE_INTEGER);
  return Object.freeze({ messages, ms, metaMs: Math.max(ms, LEAST_META) });
}

const RULES: readonly string[] = ["subscribe", "publish", "signal", "history", "presence", "members"];

/** A function, as `allow` of a procedure, or `false`, has no members: it would allow everything. */
function rules(
  given: ChannelRules<never> = {},
  declared: Record<Declarable, unknown>,
): ChannelDefinition["allow"] {
  if (!isOptions(given)) {
    throw cannotMake(`its allow must be { ${RULES.join(", ")} }, a rule for each`);
  }
  for (const [name, value] of Object.entries(given)) {
    if (!RULES.includes(name) && !NEEDED.has(name)) {
      throw cannotMake(`there is nothing to allow named "${name}"`);
    }
    const needs = NEEDED.get(name);
    if (needs !== undefined && declared[needs] === undefined) {
      throw cannotMake(`it has a rule for ${name}, and no ${needs}`);
    }
    if (value !== undefined && typeof value !== "boolean" && typeof value !== "function") {
      throw cannotMake(`its rule for ${name} is no function`);
    }
  }
  const { subscribe, publish = subscribe, signal = publish, history = subscribe } = given;
  const { presence = subscribe, members = subscribe } = given;
  return Object.freeze({
    subscribe: rule(subscribe),
    publish: rule(publish),
    signal: rule(signal),
    history: rule(history),
    presence: rule(presence),
    members: rule(members),
  });
}

interface Interacting {
  readonly changes: ChangesConfig | undefined;
  readonly reactions: ReactionKinds | undefined;
  readonly message: Schema | undefined;
  readonly kept: Retention;
  readonly allow: ChannelRules<never> | undefined;
}

function interactionsOf(given: Interacting): Pick<ChannelDefinition, "changes" | "reactions"> {
  const { changes, reactions, message, kept, allow = {} } = given;
  if (changes === undefined && reactions === undefined) return { changes, reactions };
  const what = changes === undefined ? "reactions" : "changes";
  if (message === undefined) throw cannotMake(`it has ${what}, and no messages`);
  if (kept.messages === 0) {
    throw new RangeError(`Cannot make a channel: what is not kept has no ${what}`);
  }
  return {
    changes: changes === undefined ? undefined : changesOf(changes, allow),
    reactions: reactions && reactionsOf(reactions, allow),
  };
}

/** Whoever has published a message may change it. */
function isOwn({ message }: ChangeContext): boolean {
  return message.isOwn;
}

function changesOf(given: ChangesConfig, allow: ChannelRules<never>): ChangesDefinition {
  if (given !== true && !isOptions(given)) throw cannotMake("its changes must be true, or { bytes }");
  const { bytes = Number.MAX_SAFE_INTEGER, ...others } = given === true ? {} : given;
  for (const name of Object.keys(others)) throw cannotMake(`its changes have no option named "${name}"`);
  if (!Number.isSafeInteger(bytes) || bytes < 1) {
    throw new RangeError(`Cannot make a channel: ${bytes} is no number of bytes`);
  }
  const { edit = isOwn, append = edit, delete: take = edit } = allow;
  return Object.freeze({
    bytes,
    allow: Object.freeze({ edit: rule(edit), append: rule(append), delete: rule(take) }),
  });
}

function reactionsOf(given: ReactionKinds, { react }: ChannelRules<never>): ReactionsDefinition {
  if (!isOptions(given)) {
    throw cannotMake("its reactions must be names of kinds, each with how it is counted");
  }
  const kinds = Object.entries(given);
  if (kinds.length > MOST_KINDS) {
    throw new RangeError(`Cannot make a channel: more than ${MOST_KINDS} reactions`);
  }
  for (const [kind, counting] of kinds) {
    if (!isKey(kind)) throw cannotMake("a kind of reaction has a name of 1 to 255 bytes");
    if (!COUNTINGS.includes(counting)) {
      throw cannotMake(`its reaction "${kind}" is counted in no way there is`);
    }
  }
  return Object.freeze({ kinds: Object.freeze({ ...given }), allow: rule(react) });
}

function rule(given: ChannelRule<never> | undefined): ErasedRule | undefined {
  if (given === undefined || given === true) return undefined;
  return given === false ? () => false : given as ErasedRule;
}

function isOptions(given: unknown): boolean {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

function cannotMake(reason: string): TypeError {
  return new TypeError(`Cannot make a channel: ${reason}`);
}
