/**
 * The connections of an app, as the program sees them.
 *
 * @module
 */
import type { CallTree } from "./calls.ts";
import type { CallerConnection } from "./context.ts";

/** One connection, as the program sees it. */
export interface AppConnection<Base = unknown, Client = unknown> extends CallerConnection {
  /** What `authenticate` gave; replaced when the client brings a new token. */
  readonly context: Base;
  /** Whether it carries on a session of another connection, which was lost: calls and streams went on, and so does the id. */
  readonly resumed: boolean;
  /** Calls what the client offers. */
  readonly client: CallTree<Client>;
}

/** Some connections of this process, at one moment. */
export interface Connections<Base = unknown, Client = unknown> extends Iterable<AppConnection<Base, Client>> {
  /** How many. */
  readonly size: number;
  /** Closes all of them; by default with code 1000, which their clients take as final. */
  close(code?: number, reason?: string): void;
  /**
   * Asks the rules of channels (`allow.subscribe`) again, of all their subscriptions or of those to one channel, by name. Who may no more is
   * told, and gets nothing from then on: after a role has changed, or somebody was banned.
   */
  reauthorize(channel?: string): void;
}

/** What has subscriptions. */
export interface Reauthorized {
  /** See {@linkcode Connections.reauthorize}. */
  reauthorize(channel?: string): void;
}

/** Makes the list; it does not follow later changes. */
export function connectionsOf<C extends CallerConnection & Reauthorized>(
  all: Iterable<C>,
  filter: { readonly subject?: string | undefined },
): Connections {
  const chosen = filter.subject === undefined
    ? [...all]
    : [...all].filter(({ subject }) => subject === filter.subject);
  return {
    size: chosen.length,
    close: (code, reason) => chosen.forEach((connection) => connection.close(code, reason)),
    reauthorize: (channel) => chosen.forEach((connection) => connection.reauthorize(channel)),
    [Symbol.iterator]: () => (chosen as unknown as AppConnection[])[Symbol.iterator](),
  };
}
