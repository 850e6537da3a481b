/**
 * What the broker needs of a Redis client, whichever it is.
 *
 * @module
 */

/** A reply, as all clients can give it. */
export type Reply = string | number | null | readonly Reply[];

/** The server refused a command. */
export class RedisReplyError extends Error {
  /** The first word of what it said: `NOSCRIPT`, `OOM`, `READONLY`… */
  readonly code: string;

  /** Takes what the server said. */
  constructor(message: string) {
    super(message);
    this.name = "RedisReplyError";
    this.code = /^[A-Z]+/.exec(message)?.[0] ?? "ERR";
  }
}

/** The connection was lost, refused or closed: whether the command ran is not known. */
export class RedisLostError extends Error {
  override readonly name = "RedisLostError";
}

/** What a subscriber is told of. */
export interface SubscriberEvents {
  /** A push. */
  message(channel: string, payload: string): void;
  /** Its connection was lost, and is back with all its subscriptions: pushes may be missing. */
  restored(): void;
  /** Its connection is lost. It comes back by itself. */
  lost(error: unknown): void;
}

/** A connection for pushes. */
export interface RedisSubscriber {
  /** Resolves when Redis has confirmed it. Kept over lost connections. */
  subscribe(channel: string): Promise<void>;
  /** Nothing of this channel any more. */
  unsubscribe(channel: string): void;
  /** Ends it. */
  close(): Promise<void>;
}

/** Redis, through whichever client. */
export interface RedisLink {
  /**
   * Sends a command. Those of one turn are written together, in their order.
   *
   * @throws {RedisReplyError | RedisLostError} Nothing else.
   */
  command(args: readonly string[]): Promise<Reply>;
  /** A connection of its own for pushes. */
  subscriber(events: SubscriberEvents): RedisSubscriber;
  /**
   * Calls `listener` whenever the connection for commands has come: another server may be behind it.
   *
   * @returns Stops that.
   */
  onConnect(listener: () => void): () => void;
  /** Ends what was made here; the client that was given stays as it is. */
  close(): Promise<void>;
}
