/**
 * What can be done with messages that are published already: the types.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import type { Published } from "./channel_types.ts";

/** That messages of a channel may change, and how large one may become. */
export type ChangesConfig = true | {
  /** Bytes that a message may have with all that is added to it, encoded. @default `limits.message` less 1,024, which it cannot be above */
  readonly bytes?: number;
};

/**
 * How a kind of reaction is counted. `total`: how often, without any value. `distinct`: each value, and who said it, each once. `unique`: the same, one value for each
 * user, the last. `multiple`: each value, and how often who said it.
 */
export type Counting = "total" | "distinct" | "unique" | "multiple";

/** Kinds of reactions by their names. */
export type ReactionKinds = Readonly<Record<string, Counting>>;

/** What there is of reactions to one message, by kind; what nobody said is left out. */
export type ReactionSummary = Readonly<Record<string, TotalSummary | ValuesSummary>>;

/** Of a kind that is counted by `total`. */
export interface TotalSummary {
  /** How often it was said. */
  readonly total: number;
}

/** Of any other kind. */
export interface ValuesSummary {
  /** Each value. */
  readonly values: readonly {
    /** The value. */
    readonly value: string;
    /** How many have said it; where it is counted by `multiple`, how often. */
    readonly total: number;
    /** Who: subjects, with how often where it is counted by `multiple`. At most 50. */
    readonly users: readonly { readonly user: string; readonly count?: number }[];
    /** Set where not all are listed: there are more, or some without a subject. */
    readonly clipped?: true;
  }[];
}

/** What a channel declares, as words of a type: `changes`, `reactions`, and how kinds of reactions are counted: `total:like`. */
export type InteractionsOf<Changes, Reactions> =
  | (Changes extends ChangesConfig ? "changes" : never)
  | (Reactions extends ReactionKinds ? "reactions" | KindsOf<Reactions> : never);

/** Kinds of reactions as words of a type. */
export type KindsOf<Reactions extends ReactionKinds> = {
  [Kind in keyof Reactions & string]: `${Reactions[Kind]}:${Kind}`;
}[keyof Reactions & string];

/** Names of kinds of reactions that are counted so. */
export type KindsCounted<Interactions extends string, By extends Counting> = Interactions extends
  `${By}:${infer Kind}` ? Kind : never;

/**
 * Reacts to messages. Each reaction counts once, and resolves when the summary that has it is published, with the place of that: of one message at most one in 100 ms
 * from each node, for all reactions meanwhile. One that changes nothing, as taking back what was not said, is no publication: it resolves with the last place of the channel. Rejects with a `CallError`: `NOT_FOUND`, `GONE`, `FORBIDDEN` as a change does; `TOO_LARGE` beyond 64 values of a kind, or
 * 2,000 users of whom is known who said what; `BAD_INPUT` for a kind that is none, or a value where there is to be none or the other way.
 */
export interface Reactor<Interactions extends string> {
  /** Says something to a message: `react(place, "like")`. */
  react(target: MessageTarget, kind: KindsCounted<Interactions, "total">): Promise<Published>;
  /** Says something to a message: `react(place, "emoji", "🎉")`. A value has 1 to 64 characters, and 255 bytes at most. */
  react(
    target: MessageTarget,
    kind: KindsCounted<Interactions, "distinct" | "unique" | "multiple">,
    value: string,
  ): Promise<Published>;
  /** Takes back what the same user said: of `total` once, of `multiple` all. Of `unique` no value is needed. */
  unreact(target: MessageTarget, kind: KindsCounted<Interactions, "total" | "unique">): Promise<Published>;
  /** Takes back a value. */
  unreact(
    target: MessageTarget,
    kind: KindsCounted<Interactions, "distinct" | "unique" | "multiple">,
    value: string,
  ): Promise<Published>;
}

/** A message: its offset, or its place with the life of the stream, so that it is not taken for another after a loss. What `publish` resolves with is one. */
export type MessageTarget = number | Pick<Position, "epoch" | "offset">;

/** What can be added to the end of a message: texts to texts, bytes to bytes. */
export type PieceOf<Message> = unknown extends Message ? unknown : Extract<Message, string | Uint8Array>;

/**
 * Changes messages. Each change lands once and in the order of what is published, and resolves with its own place. Rejects with a `CallError`: `NOT_FOUND` where the
 * message is not kept any more or never was, `GONE` where it was deleted, `FORBIDDEN` where a rule says no, and as `publish` does; with a `TypeError` for a target that is none.
 */
export interface Changer<Message, Options> {
  /** Puts another message in the place of one. */
  edit(target: MessageTarget, message: Message, options?: Options): Promise<Published>;
  /**
   * Adds a piece to the end of a message. Pieces that are added while one before them has no answer leave together, as one, unless there are options: they are one entry. A
   * client's are one piece to the schema, too, which takes or refuses them together; server code's pass it one by one. Rejects with `TOO_LARGE` where the message would be: of
   * those that left together it takes all up to the first that does not fit, as long as nothing else was published behind them. `BAD_INPUT` where it is of another type.
   */
  append(target: MessageTarget, piece: PieceOf<Message>, options?: Options): Promise<Published>;
  /** Takes a message away: from then on nothing that it was made of is stored, or given to anybody who asks. */
  delete(target: MessageTarget, options?: Options): Promise<Published>;
}

/** Reacts at run time, with whatever it is given. */
export interface AnyReactor {
  /** See {@linkcode Reactor.react}. */
  react(target: MessageTarget, kind: string, value?: string): Promise<Published>;
  /** See {@linkcode Reactor.unreact}. */
  unreact(target: MessageTarget, kind: string, value?: string): Promise<Published>;
}

/** What a channel can do beside publishing, as far as it declares it. */
export type Interactive<Message, Interactions extends string, Options> = "changes" extends Interactions
  ? Changer<Message, Options> & Reacting<Interactions>
  : Reacting<Interactions>;

/** What a channel can do with reactions, as far as it declares them. */
export type Reacting<Interactions extends string> = "reactions" extends Interactions ? Reactor<Interactions>
  : unknown;

/** A message as rules find it. */
export interface TargetMessage {
  /** Its offset. */
  readonly offset: number;
  /** The subject that published it; `undefined` where it has none, as of the server. */
  readonly by: string | undefined;
  /** Whether who asks has published it: the same subject, or, where there is none, the same client. */
  readonly isOwn: boolean;
  /** When it was published, in milliseconds since 1970. */
  readonly at: number;
}

/** What rules of changes find beside what other rules do. */
export interface ChangeContext {
  /** The message that is to be changed. */
  readonly message: TargetMessage;
}
