/**
 * The server of one app without its sockets: connections that are given a transport, calls by `POST`, hooks, shutdown. No I/O: time, chance
 * and transports are parameters, so that tests and the simulator drive what `server.ts` joins to real sockets.
 *
 * @module
 */
import type { AppOptions, KickOptions, ReauthorizeFilter, ShutdownReport, Stats } from "./app.ts";
import type { Broker } from "./broker.ts";
import { callTree } from "./call_tree.ts";
import { channelProcedures } from "./channel_procedures.ts";
import type { Clock } from "./clock.ts";
import { CloseCode } from "./close.ts";
import { connectionsOf } from "./connections.ts";
import { type CallerConnection, checkContext, type ErrorPlace, NOBODY } from "./context.ts";
import { serverProcedures } from "./contract.ts";
import type { Declared } from "./define.ts";
import { CallError } from "./errors.ts";
import { heartbeatRules } from "./heartbeat.ts";
import type { Registered } from "./incoming_call.ts";
import { KeyedCalls } from "./ledger.ts";
import { isText } from "./long_names.ts";
import { type Limits, resolveLimits } from "./limits.ts";
import { LocalCaller } from "./local_caller.ts";
import { readArguments } from "./outgoing_call.ts";
import { NodeChannels } from "./node_channels.ts";
import { type KickOrder, type Order, Orders } from "./orders.ts";
import { localConnection, Posts } from "./posts.ts";
import { presenceProcedures } from "./presence_procedures.ts";
import type { Group } from "./procedure.ts";
import { type ChannelTools, channelTools, type Publisher } from "./publisher.ts";
import type { Handshake } from "./handshake.ts";
import { ServerConnection } from "./server_connection.ts";
import type { ServerParts } from "./server_parts.ts";
import { Sessions } from "./sessions.ts";
import type { AddressKey } from "./shares.ts";
import type { Transport } from "./transport.ts";

/** Kicks that are kept for connections that have not said yet who they are. Above it those are closed and come again: none is forgotten, and no memory grows. */
const KICKS = 10_000;

/** What `millrace()` takes, the types erased. */
export type NodeOptions = AppOptions<object, Group> & { readonly authenticate?: ServerParts["authenticate"] };

/** Where a node takes time, chance and the like from. */
export interface NodeSurroundings {
  /** Time and chance. */
  readonly clock: Clock;
  /** Milliseconds since 1970: expiry is told as a date. */
  readonly date: () => number;
  /** 16 random bytes, not to be guessed. */
  readonly newSession: () => Uint8Array;
  /** Where channels live, and the replies of calls that run once. */
  readonly broker: Broker;
  /** Whether other nodes may be behind it, which hear of orders. */
  readonly isShared?: boolean | undefined;
  /** What to count an address under; itself by default. */
  readonly addressKey?: AddressKey | undefined;
  /** Told of an address where somebody could not say who it is. */
  readonly authenticationFailed: (address: string) => void;
}

/** How a node is drained. */
export interface Draining {
  /** Of the closes. */
  readonly code: number;
  /** Milliseconds that calls have to end. */
  readonly deadline: number;
  /** Milliseconds that clients wait at most. */
  readonly retryAfter: number | undefined;
}

/** One process of an app. */
export class Node {
  /** What its connections share. */
  readonly parts: ServerParts<ServerConnection>;
  /** Calls by `POST`. */
  readonly posts: Posts;
  /** The channels. */
  readonly publisher: Publisher;
  /** Publishing from code that is no handler. */
  readonly channelTools: ChannelTools;
  readonly #options: NodeOptions;
  /** What is told to all nodes, where there may be others. */
  readonly #orders: Orders | undefined;
  /** Those that have opened and not closed, and when they opened. */
  readonly #open = new Map<ServerConnection, number>();
  /** Those of them of which the program was not told yet, in the order in which they opened: nobody knows whose they are. */
  readonly #greeting = new Set<ServerConnection>();
  /** Who was sent away since the first of them opened, the latest last; connections that opened by then are concerned. */
  readonly #kicks = new Map<string, KickOrder & { readonly by: number }>();

  /**
   * Serves what was declared.
   *
   * @throws {TypeError | RangeError} A name, procedure or limit that is none.
   */
  constructor(declared: Declared, options: NodeOptions, surroundings: NodeSurroundings) {
    this.#options = options;
    const limits = resolveLimits(options.limits);
    const nodeId = hex(surroundings.newSession());
    const channels = this.#makeChannels(declared, surroundings, { limits, nodeId });
    this.publisher = channels ?? NO_CHANNELS;
    this.channelTools = channelTools(this.publisher);
    this.parts = {
      ...surroundings,
      limits,
      heartbeat: heartbeatRules(surroundings.clock, limits),
      nodeId,
      channels,
      keyed: new KeyedCalls({
        ledger: surroundings.broker.ledger,
        clock: surroundings.clock,
        limits,
        addressKey: surroundings.addressKey,
        node: nodeId,
        report: (error) => this.report(error, {}),
      }),
      sessions: new Sessions(surroundings.clock, limits, surroundings.newSession),
      procedures: this.#register(channels, limits, surroundings.clock),
      offered: declared.client,
      authenticate: (given) => options.authenticate === undefined ? NOBODY : options.authenticate(given),
      report: (error, place) => this.report(error, place),
      connected: (connection) => this.#connected(connection),
      disconnected: (connection, end) => this.#disconnected(connection, end),
    };
    this.posts = new Posts(this.parts as ServerParts);
    if (surroundings.isShared) {
      const { clock, date, broker } = surroundings;
      const report = (error: unknown) => this.report(error, {});
      this.#orders = new Orders({
        clock,
        date,
        broker,
        limits,
        node: nodeId,
        report,
        obey: (order, by) => this.#obey(order, by),
      });
    }
  }

  /**
   * Takes a new connection: give it frames, tell it of room and of its end.
   *
   * @returns The connection; call {@linkcode Node.closed} when its transport has closed.
   */
  open(transport: Transport, handshake: Handshake): ServerConnection {
    this.#orders?.listen();
    const connection = new ServerConnection(this.parts, transport, handshake);
    this.#open.set(connection, this.parts.clock.now());
    this.#greeting.add(connection);
    return connection;
  }

  /** The transport of a connection has closed, whoever did it. */
  closed(connection: ServerConnection, code: number, reason: string): void {
    this.#open.delete(connection);
    this.#greeted(connection);
    connection.closed(code, reason);
  }

  /** Calls in process; see `Millrace.caller`. */
  caller(context: object): object {
    checkContext(context);
    const subject = (context as { subject?: unknown }).subject;
    const connection = localConnection("", typeof subject === "string" ? subject : undefined);
    const local = new LocalCaller(this.parts as ServerParts, { connection, context });
    return callTree((name, args) => local.call(readArguments(name, args)));
  }

  /** Those that the program knows: all, or those of one subject. */
  connections(filter: { readonly subject?: string | undefined } = {}): ReturnType<typeof connectionsOf> {
    return connectionsOf(this.#all(this.#known()), filter);
  }

  /** Those that the program knows. */
  #known(): ServerConnection[] {
    return [...this.#open.keys()].filter((one) => one.isKnown);
  }

  #all(open: Iterable<ServerConnection>) {
    const { sessions: { waiting }, channels } = this.parts;
    return { open, waiting, members: channels?.presence?.members };
  }

  /** Sends somebody away, on all nodes; see `Millrace.kick`. */
  kick(subject: string, { code = CloseCode.FORBIDDEN, reason = "kicked" }: KickOptions = {}): Promise<void> {
    if (!isText(subject)) throw new TypeError("Cannot kick: a subject is a text without lone surrogates");
    if (!(Number.isInteger(code) && (code === 1000 || (code >= 3000 && code <= 4999)))) {
      throw new RangeError(`Cannot kick with ${code}: a close code is 1000, or 3000 to 4999`);
    }
    return this.#everywhere({ do: "kick", subject, code, reason: `${reason}`.toWellFormed() });
  }

  /** Asks the rules of channels again, on all nodes; see `Millrace.reauthorize`. */
  reauthorize({ subject, channel }: ReauthorizeFilter = {}): Promise<void> {
    for (const name of [subject, channel]) {
      if (name !== undefined && !isText(name)) throw new TypeError("Cannot reauthorize: a name is none");
    }
    return this.#everywhere({ do: "reauthorize", subject, channel });
  }

  /** What is going on here; sockets count themselves. */
  stats(): Omit<Stats, "connections" | "lingering"> {
    const { sessions: { waiting }, keyed } = this.parts;
    let [calls, streams, heldBytes, subscriptions] = [this.posts.calls + keyed.outliving, 0, 0, 0];
    for (const one of [...this.#open.keys(), ...waiting]) {
      calls += one.calls;
      streams += one.streams;
      heldBytes += one.held;
    }
    for (const connection of this.#open.keys()) subscriptions += connection.subscriptions;
    const channels = this.parts.channels?.hub.size ?? 0;
    return { calls, streams, heldBytes, channels, subscriptions, sessions: waiting.size };
  }

  /** Lets calls end, answers the rest, and closes all connections. */
  async drain(draining: Draining): Promise<ShutdownReport> {
    const { clock, sessions, keyed } = this.parts;
    const until = clock.now() + draining.deadline;
    const open = [...this.#open.keys()];
    const waited = [...sessions.waiting].reduce((sum, { calls }) => sum + calls, keyed.outliving);
    sessions.close();
    const lost = waited - keyed.outliving; // those with a key run on
    const [posts, ...cuts] = await Promise.all([
      this.posts.drain(draining.deadline),
      ...open.map((connection) => connection.drain(draining)),
    ]);
    const broken = await keyed.drain(until - clock.now());
    this.parts.channels?.end();
    this.#orders?.end();
    keyed.end();
    return {
      connections: open.length,
      calls: cuts.reduce((sum, { calls }) => sum + calls, posts + lost + broken),
    };
  }

  /** Tells the program of an error that no caller was told of. Never throws. */
  report(error: unknown, place: ErrorPlace): void {
    try {
      if (this.#options.onError === undefined) console.error(error);
      else this.#options.onError(error, place);
    } catch (failure) {
      console.error(failure);
    }
  }

  async #everywhere(order: Order): Promise<void> {
    if (this.#orders === undefined) return this.#obey(order);
    try {
      await this.#orders.give(order);
    } catch (cause) {
      throw new CallError("UNAVAILABLE", "Done here; other nodes may not have heard of it", {
        cause,
        ambiguous: true,
      });
    }
  }

  /** Does what was ordered. A kick concerns connections that were opened by then, and sessions that wait. */
  #obey(order: Order, by = this.parts.clock.now()): void {
    const { subject } = order;
    try {
      if (order.do === "reauthorize") return this.connections({ subject }).reauthorize(order.channel);
      this.#keep(order, by);
      const open = this.#known().filter((one) => one.subject === subject && this.#open.get(one)! <= by);
      connectionsOf(this.#all(open), { subject }).close(
        order.code,
        order.reason,
      );
    } catch (error) {
      this.report(error, {});
    }
  }

  /** Keeps a kick for those that have not said yet who they are. */
  #keep(order: KickOrder, by: number): void {
    if (this.#greeting.size === 0) return;
    const known = this.#kicks.get(order.subject);
    this.#kicks.delete(order.subject);
    this.#kicks.set(order.subject, known !== undefined && known.by > by ? known : { ...order, by });
    if (this.#kicks.size <= KICKS) return;
    for (const one of this.#greeting) one.close(CloseCode.OVERLOAD, "too many were sent away meanwhile");
    this.#kicks.clear();
  }

  #makeChannels(
    declared: Declared,
    { clock, broker }: NodeSurroundings,
    own: { readonly limits: Limits; readonly nodeId: string },
  ): NodeChannels | undefined {
    const groups = [declared.channels, this.#options.channels ?? {}];
    if (groups.every((group) => Object.keys(group).length === 0)) return undefined;
    const report = (error: unknown, channel: string) => this.report(error, { channel });
    return new NodeChannels({ clock, broker, groups, report, ...own });
  }

  /** The procedures with their numbers: first the app's own. */
  #register(channels: NodeChannels | undefined, limits: Limits, clock: Clock): Map<string, Registered> {
    const report: Node["report"] = (error, place) => this.report(error, place);
    const registered = new Map<string, Registered>();
    const parts = channels && { channels, clock, limits, report };
    const library = parts ? [...channelProcedures(parts), ...presenceProcedures(parts)] : [];
    for (const [name, definition] of [...serverProcedures(this.#options.procedures), ...library]) {
      registered.set(name, { name, number: registered.size + 1, definition });
    }
    return registered;
  }

  #connected(connection: ServerConnection): void {
    // What says who it is may have been asked before whoever it is was to leave.
    const kick = this.#kicks.get(connection.subject!);
    const isMeant = kick !== undefined && this.#open.get(connection)! <= kick.by;
    this.#greeted(connection);
    const options = this.#options;
    if (options.onConnect !== undefined) {
      this.#hook(() => options.onConnect!(connection as never), connection);
    }
    if (isMeant) connection.close(kick.code, kick.reason);
  }

  /** It is known who it is, or too late: kicks go that were before all others opened. */
  #greeted(connection: ServerConnection): void {
    if (!this.#greeting.delete(connection) || this.#kicks.size === 0) return;
    const [first] = this.#greeting;
    const since = first === undefined ? Infinity : this.#open.get(first)!;
    for (const [subject, { by }] of this.#kicks) {
      if (by >= since) break;
      this.#kicks.delete(subject);
    }
  }

  #disconnected(connection: ServerConnection, end: { code: number; reason: string }): void {
    const options = this.#options;
    if (options.onDisconnect === undefined) return;
    this.#hook(() => options.onDisconnect!(connection as never, end), connection);
  }

  /** Runs a hook of the program: nothing it does may escape. */
  #hook(run: () => unknown, connection: CallerConnection): void {
    try {
      Promise.resolve(run()).catch((error) => this.report(error, { connection }));
    } catch (error) {
      this.report(error, { connection });
    }
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Of an app without channels. */
const NO_CHANNELS: Publisher = {
  channel: (pattern) => {
    throw new TypeError(`There is no channel "${pattern}"`);
  },
};
