import type { CallTree } from "./calls.ts";
import type { FindChannel, Publish, ReadPresence } from "./publisher.ts";
import type { DeclaredError } from "./errors.ts";
import { isText } from "./long_names.ts";
import type { ErrorSchemas } from "./procedure.ts";
import type { InputOf, OutputOf } from "./schema.ts";

/**
 * The connection a call came by. In-process calls and calls by `POST` have one that lives as long as the
 * call.
 */
export interface CallerConnection {
  /** Its id, different for each session: a connection that carries on another has the id of that. */
  readonly id: string;
  /** The address of the peer, as the runtime gives it; empty for in-process calls. */
  readonly address: string;
  /** Who is behind it, as `authenticate` said; `undefined` when it named nobody. */
  readonly subject: string | undefined;
  /** Closes it; by default with code 1000. Its calls end as they do when a connection is lost. */
  close(code?: number, reason?: string): void;
}

/** Where an error happened that no caller was told of. */
export interface ErrorPlace {
  /** The connection, if it was one's. */
  readonly connection?: CallerConnection | undefined;
  /** The procedure, if it was one's. */
  readonly procedure?: string | undefined;
  /** The channel, if it was one's. */
  readonly channel?: string | undefined;
}

/** What every handler finds beside its own context. Members can be taken apart: none needs its `this`. */
export interface CallContext<
  Errors extends ErrorSchemas = ErrorSchemas,
  Client = unknown,
  Channels = Record<never, never>,
> {
  /** The name of the procedure, as on the wire: `users.rename`. */
  readonly procedure: string;
  /**
   * Aborts when the caller cancels, the deadline passes, or the session is gone: not when a connection is lost and another carries on. For a call with a
   * `key` it aborts when the call's own time is over, whoever waits for it: the procedure's `timeout`, else `limits.callTimeout`.
   */
  readonly signal: AbortSignal;
  /**
   * Milliseconds until the deadline, `Infinity` without one, 0 when it has passed; for a call with a `key` until its own time is over. Calls made
   * from the handler are bounded by it.
   */
  readonly timeLeft: () => number;
  /** Makes the errors that the procedure declares: `throw errors.TAKEN({ by: "Ada" })`. */
  readonly errors: ErrorConstructors<Errors>;
  /** Calls what the client at the other end of this connection offers. */
  readonly client: CallTree<Client>;
  /** The connection the call came by. */
  readonly connection: CallerConnection;
  /** Publishes to a channel of the app. */
  readonly publish: Publish<Channels>;
  /** A channel of the app: its position, its history. */
  readonly channel: FindChannel<Channels>;
  /** Reads who is in a channel of the app. */
  readonly presence: ReadPresence<Channels>;
}

/** Constructors of the declared errors, by name; the data may be left out where `undefined` is valid. */
export type ErrorConstructors<Errors extends ErrorSchemas> = {
  readonly [Name in keyof Errors & string]: (
    ...args: DataArguments<InputOf<Errors[Name]>>
  ) => DeclaredError<Name, OutputOf<Errors[Name]>>;
};

/** The argument of an error's constructor. */
export type DataArguments<Data> = undefined extends Data ? [data?: Data] : [data: Data];

/** The names that no context of an app and no addition of a middleware may have: what calls, and rules and hooks of channels, find themselves. */
export type ReservedNames = { readonly [Name in keyof CallContext | "params"]?: never };

/** {@linkcode ReservedNames} at run time. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set<keyof ReservedNames>([
  "procedure",
  "signal",
  "timeLeft",
  "errors",
  "client",
  "connection",
  "publish",
  "channel",
  "presence",
  "params",
]);

/** Everybody's context where the app asks nobody. Whoever wants to write to its own is given one: see {@linkcode ServerSession.ownContext}. */
export const NOBODY: object = Object.freeze({});

/**
 * Refuses a context of the app that would hide what every handler finds, and a subject that is none: keys, sessions and orders are of whoever it
 * names, and two objects, or two texts that cannot be encoded, would name the same.
 *
 * @throws {TypeError} If it has one of {@linkcode RESERVED_NAMES}, or such a subject.
 */
export function checkContext(context: object & { readonly subject?: unknown }): void {
  const { subject } = context;
  if (subject !== undefined && !isText(subject)) {
    throw new TypeError("Cannot use the subject: it must be a text without lone surrogates, or undefined");
  }
  const taken = Object.keys(context).find((name) => RESERVED_NAMES.has(name));
  if (taken !== undefined) throw new TypeError(`Cannot use "${taken}" in a context: the name is taken`);
}
