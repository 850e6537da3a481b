/**
 * What happens to messages that may change, as a log tells it.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import type { Counting, ReactionSummary } from "../rpc/interactions.ts";

/** What is done with a message that may change. */
export type DocumentChange = "publish" | "edit" | "append" | "delete" | "react";

/** A message as somebody sees it. */
export interface SeenDocument {
  /** Which one. */
  readonly offset: number;
  /** Its text; `undefined` where it was deleted. */
  readonly text: string | undefined;
  /** What is said of it. */
  readonly reactions: ReactionSummary;
  /** The offset of its last change, where that is told. */
  readonly version?: number | undefined;
  /** In whose names it was published and changed last, where that is told. */
  readonly named?: { readonly by: string | undefined; readonly editedBy: string | undefined } | undefined;
}

/** What somebody says of a message, or takes back. */
export interface LoggedReaction {
  /** Its name. */
  readonly kind: string;
  /** How it is counted. */
  readonly counted: Counting;
  /** Empty where it has none. */
  readonly value: string;
  /** Whether it is taken back. */
  readonly undo: boolean;
}

/**
 * What becomes of messages that may change. Their texts are made of tokens `<id>`, by the deeds that have added them. What else is told of publications and
 * subscriptions is told of other channels.
 */
export type DocumentEvent =
  /** Somebody does something with a message, or publishes one. */
  | {
    readonly is: "document";
    readonly client: string;
    readonly id: string;
    readonly what: DocumentChange;
    readonly target?: Pick<Position, "epoch" | "offset"> | undefined;
    /** In whose name, where that is not the client itself: summaries say it. */
    readonly subject?: string | undefined;
    /** Whether it may delete what others have published. */
    readonly mayDelete?: boolean | undefined;
    /** Whether it may change whatever others have published, as server code may. */
    readonly mayChange?: boolean | undefined;
    /** Whether it names the offset alone: it is of whatever stream is there when it lands. */
    readonly isBare?: boolean | undefined;
    readonly reaction?: LoggedReaction | undefined;
  }
  /** It is told where that has landed. */
  | { readonly is: "document done"; readonly id: string; readonly position: Position }
  /** It is told that it has not, or that nobody knows. */
  | {
    readonly is: "document failed";
    readonly id: string;
    readonly code: string;
    readonly ambiguous: boolean;
  }
  /** A client asks for all messages. */
  | { readonly is: "documents asked"; readonly client: string; readonly ask: string }
  /** What it is told; without `ask`: what it has made of the events that it was given. */
  | {
    readonly is: "documents";
    readonly client: string;
    readonly ask?: string | undefined;
    readonly position: Position;
    readonly documents: readonly SeenDocument[];
  };
