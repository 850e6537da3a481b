/**
 * What the broker needs of Redis, whichever client the user brings: commands that are text, pushes, and the truth about what was lost.
 *
 * Everything is text, payloads as base64, because Bun's client decodes every reply as UTF-8 and would break bytes.
 *
 * @module
 */

/**
 * A reply, alike from all clients: maps are flat lists of key and value, booleans 1 and 0. A double is a number or its text, as the client
 * has it.
 */
export type Reply = string | number | null | readonly Reply[];

/** The server's answer was an error. The command has not run, or a script of it ended where it was. */
export class RedisReplyError extends Error {
  /** The first word of it: `NOSCRIPT`, `OOM`, `READONLY`, `CLUSTERDOWN`, `LOADING`, `WRONGTYPE`, `ERR`, … */
  readonly code: string;

  /** Makes one of what the server wrote. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RedisReplyError";
    this.code = /^[A-Z][A-Z0-9_]*/.exec(message)?.[0] ?? "ERR";
  }
}

/** There is no answer: no connection, or it was lost, or closed. */
export class RedisLostError extends Error {
  /** `false`: the command was never written, so it did not run and will not. `true`: whether it ran is not known. */
  readonly sent: boolean;

  /** Makes one. */
  constructor(message: string, sent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.name = "RedisLostError";
    this.sent = sent;
  }
}

/** A way to Redis, on connections of its own that are made like the user's client. It connects again by itself until it is closed. */
export interface RedisLink {
  /**
   * How this client hears pushes. `sharded`: SSUBSCRIBE, it hears SPUBLISH alone. `ordinary`: SUBSCRIBE, it hears PUBLISH alone; Bun's client
   * does not hand on sharded pushes. Whoever publishes has to reach both, since each node may bring another client.
   */
  readonly pubsub: "sharded" | "ordinary";
  /**
   * Sends a command, in the order of the calls, and those of one turn together. Nothing is queued and nothing is sent twice: without a
   * connection it rejects at once, and a connection that is lost takes the answers of all that was sent on it. A server that says nothing is
   * left after {@linkcode LinkOptions.patience}, so every command ends.
   *
   * @param args The command and its arguments.
   * @throws {RedisReplyError} What the server refused.
   * @throws {RedisLostError} Everything else.
   */
  command(args: readonly string[]): Promise<Reply>;
  /** Answered when there is a connection for commands: now, or the next. Rejects with {@linkcode RedisLostError} when the link is closed. */
  ready(): Promise<void>;
  /** Tells of every connection for commands, before {@linkcode RedisLink.ready} is answered: another server may be behind it. Gives what ends that. */
  onConnect(listener: () => void): () => void;
  /** A connection of its own for pushes. */
  subscriber(events: SubscriberEvents): RedisSubscriber;
  /** Leaves all connections as if they were lost, subscribers' too, for who knows better, and makes others. One that is being made stays. */
  drop(reason: string): void;
  /** Why the latest attempt to connect came to nothing; `undefined` once there is a connection. */
  readonly trouble: RedisLostError | undefined;
  /** What to look at where there is no connection, of a client that does not tell why. */
  readonly untold: string | undefined;
  /** Ends what was made here, subscribers included. The user's own client stays as it is. */
  close(): Promise<void>;
}

/** What a {@linkcode RedisSubscriber} tells. */
export interface SubscriberEvents {
  /** A push, in the order of the server. */
  message(channel: string, payload: string): void;
  /** After `lost`: every channel is subscribed again. What was pushed meanwhile did not come. */
  restored(): void;
  /** The connection is gone: nothing is pushed until `restored`. Told once for each loss. */
  lost(error: RedisLostError): void;
}

/** A connection for pushes. What is subscribed stays so over every loss. */
export interface RedisSubscriber {
  /**
   * Answered when Redis has confirmed it, on the connection that there is now or, without one, on the next.
   *
   * @throws {RedisReplyError} Redis refused it; it is not subscribed.
   * @throws {RedisLostError} It was unsubscribed or closed meanwhile.
   */
  subscribe(channel: string): Promise<void>;
  /** Nothing is told of this channel from now on. */
  unsubscribe(channel: string): void;
  /** As {@linkcode RedisLink.drop}, this connection alone. */
  drop(reason: string): void;
  /** Ends it. */
  close(): Promise<void>;
}

/** How a link keeps its connections. */
export interface LinkOptions {
  /** Milliseconds that a server may take to connect, or to say anything while it is asked for a sign of life. Then the connection is lost. @default 5000 */
  readonly patience?: number;
  /** Milliseconds between the questions for a sign of life, each a PING. @default 1000 */
  readonly pulse?: number;
}
