/**
 * The connections of an app, as the program sees them.
 *
 * @module
 */
import type { CallTree } from "./calls.ts";
import { closeAdvice, CloseCode } from "./close.ts";
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
  /** How many; sessions that have lost their connection are not counted. */
  readonly size: number;
  /**
   * Closes all of them; by default with code 1000, which their clients take as final. Where the code is no invitation to come back, sessions of the same clients that
   * have lost their connection end as well: their calls are broken off, and none that waits starts.
   */
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

/** What a client has on the server while it has no connection. */
export interface WaitingSession {
  /** Whose it is. */
  readonly subject: string | undefined;
  /** Ends it, or closes the connection that it has by then. */
  close(code: number, reason?: string): void;
}

/** Members of channels whose connection is lost. */
export interface LostMembers {
  /** Those of a subject, or all, are members no more. */
  sendAway(subject: string | undefined): void;
  /** Asks the rules of channels again about them. */
  reauthorizeLost(subject: string | undefined, channel: string | undefined): void;
}

/** Makes the list; it does not follow later changes. */
export function connectionsOf<C extends CallerConnection & Reauthorized>(
  all: {
    readonly open: Iterable<C>;
    readonly waiting: Iterable<WaitingSession>;
    readonly members: LostMembers | undefined;
  },
  filter: { readonly subject?: string | undefined },
): Connections {
  const isChosen = ({ subject }: { subject: string | undefined }) =>
    filter.subject === undefined || subject === filter.subject;
  const chosen = [...all.open].filter(isChosen);
  const waiting = [...all.waiting].filter(isChosen);
  return {
    size: chosen.length,
    close: (code = CloseCode.NORMAL, reason) => {
      chosen.forEach((connection) => connection.close(code, reason));
      if (closeAdvice(code) === "reconnect") return;
      waiting.forEach((session) => session.close(code, reason));
      all.members?.sendAway(filter.subject);
    },
    reauthorize: (channel) => {
      chosen.forEach((connection) => connection.reauthorize(channel));
      all.members?.reauthorizeLost(filter.subject, channel);
    },
    [Symbol.iterator]: () => (chosen as unknown as AppConnection[])[Symbol.iterator](),
  };
}
