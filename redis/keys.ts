/**
 * The names of keys and of sharded channels in Redis. All that belongs to one channel has one hash tag, so that one script may touch it in a Cluster.
 *
 * @module
 */

/** What belongs to one channel. */
export interface ChannelKeys {
  /** A string: the life of the stream, see `scripts.ts`. */
  readonly life: string;
  /** A stream: its entries. */
  readonly entries: string;
  /** A hash: the payloads of entries of a channel whose messages may change, and what became of the messages. */
  readonly bodies: string;
  /** What the records of producers begin with. */
  readonly producers: string;
  /** A sharded channel: what is pushed. */
  readonly pushes: string;
}

/**
 * The prefix of a database. Names differ, too, since pushes know no databases. `@` is in no prefix that a user may give, so it is no other one's; and what it
 * begins with stays what the user gave, with a `:`, so that one pattern of rights has all of it.
 */
export function inDatabase(prefix: string, database: number): string {
  return database === 0 ? prefix : `${prefix}:@${database}`;
}

/** What has a meaning in a hash tag or is not printed: it is percent-encoded. Everything else stays as people know it. */
// deno-lint-ignore no-control-regex
const SPECIAL = /[\x00-\x20%{}\x7f]/g;

/** A name within a hash tag. */
export function escaped(name: string): string {
  return name.replace(SPECIAL, (letter) => `%${letter.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** The keys of a channel. The tag is never empty, since a whole key would count then. */
export function channelKeys(prefix: string, channel: string): ChannelKeys {
  const tag = `${prefix}:{${prefix}/${escaped(channel)}}`;
  return {
    life: `${tag}:life`,
    entries: `${tag}:entries`,
    bodies: `${tag}:bodies`,
    producers: `${tag}:producer:`,
    pushes: `${tag}:pushes`,
  };
}

/** What belongs to the presence of one channel. */
export interface PresenceKeys {
  /** A string: see `presence_scripts.ts`. */
  readonly state: string;
  /** A hash: the members. */
  readonly members: string;
  /** A sorted set: their names. */
  readonly names: string;
  /** A sorted set: the nodes that have some. */
  readonly nodes: string;
  /** A sharded channel: what is pushed. */
  readonly pushes: string;
}

/** The keys of the presence of a channel. */
export function presenceKeys(prefix: string, channel: string): PresenceKeys {
  const tag = `${prefix}:{${prefix}/${escaped(channel)}}:presence`;
  return {
    state: tag,
    members: `${tag}:members`,
    names: `${tag}:names`,
    nodes: `${tag}:nodes`,
    pushes: `${tag}:pushes`,
  };
}

/** The key of a call that runs once, and the sharded channel on which it is told that it has ended. */
export function claimKey(prefix: string, key: string): string {
  return `${prefix}:{${prefix}:call/${escaped(key)}}`;
}

/** Says that a claim was given back, by the name of who had it. */
export function backKey(claim: string, who: string): string {
  return `${claim}:back:${escaped(who)}`;
}

/** The sorted set of the names of a pattern, and the sharded channel on which new ones are told. */
export function indexKey(prefix: string, pattern: string): string {
  return `${prefix}:{${prefix}:names/${escaped(pattern)}}`;
}
