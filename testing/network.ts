/**
 * The simulated network: who can be reached, over ways that differ, and what goes wrong on them.
 *
 * @module
 */
import type { WebSocketFactory } from "../client/web_socket.ts";
import { TOKEN_PROTOCOL } from "../rpc/kinds.ts";
import type { VirtualClock } from "./clock.ts";
import type { Conditions } from "./lane.ts";
import { type Acceptor, Link, type LinkWatch } from "./link.ts";
import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";

/** A good network within one country. */
export const GOOD: Conditions = { delay: 10, jitter: 5, rate: 10_000, idle: Infinity };

/** What a network is made of. */
export interface NetworkOptions {
  /** Time. */
  readonly clock: VirtualClock;
  /** Chance. */
  readonly random: Random;
  /** What the way of a new connection is like. @default GOOD */
  readonly conditions?: (client: string, random: Random) => Conditions;
  /** Looks on. */
  readonly watch?: LinkWatch;
}

/** How long a refusal takes, in ms. */
const REFUSED_AFTER = 5;

/** A network. */
export class Network {
  readonly #options: NetworkOptions;
  readonly #acceptors = new Map<string, Acceptor>();
  readonly #links = new Set<Link>();
  readonly #numbers = new Map<Machine, number>();
  #refusedUntil = 0;
  #lostUntil = 0;

  /** Nobody is on it. */
  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  /** Connections that something can still happen to, in the order they were made. */
  get links(): readonly Link[] {
    return [...this.#links];
  }

  /** The connection that a client uses now, as far as it knows. */
  linkOf(client: Machine): Link | undefined {
    return this.links.findLast((link) => link.client === client && link.isOpen);
  }

  /** Every connection of a client that is not over, given up or not. */
  linksOf(client: Machine): readonly Link[] {
    return this.links.filter((link) => link.client === client);
  }

  /** A server can be reached under this host name. */
  listen(host: string, acceptor: Acceptor): void {
    this.#acceptors.set(host, acceptor);
  }

  /** New connections are refused for so long: a server that restarts. */
  refuse(ms: number): void {
    this.#refusedUntil = this.#options.clock.now() + ms;
  }

  /** New connections get no answer for so long: a firewall, or no network at all. */
  lose(ms: number): void {
    this.#lostUntil = this.#options.clock.now() + ms;
  }

  /** What a client on `client` makes its WebSockets by. */
  webSocket(client: Machine): WebSocketFactory {
    return (url, protocols) => this.#connect(client, url, protocols);
  }

  #connect(client: Machine, url: string, protocols: readonly string[]): Link {
    const { clock, watch = {} } = this.#options;
    const number = (this.#numbers.get(client) ?? 0) + 1;
    this.#numbers.set(client, number);
    const random = this.#options.random.fork(`${client.name}/${number}`);
    const conditions = this.#options.conditions?.(client.name, random) ?? GOOD;
    const { host } = new URL(url);
    const acceptor = this.#acceptors.get(host);
    if (acceptor === undefined) throw new TypeError(`Cannot connect to "${url}": nobody listens there`);
    const now = clock.now();
    const token = protocols.find((offer) => offer.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length);
    const link = new Link({
      clock,
      random,
      number,
      client,
      acceptor,
      conditions,
      watch,
      handshake: {
        id: `${client.name}/${number}`,
        request: {
          url: url.replace(/^ws/, "http"),
          method: "GET",
          headers: new Headers(),
          address: client.name,
        },
        token,
      },
      over: () => this.#links.delete(link),
    });
    this.#links.add(link);
    if (now < this.#lostUntil) link.cut({ client: Infinity, server: Infinity });
    else if (now < this.#refusedUntil) link.cut({ client: REFUSED_AFTER });
    return link;
  }
}
