/**
 * Presence as a program sees it.
 *
 * @module
 */
import type { Member, MembersPage, MembersQuery } from "../rpc/member_types.ts";

/** Who is in a channel, as of one moment. */
export interface PresenceView<Data> {
  /** How many there are: exact, also where only a sample of them is told. */
  readonly count: number;
  /** Whether `members` are some of many: the channel has more than all of which are told. */
  readonly isSample: boolean;
  /** Those who are there, or some of them; none where only their number is wanted. */
  readonly members: readonly Member<Data>[];
  /** The same by user: several connections of one together. Who has not signed in stands alone. */
  readonly users: readonly PresentUser<Data>[];
  /** Those of `members` that were not in the view before. */
  readonly entered: readonly Member<Data>[];
  /** Those of `members` that tell something else than in the view before. */
  readonly updated: readonly Member<Data>[];
  /** Those that were in the view before, and are not in this one. */
  readonly left: readonly Member<Data>[];
}

/** The connections of one user. */
export interface PresentUser<Data> {
  /** Who it is; `undefined` for a member that has not signed in. */
  readonly user: string | undefined;
  /** Its connections that are there. */
  readonly members: readonly Member<Data>[];
}

/** What a program may say about a watch. */
export interface WatchPresenceOptions {
  /** How many there are, and not who: a few bytes however many come and go. @default false */
  readonly countOnly?: boolean | undefined;
  /** Closes it when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Told how a watch with a handler failed: the server refused it, or the client closed. Also told, once until it is live, of a `CallError` that is `retryable`: then it
   * is not over, and is asked for again. By default the client's `onError`.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Takes views. What it throws is reported, and the next comes. */
export type PresenceHandler<Data> = (view: PresenceView<Data>) => unknown;

/**
 * One watch. Without a handler it is read by `for await`, which gives the latest view that was not given yet, throws a `CallError` when the server refuses it, and closes it
 * when it is left.
 */
export interface PresenceWatch<Data> extends AsyncIterableIterator<PresenceView<Data>, undefined> {
  /** The latest view; `undefined` before the server has answered. What it was while there is no connection. */
  readonly view: PresenceView<Data> | undefined;
  /** Closes it: no more views. */
  close(): void;
}

/** The presence of one channel. */
export interface ClientPresence<Input, Output> {
  /**
   * Enters, or tells something else where this client is in already, and stays until it leaves or closes: it enters again by itself on each new connection. Resolves, with the id of
   * the member, when the server has it. Rejects with a `CallError` when the server refuses it.
   */
  enter(...data: undefined extends Input ? [data?: Input] : [data: Input]): Promise<string>;
  /** Tells something else. Of what comes fast only the latest is sent. Rejects with a `TypeError` where this client is not in; what the server refuses leaves it in as it was. */
  update(data: Input): Promise<string>;
  /** Leaves. */
  leave(): Promise<void>;
  /** Watches with a handler, from now on. */
  watch(handler: PresenceHandler<Output>): PresenceWatch<Output>;
  /** Watches with a handler. */
  watch(options: WatchPresenceOptions, handler: PresenceHandler<Output>): PresenceWatch<Output>;
  /** Watches. */
  watch(options?: WatchPresenceOptions): PresenceWatch<Output>;
  /** Some of the members, page by page, however many there are. */
  get(query?: MembersQuery): Promise<MembersPage<Output>>;
}
