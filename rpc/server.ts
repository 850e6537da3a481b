/**
 * `millrace()` and `define()`: where sockets and calls are joined. The one file of `rpc/` that knows `src/`, beside `hono.ts`.
 *
 * @module
 */
import { MemoryBroker } from "../brokers/memory.ts";
import { setText } from "../msgpack/text.ts";
import { addressKey } from "../src/address.ts";
import { SocketGroup } from "../src/group.ts";
import { type OriginRule, originRule } from "../src/origin.ts";
import { immediate, immediateInCrowd, text } from "../src/runtime.ts";
import type { Socket } from "../src/socket.ts";
import { TokenBuckets } from "../src/token_bucket.ts";
import {
  addressOf,
  checkUpgrade,
  offersOf,
  refuse,
  type RequestSnapshot,
  snapshot,
  unavailable,
} from "../src/upgrade.ts";
import type { Millrace, ShutdownOptions, ShutdownReport, Stats } from "./app.ts";
import { systemClock } from "./clock.ts";
import { CloseCode } from "./close.ts";
import type { Contract } from "./contract.ts";
import { type Declared, type Define, defineWith, type Factory, type PlainScope } from "./define.ts";
import { SUBPROTOCOL, TOKEN_PROTOCOL } from "./kinds.ts";
import type { Handshake } from "./handshake.ts";
import { MOUNT, type Mounted } from "./mount.ts";
import { checkApp, checkConnections, checkKick, checkReauthorize, checkShutdown } from "./app_options.ts";
import { Node, type NodeOptions, type NodeSurroundings } from "./node.ts";
import { channelTools } from "./publisher.ts";
import type { ServerConnection } from "./server_connection.ts";
import { sharedTimers } from "./shared_timers.ts";

setText(text);

/** What a socket carries. */
interface SocketData extends Handshake {
  /** Set when it opens. */
  id: string;
  connection: ServerConnection | undefined;
}

/** How long after the last call the sockets have for their close handshake. */
const CLOSE_TIME = 5_000;
/** How many times its rate an address may spend at once. */
const BURST = 20;

/** The app behind what `millrace()` gives. */
class App {
  readonly node: Node;
  readonly #declared: Declared;
  readonly #options: NodeOptions;
  readonly #path: string;
  readonly #mayConnect: OriginRule;
  readonly #group: SocketGroup<SocketData>;
  readonly #connecting: TokenBuckets;
  readonly #failing: TokenBuckets;
  /** In simulated worlds. */
  readonly #elsewhere: Node[] = [];
  #ownBroker: MemoryBroker | undefined;
  #unseen: RequestSnapshot = { url: "", method: "", headers: new Headers(), address: "" };
  /** Set by the first shutdown, with the code of its closes. */
  #closing: { readonly code: number; readonly done: Promise<ShutdownReport> } | undefined;

  constructor(declared: Declared, options: NodeOptions) {
    this.#declared = declared;
    this.#options = options;
    this.#path = checkPath(options.path ?? "/");
    this.#mayConnect = originRule(options);
    const node = this.node = this.makeNode({
      clock: sharedTimers(systemClock(immediate, immediateInCrowd)),
      date: Date.now,
      broker: options.broker ?? (this.#ownBroker = new MemoryBroker()),
      isShared: options.broker !== undefined,
      newSession: () => crypto.getRandomValues(new Uint8Array(16)),
      addressKey,
      authenticationFailed: (address) => void this.#failing.take(addressKey(address)),
    });
    const { limits } = node.parts;
    this.#connecting = new TokenBuckets({
      rate: limits.connectionRate,
      burst: limits.connectionRate * BURST,
    });
    this.#failing = new TokenBuckets({ rate: limits.failureRate, burst: limits.failureRate * BURST });
    this.#group = new SocketGroup<SocketData>({
      handlers: {
        open: (socket) => this.#opened(socket),
        message: (socket, frame) => socket.data.connection?.receive(frame),
        drain: (socket) => socket.data.connection?.drained(),
        close: (socket, code, reason) => {
          if (socket.data.connection !== undefined) node.closed(socket.data.connection, code, reason);
        },
        error: (error) => node.report(error, {}),
      },
      limits: { message: limits.message, queue: limits.queue, idle: 0 }, // connections have heartbeats
    });
  }

  /** The same app without sockets, in other surroundings: what the simulator drives. */
  makeNode(surroundings: NodeSurroundings): Node {
    return new Node(this.#declared, this.#options, surroundings);
  }

  enter(node: Node): () => void {
    this.#elsewhere.push(node);
    return () => {
      const index = this.#elsewhere.indexOf(node);
      if (index >= 0) this.#elsewhere.splice(index, 1);
    };
  }

  /** The node that the program speaks to: in a test that of the latest simulated world. */
  get here(): Node {
    return this.#elsewhere.at(-1) ?? this.node;
  }

  get websocket(): object {
    return this.#group.websocket;
  }

  /** Answers on the app's own path. */
  fetch(request: Request, info: unknown): Response | Promise<Response> {
    if (isAt(this.#path, request.url)) return this.upgrade(request, info);
    const { pathname } = new URL(request.url);
    if (pathname === this.#path) return this.upgrade(request, info);
    const prefix = this.#path.endsWith("/") ? this.#path : `${this.#path}/`;
    if (request.method === "POST" && pathname.startsWith(prefix)) {
      return this.post(request, info, decodeName(pathname.slice(prefix.length)));
    }
    return refuse(404, "Not found");
  }

  /** Answers a handshake, whatever its path. */
  upgrade(request: Request, info: unknown): Response {
    const copy = this.#isSeen ? this.#copy(request, info) : unseen(request, info);
    if (copy === undefined) return refuse(500, "Internal error");
    const refusal = checkUpgrade(copy) ?? this.#admit(copy);
    if (refusal !== undefined) return refusal;
    const offers = offersOf(copy);
    if (offers.length > 0 && !offers.includes(SUBPROTOCOL)) {
      return refuse(400, `The subprotocol here is ${SUBPROTOCOL}`);
    }
    const token = offers.find((offer) => offer.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length);
    const data = {
      id: "",
      request: this.#isSeen ? copy : this.#unseenFrom(copy.address),
      token,
      connection: undefined,
    };
    const protocol = offers.length > 0 ? { protocol: SUBPROTOCOL } : {};
    return this.#group.accept(request, { info, snapshot: copy, data, ...protocol });
  }

  /** Answers a call by `POST`, whatever its path. */
  post(request: Request, info: unknown, name: string): Response | Promise<Response> {
    const copy = this.#copy(request, info);
    if (copy === undefined) return refuse(500, "Internal error");
    return this.#admit(copy) ?? this.node.posts.answer(request, { copy, name });
  }

  stats(): Stats {
    const { here } = this;
    const { sockets, lingering } = this.#group;
    if (here !== this.node) return { connections: here.connections().size, ...here.stats(), lingering: 0 };
    return { connections: sockets.size, ...here.stats(), lingering };
  }

  /** A second call changes nothing and gets what the first gets. */
  shutdown(options: ShutdownOptions = {}): Promise<ShutdownReport> {
    const { deadline = 0, retryAfter = 0 } = options;
    if (!(deadline >= 0 && retryAfter >= 0)) {
      throw new RangeError(
        `Cannot shut down with deadline ${deadline} and retryAfter ${retryAfter}: no times`,
      );
    }
    const code = options.restart ? CloseCode.RESTART : CloseCode.GOING_AWAY;
    if (this.#closing === undefined) {
      const { promise, resolve, reject } = Promise.withResolvers<ShutdownReport>();
      this.#closing = { code, done: promise };
      this.#shutdown(code, options).then(resolve, reject);
    }
    return this.#closing.done;
  }

  async #shutdown(code: number, { deadline = 10_000, retryAfter }: ShutdownOptions): Promise<ShutdownReport> {
    const report = await this.node.drain({ code, deadline, retryAfter });
    await this.#group.close({ code, deadline: CLOSE_TIME });
    this.#ownBroker?.close();
    return report;
  }

  /** Whether the program looks at the requests of handshakes: a copy takes 700 bytes as long as the connection lives. */
  get #isSeen(): boolean {
    return this.#options.authenticate !== undefined || this.#options.clientAddress !== undefined;
  }

  /** What is left of a request that the program does not look at. The next one is from the same address behind a proxy, and shares it. */
  #unseenFrom(address: string): RequestSnapshot {
    if (this.#unseen.address !== address) this.#unseen = { ...this.#unseen, address };
    return this.#unseen;
  }

  /** What the program sees of a request; `undefined` where it cannot say whose it is, which is reported. */
  #copy(request: Request, info: unknown): RequestSnapshot | undefined {
    const copy = snapshot(request, info);
    const { clientAddress } = this.#options;
    if (clientAddress === undefined) return copy;
    try {
      return { ...copy, address: clientAddress(copy) };
    } catch (error) {
      this.node.report(error, {});
      return undefined;
    }
  }

  /** The checks that a handshake and a call by `POST` share. */
  #admit(copy: RequestSnapshot): Response | undefined {
    if (this.#closing !== undefined) return unavailable();
    const refusal = this.#mayConnect(copy);
    if (refusal !== undefined) return refusal;
    if (isLocal(copy.address)) return undefined;
    const key = addressKey(copy.address);
    if (!this.#failing.has(key)) return tooMany(this.#failing.retryAfter(key));
    if (!this.#connecting.take(key)) return tooMany(this.#connecting.retryAfter(key));
    return undefined;
  }

  #opened(socket: Socket<SocketData>): void {
    if (this.#closing !== undefined) return socket.close(this.#closing.code, "closing"); // its handshake came before
    const { data } = socket;
    data.id = String(socket.id);
    data.connection = this.node.open(socket, data);
  }
}

/** A request as it is checked, where no copy is kept. */
function unseen(request: Request, info: unknown): RequestSnapshot {
  const { url, method, headers } = request;
  return { url, method, headers, address: addressOf(request, info) };
}

/** Whether a URL has this path, written in this way: most do, and need no {@linkcode URL}. */
function isAt(path: string, url: string): boolean {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = start + path.length;
  return url.startsWith(path, start) && (url.length === end || url[end] === "?");
}

/** The tools of one app whose handlers know a context: what `authenticate` finds out about each connection. */
export const define: Define = defineWith((declared, options) => {
  checkApp(options as NodeOptions);
  const app = new App(declared, options as NodeOptions);
  const served: Millrace<Contract, object> & Mounted = {
    fetch: (request, info) => app.fetch(request, info),
    websocket: app.websocket,
    caller: (context) => app.here.caller(context) as never,
    connections: (filter) => {
      checkConnections(filter);
      return app.here.connections(filter) as never;
    },
    kick: async (subject, kick) => {
      checkKick(kick);
      await app.here.kick(subject, kick);
    },
    reauthorize: async (filter) => {
      checkReauthorize(filter);
      await app.here.reauthorize(filter);
    },
    ...channelTools({ channel: (pattern, params) => app.here.publisher.channel(pattern, params) }),
    stats: () => app.stats(),
    shutdown: (shutdown) => {
      checkShutdown(shutdown);
      return app.shutdown(shutdown);
    },
    [MOUNT]: app,
  };
  return served as unknown as Millrace<Contract, never>;
});

const plain = define();

/** Makes procedures for an app whose handlers need no context of their own: `define<object>().procedure`. */
export const procedure: Factory<PlainScope>["procedure"] = plain.procedure;

/** Makes channels for an app whose handlers need no context of their own: `define<object>().channel`. */
export const channel: Factory<PlainScope>["channel"] = plain.channel;

/** Makes an app whose handlers need no context of their own: `define<object>().millrace`. */
export const millrace: Factory<PlainScope>["millrace"] = plain.millrace;

function checkPath(path: string): string {
  if (path.startsWith("/")) return path;
  throw new TypeError(`Cannot serve path "${path}": it does not start with "/"`);
}

function isLocal(address: string): boolean {
  return address === "" || address === "::1" || address.startsWith("127.");
}

function tooMany(seconds: number): Response {
  return refuse(429, "Too many requests", { "retry-after": String(seconds) });
}

/** A name as it stands in a path; what is encoded wrongly is nobody's name. */
function decodeName(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
