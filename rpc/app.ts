import type { MaybePromise } from "./maybe_promise.ts";
import type { Broker } from "./broker.ts";
import type { ChannelGroup } from "./channel_types.ts";
import type { AppConnection, Connections } from "./connections.ts";
import type { ErrorPlace } from "./context.ts";
import type { Caller, Contract, HasContract } from "./contract.ts";
import type { Limits } from "./limits.ts";
import type { Group } from "./procedure.ts";
import type { FindChannel, Publish, ReadPresence } from "./publisher.ts";

/** A request as it was before the upgrade: copies, which stay valid. */
export interface RequestCopy {
  /** The full URL. It may carry secrets: do not log it. */
  readonly url: string;
  /** The method. */
  readonly method: string;
  /** A copy of the headers. */
  readonly headers: Headers;
  /** The client's address without the port, as `clientAddress` or the runtime gives it. */
  readonly address: string;
}

/** What `authenticate` is given. */
export interface AuthenticateInput {
  /** The request of the handshake, or of a call by `POST`, without its body. */
  readonly request: RequestCopy;
  /** The token of the first message, the subprotocol or the `authorization` header; `undefined` when the client gave none. */
  readonly token: string | undefined;
}

/** What `authenticate` may say beside the context. */
export interface Identity {
  /** Who it is: for `connections({ subject })` and for replies that are kept. A text without lone surrogates: anything else is a fault, and nobody gets in. */
  readonly subject?: string;
  /** When it ends, in milliseconds since 1970: the connection is then refreshed or closed with 4401. By default never. */
  readonly expires?: number;
}

/**
 * `authenticate`, needed as soon as the context has a member that must be there. Called at HELLO, at each refresh and for each
 * `POST`. Whoever it throws for is refused: with 4403 for a `CallError` `FORBIDDEN`, else with 4401. Anything thrown but a `CallError` is
 * also reported to `onError`.
 */
export type Authenticate<Base> = object extends Base
  ? { readonly authenticate?: (given: AuthenticateInput) => MaybePromise<Base & Identity> }
  : { readonly authenticate: (given: AuthenticateInput) => MaybePromise<Base & Identity> };

/** Who may connect, by the headers that a browser sets and no page can. */
export interface OriginRules {
  /**
   * Origins of the pages that may connect: `"same-origin"`, or a list of origins such as `"https://app.example"`,
   * `"https://*.example.org"` or `"same-origin"`. `"insecure-any"` accepts every page on the web: with cookies, any page then acts as its visitor.
   *
   * @default "same-origin"
   */
  readonly origins?: "same-origin" | "insecure-any" | readonly string[];
  /** Refuses requests without `Origin`: set it where cookies say who it is. @default false */
  readonly requireOrigin?: boolean;
  /** Values of `Host` that are served; others get 421. Set it on servers inside a network, against DNS rebinding. */
  readonly hosts?: readonly string[];
}

/** What the program is told. An exception in one of these is reported to `onError`, and nothing else happens. */
export interface Hooks<Base, Client> {
  /**
   * A connection was authenticated, and its first call has not started. With `connection.resumed` it carries on what another had, whose
   * `onDisconnect` came before.
   */
  readonly onConnect?: (connection: AppConnection<Base, Client>) => MaybePromise<void>;
  /** A connection that `onConnect` was told of has closed, with the code and reason of whoever closed first. */
  readonly onDisconnect?: (
    connection: AppConnection<Base, Client>,
    end: { readonly code: number; readonly reason: string },
  ) => MaybePromise<void>;
  /** Something failed that no caller was told of: above all what a handler threw. By default `console.error`. */
  readonly onError?: (error: unknown, place: ErrorPlace) => void;
}

/** What `millrace` takes. */
export type AppOptions<
  Base,
  Procedures extends Group,
  Client = unknown,
  Channels extends ChannelGroup = Record<never, never>,
> =
  & Authenticate<Base>
  & OriginRules
  & Hooks<Base, Client>
  & {
    /** Where it answers; calls by `POST` go to the path, a slash and the name. @default "/" */
    readonly path?: string;
    /** What clients may call. */
    readonly procedures: Procedures;
    /** Channels that clients subscribe to, beside those that `with` declared: by pattern. */
    readonly channels?: Channels;
    /**
     * Where channels live. The memory of this process by default: what was published is gone with it, and another process knows nothing of it; `memoryBroker` gives it
     * other bounds. `redisBroker` of `./redis` is for several nodes.
     */
    readonly broker?: Broker;
    /** Bounds other than the defaults. */
    readonly limits?: Partial<Limits>;
    /**
     * Who is at the other end, where that is not the runtime's answer: behind a proxy, read the header that it sets. A header that
     * clients can set themselves makes every rate by address void.
     */
    readonly clientAddress?: (request: RequestCopy) => string;
  };

/** What is going on, as numbers that return to 0. */
export interface Stats {
  /** Open sockets, authenticated or not. */
  readonly connections: number;
  /** Calls in flight, both ways, those by `POST` too, and those with a key that run on without their session; calls in process (`caller`) are not counted. */
  readonly calls: number;
  /** Streams that have not ended, both ways. */
  readonly streams: number;
  /** Channels that are listened to: those with subscribers, and those whose last one left a moment ago. */
  readonly channels: number;
  /** Subscriptions of all connections. */
  readonly subscriptions: number;
  /** Bytes held for peers: inputs of calls that have not ended, unread stream units, unfinished messages, and what waits to be sent. */
  readonly heldBytes: number;
  /** Sessions that have lost their connection and wait for another; what they hold and run is counted above. */
  readonly sessions: number;
  /** Connections given up that the runtime still holds: stalled peers on Deno, which cannot cut them. Always 0 on Bun. */
  readonly lingering: number;
}

/** How somebody is sent away. */
export interface KickOptions {
  /** The close code: 1000, or 3000 to 4999. What is no invitation to come back ends waiting sessions as well. @default 4403 */
  readonly code?: number;
  /** Cut to 123 bytes of UTF-8; lone surrogates become U+FFFD. @default "kicked" */
  readonly reason?: string;
}

/** Which connections are meant: those of one subject, or all. */
export interface ConnectionFilter {
  /** Whose; everybody's by default. */
  readonly subject?: string | undefined;
}

/** Whose subscriptions are looked at again. */
export interface ReauthorizeFilter {
  /** Those of one subject; of all by default. */
  readonly subject?: string | undefined;
  /** Those to one channel, by name; to all by default. */
  readonly channel?: string | undefined;
}

/** How an app is shut down. */
export interface ShutdownOptions {
  /**
   * Milliseconds that calls in flight have to end. Calls with a key that were told to stop have 2 s more, and a broker that does not take their replies 5 s.
   *
   * @default 10000
   */
  readonly deadline?: number;
  /** Whether the server comes back: clients then connect again by themselves (1012), otherwise they are told that it leaves (1001). @default false */
  readonly restart?: boolean;
  /** Clients wait a random time up to this many milliseconds before they connect again. By default they choose. */
  readonly retryAfter?: number;
}

/** What a shutdown cut. */
export interface ShutdownReport {
  /** Connections that were closed. */
  readonly connections: number;
  /** Calls that had not ended at the deadline: their handlers were told to stop, and their callers, where there were any, got `UNAVAILABLE`, ambiguous. */
  readonly calls: number;
}

/** An app: what `export default` serves under `deno serve` and under `bun`. */
export interface Millrace<C extends Contract = Contract, Base = unknown> extends HasContract<C> {
  /** Answers a request. `info` is Deno's `ServeHandlerInfo` or Bun's `Server`; Bun cannot do without. */
  readonly fetch: (request: Request, info?: unknown) => Response | Promise<Response>;
  /** What Bun's `serve` wants as `websocket`; Deno ignores it. */
  readonly websocket: object;
  /** Calls procedures in process, with this context, through the same checks, middleware and codec. */
  caller(context: Base): Caller<HasContract<C>>;
  /** The connections of this process: all, or those of one subject. */
  connections(filter?: ConnectionFilter): Connections<Base, C["client"]>;
  /**
   * Closes all connections of a subject, on all nodes that share the broker, as `connections({ subject }).close()` does here: within a second where Redis answers. They may come
   * back: `authenticate` has to refuse them. Resolves when the broker has the order; a node that cannot reach the broker follows when it does, within 10 minutes.
   * Who comes back within a minute may be closed once more, by a node that could not listen yet or whose broker has lost orders; and later, by one that was away.
   *
   * @throws {TypeError | RangeError} A subject or a close code that is none.
   * @throws {CallError} `UNAVAILABLE`: it was done here, and other nodes may not have heard of it.
   */
  kick(subject: string, options?: KickOptions): Promise<void>;
  /**
   * Asks the rules of channels (`allow.subscribe`) again on all nodes that share the broker, as `connections().reauthorize()` does here. A node that does not
   * know what was ordered asks all of them when it has the broker back: it was away for longer than orders are kept (10 minutes), or the broker has lost some.
   *
   * @throws {TypeError} A subject or a channel that is none.
   * @throws {CallError} `UNAVAILABLE`: it was done here, and other nodes may not have heard of it.
   */
  reauthorize(filter?: ReauthorizeFilter): Promise<void>;
  /** Publishes to a channel. */
  readonly publish: Publish<C["channels"]>;
  /** A channel of this app: its position, its history. */
  readonly channel: FindChannel<C["channels"]>;
  /** Reads who is in a channel of this app. */
  readonly presence: ReadPresence<C["channels"]>;
  /** What is going on. */
  stats(): Stats;
  /**
   * Refuses new connections (503), tells clients, lets calls in flight end until the deadline, answers the rest `UNAVAILABLE` and ambiguous,
   * closes, and resolves with what was cut. The runtime's own server keeps listening: stop it afterwards.
   *
   * A second call changes nothing and gets what the first gets. Calls in process (`caller`) are the program's own and go on.
   *
   * Not named `stop`: `bun app.ts` takes a default export with a method of that name for a server that runs already, and does not serve it.
   *
   * @throws {TypeError | RangeError} An option that is none, or a time below 0.
   */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}
