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
  /** Calls what the client offers. */
  readonly client: CallTree<Client>;
}

/** Some connections of this process, at one moment. */
export interface Connections<Base = unknown, Client = unknown> extends Iterable<AppConnection<Base, Client>> {
  /** How many. */
  readonly size: number;
  /** Closes all of them; by default with code 1000, which their clients take as final. */
  close(code?: number, reason?: string): void;
}

/** Makes the list; it does not follow later changes. */
export function connectionsOf<C extends CallerConnection>(
  all: Iterable<C>,
  filter: { readonly subject?: string | undefined },
): Connections {
  const chosen = filter.subject === undefined
    ? [...all]
    : [...all].filter(({ subject }) => subject === filter.subject);
  return {
    size: chosen.length,
    close: (code, reason) => chosen.forEach((connection) => connection.close(code, reason)),
    [Symbol.iterator]: () => (chosen as unknown as AppConnection[])[Symbol.iterator](),
  };
}
