/**
 * One connection to Redis, as the file of each client gives it. It is made, opens, ends, and never comes again: {@linkcode Keeper} makes the next
 * one. So what the clients do by themselves (queue, send again, subscribe again) is turned off, and is the same for all of them.
 *
 * @module
 */
import { RedisLostError, RedisReplyError, type Reply } from "./link.ts";

/** What a connection tells. */
export interface ConnectionEvents {
  /** It is over, or will not come to be. May be told more than once, and of one that was closed. */
  lost(error: unknown): void;
  /** A push. */
  message(channel: string, payload: string): void;
}

/** One connection. */
export interface Connection {
  /** Connects; answered when commands can be sent. */
  open(): Promise<unknown>;
  /** Sends a command at once. Rejects with whatever the client rejects with. */
  command(args: readonly string[]): Promise<unknown>;
  /** Asks for a sign of life; an error that the server answers is one. */
  ping(): Promise<unknown>;
  /** Answered when the server has confirmed it. */
  subscribe(channel: string): Promise<unknown>;
  /** Only of what the server has confirmed. */
  unsubscribe(channel: string): Promise<unknown>;
  /** Ends it at once, whatever state it is in; all that waits for an answer is rejected. Answered when its socket is closed. */
  close(): Promise<void>;
}

/** A kind of client. */
export interface Client {
  /** See {@linkcode RedisLink.pubsub}. */
  readonly pubsub: "sharded" | "ordinary";
  /** See {@linkcode RedisLink.untold}. */
  readonly untold?: string;
  /** A new connection like the user's. */
  connect(events: ConnectionEvents): Connection;
  /** What an error of the client means: `reply` is the server's, `unsent` was never written, `lost` is all else. */
  meaning(error: unknown): "reply" | "unsent" | "lost";
}

/** The error that is told for one of a client's. */
export function errorOf(error: unknown, client: Client): RedisReplyError | RedisLostError {
  if (error instanceof RedisReplyError || error instanceof RedisLostError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const meaning = client.meaning(error);
  if (meaning === "reply") return new RedisReplyError(text, { cause: error });
  return new RedisLostError(`Redis: ${text}`, meaning === "lost", { cause: error });
}

/** A reply as all clients have it. An error within a list is thrown. */
export function replyOf(value: unknown): Reply {
  switch (typeof value) {
    case "string":
    case "number":
      return value;
    case "bigint":
    case "boolean":
      return Number(value);
    case "object":
      return replyOfObject(value);
    default:
      return null;
  }
}

function replyOfObject(value: object | null): Reply {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map(replyOf);
  if (value instanceof Error) throw new RedisReplyError(value.message, { cause: value });
  if (value instanceof Map) return [...value].flat().map(replyOf);
  if (value instanceof Set) return [...value].map(replyOf);
  return Object.entries(value).flat().map(replyOf);
}
