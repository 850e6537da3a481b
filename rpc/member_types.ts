/**
 * The members of a channel as programs see them.
 *
 * @module
 */

/** A member of a channel. */
export interface Member<Data> {
  /** Its name: each connection of a user has another, and the same one when it comes back. */
  readonly id: string;
  /** Who it is, as `authenticate` said; `undefined` where nobody signed in. */
  readonly user: string | undefined;
  /** What it tells of itself. */
  readonly data: Data;
}

/** Some of the members of a channel. */
export interface MembersPage<Data> {
  /** All there are. */
  readonly count: number;
  /** In the order of their ids; none where they are only counted. */
  readonly members: readonly Member<Data>[];
  /** Where the next page begins, if there is one: its `after`. */
  readonly next: string | undefined;
}

/** Who is in a channel, for server code. */
export interface ServerPresence<Data> {
  /** The members, page by page, as the broker has them. Rejects with a `TypeError` where the channel has no presence, or the query is none. */
  get(query?: MembersQuery): Promise<MembersPage<Data>>;
  /** How many there are. */
  count(): Promise<number>;
}

/** Which members are wanted. */
export interface MembersQuery {
  /** Those after this one, in the order of their ids: `next` of the page before. */
  readonly after?: string | undefined;
  /** Members, at most: a whole number from 0; 0 is taken for 1, and what is above 1,000 for that. @default 100 */
  readonly limit?: number | undefined;
}
