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

/** What a channel declares, as words of a type: `changes`. */
export type InteractionsOf<Changes> = Changes extends ChangesConfig ? "changes" : never;

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
   * Adds a piece to the end of a message. Pieces that are added while one before them has no answer leave together, as one, unless there are options. Rejects
   * with `TOO_LARGE` where the message would be, `BAD_INPUT` where it is of another type.
   */
  append(target: MessageTarget, piece: PieceOf<Message>, options?: Options): Promise<Published>;
  /** Takes a message away: from then on nothing that it was made of is stored, or given to anybody who asks. */
  delete(target: MessageTarget, options?: Options): Promise<Published>;
}

/** What a channel can do beside publishing, as far as it declares it. */
export type Interactive<Message, Interactions extends string, Options> = "changes" extends Interactions
  ? Changer<Message, Options>
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
