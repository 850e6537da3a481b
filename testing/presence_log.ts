/**
 * Who is in channels, as a log tells it.
 *
 * @module
 */

/** The connections of one user as a view shows them. */
export interface SeenUser {
  /** Who it is; `undefined` for a member that has not signed in. */
  readonly user: string | undefined;
  /** What they told last. */
  readonly members: readonly string[];
}

/** What a view says of the one before: what each of these members tells, or told last. */
export interface SeenChange {
  /** Those that were not there. */
  readonly entered: readonly string[];
  /** Those that told something else. */
  readonly updated: readonly string[];
  /** Those that are there no more. */
  readonly left: readonly string[];
}

/** What members and those who watch them saw. */
export type PresenceEvent =
  /** A client enters a channel, or tells something else there: the client's name, `@` and 1, 2, 3… */
  | {
    readonly is: "enters";
    readonly client: string;
    readonly channel: string;
    readonly value: string;
    /** Whom it has signed in as, if it has. */
    readonly user?: string | undefined;
  }
  /** It was told that it is in, or why not. */
  | {
    readonly is: "entered";
    readonly client: string;
    readonly channel: string;
    readonly value: string;
    readonly code?: string | undefined;
  }
  /** It leaves. */
  | { readonly is: "leaves"; readonly client: string; readonly channel: string }
  /** It was told that it is in no more. */
  | { readonly is: "gone"; readonly client: string; readonly channel: string }
  /** A client watches, or asks once; `server` does so for server code. */
  | {
    readonly is: "watches";
    readonly client: string;
    readonly channel: string;
    readonly watch: string;
    readonly countOnly: boolean;
    /** Whether it asks once, page by page where it is told who: for everybody, however many there are. */
    readonly isPaged?: boolean | undefined;
  }
  /** What a watch is told: how many are there, and what they told last. */
  | {
    readonly is: "view";
    readonly watch: string;
    readonly count: number;
    readonly sample: boolean;
    readonly members: readonly string[];
    /** The user of each of these members, in the same order, where that is told. */
    readonly as?: readonly (string | undefined)[] | undefined;
    /** The same members by user, where that is told. */
    readonly users?: readonly SeenUser[] | undefined;
    /** What is said to be another than in the view before, where that is told. */
    readonly change?: SeenChange | undefined;
  }
  /** It watches no more, or was refused. */
  | { readonly is: "unwatches"; readonly watch: string }
  /** Members of a channel up to which all of them are told. */
  | { readonly is: "threshold"; readonly channel: string; readonly members: number };
