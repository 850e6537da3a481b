/**
 * `millrace()` and `define()`: where sockets and calls are joined. The one file of `rpc/` that knows `src/`, beside `hono.ts`.
 *
 * @module
 */
import { setText } from "../msgpack/text.ts";
import { addressKey } from "../src/address.ts";
import { SocketGroup } from "../src/group.ts";
import { type OriginRule, originRule } from "../src/origin.ts";
import { immediate, text } from "../src/runtime.ts";
import type { Socket } from "../src/socket.ts";
import { parseSubprotocols } from "../src/subprotocol.ts";
import { TokenBuckets } from "../src/token_bucket.ts";
import { checkUpgrade, refuse, type RequestSnapshot, snapshot, unavailable } from "../src/upgrade.ts";
import type { AppOptions, Millrace, ShutdownOptions, ShutdownReport, Stats } from "./app.ts";
import { callTree } from "./call_tree.ts";
import { systemClock } from "./clock.ts";
import { CloseCode } from "./close.ts";
import { connectionsOf } from "./connections.ts";
import { type CallerConnection, checkContext, type ErrorPlace } from "./context.ts";
import { type Contract, serverProcedures } from "./contract.ts";
import { type Declared, type Define, defineWith, type Factory, type PlainScope } from "./define.ts";
import type { Registered } from "./incoming_call.ts";
import { SUBPROTOCOL, TOKEN_PROTOCOL } from "./kinds.ts";
import { resolveLimits } from "./limits.ts";
import { LocalCaller } from "./local_caller.ts";
import { readArguments } from "./outgoing_call.ts";
import { localConnection, Posts } from "./posts.ts";
import type { Group } from "./procedure.ts";
import { ServerConnection } from "./server_connection.ts";
import type { ServerParts } from "./server_parts.ts";

setText(text);

/** What a socket carries. */
interface SocketData {
  readonly request: RequestSnapshot;
  readonly token: string | undefined;
  connection?: ServerConnection;
}

type Options = AppOptions<object, Group> & { readonly authenticate?: ServerParts["authenticate"] };

/** How long after the last call the sockets have for their close handshake. */
const CLOSE_TIME = 5_000;
/** How many times its rate an address may spend at once. */
const BURST = 20;

/** The app behind what `millrace()` gives. */
class App {
  readonly #options: Options;
  readonly #path: string;
  readonly #parts: ServerParts<ServerConnection>;
  readonly #mayConnect: OriginRule;
  readonly #group: SocketGroup<SocketData>;
  readonly #connections = new Set<ServerConnection>();
  readonly #posts: Posts;
  readonly #connecting: TokenBuckets;
  readonly #failing: TokenBuckets;
  /** Set by the first shutdown, with the code of its closes. */
  #closing: { readonly code: number; readonly done: Promise<ShutdownReport> } | undefined;

  constructor(declared: Declared, options: Options) {
    this.#options = options;
    this.#path = checkPath(options.path ?? "/");
    this.#mayConnect = originRule(options);
    const limits = resolveLimits(options.limits);
    this.#connecting = new TokenBuckets({
      rate: limits.connectionRate,
      burst: limits.connectionRate * BURST,
    });
    this.#failing = new TokenBuckets({ rate: limits.failureRate, burst: limits.failureRate * BURST });
    this.#parts = {
      limits,
      clock: systemClock(immediate),
      date: Date.now,
      newSession: () => crypto.getRandomValues(new Uint8Array(16)),
      procedures: register(options.procedures),
      offered: declared.client,
      authenticate: (given) => (options.authenticate ?? anybody)(given),
      report: (error, place) => this.#report(error, place),
      connected: (connection) => this.#connected(connection),
      disconnected: (connection, end) => this.#disconnected(connection, end),
      authenticationFailed: (address) => void this.#failing.take(addressKey(address)),
    };
    this.#posts = new Posts(this.#parts as ServerParts);
    this.#group = new SocketGroup<SocketData>({
      handlers: {
        open: (socket) => this.#opened(socket),
        message: (socket, frame) => socket.data.connection?.receive(frame),
        drain: (socket) => socket.data.connection?.drained(),
        close: (socket, code, reason) => socket.data.connection?.closed(code, reason),
        error: (error) => this.#report(error, {}),
      },
      limits: { message: limits.message, queue: limits.queue, idle: 0 }, // connections have heartbeats
    });
  }

  get websocket(): object {
    return this.#group.websocket;
  }

  /** Answers on the app's own path. */
  fetch(request: Request, info: unknown): Response | Promise<Response> {
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
    const copy = this.#copy(request, info);
    if (copy === undefined) return refuse(500, "Internal error");
    const refusal = checkUpgrade(copy) ?? this.#admit(copy);
    if (refusal !== undefined) return refusal;
    const offers = parseSubprotocols(copy.headers.get("sec-websocket-protocol")) ?? [];
    if (offers.length > 0 && !offers.includes(SUBPROTOCOL)) {
      return refuse(400, `The subprotocol here is ${SUBPROTOCOL}`);
    }
    const token = offers.find((offer) => offer.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length);
    const data = { request: copy, token };
    const protocol = offers.length > 0 ? { protocol: SUBPROTOCOL } : {};
    return this.#group.accept(request, { info, snapshot: copy, data, ...protocol });
  }

  /** Answers a call by `POST`, whatever its path. */
  post(request: Request, info: unknown, name: string): Response | Promise<Response> {
    const copy = this.#copy(request, info);
    if (copy === undefined) return refuse(500, "Internal error");
    return this.#admit(copy) ?? this.#posts.answer(request, { copy, name });
  }

  caller(context: object): object {
    checkContext(context);
    const subject = (context as { subject?: unknown }).subject;
    const connection = localConnection("", typeof subject === "string" ? subject : undefined);
    const local = new LocalCaller(this.#parts as ServerParts, { connection, context });
    return callTree((name, args) => local.call(readArguments(name, args)));
  }

  connections(filter: { readonly subject?: string | undefined } = {}): ReturnType<typeof connectionsOf> {
    return connectionsOf(this.#connections, filter);
  }

  stats(): Stats {
    let [calls, streams, heldBytes] = [this.#posts.calls, 0, 0];
    for (const { data, buffered } of this.#group.sockets) {
      calls += data.connection?.calls ?? 0;
      streams += data.connection?.streams ?? 0;
      heldBytes += data.connection?.held ?? buffered;
    }
    return {
      connections: this.#group.sockets.size,
      calls,
      streams,
      heldBytes,
      lingering: this.#group.lingering,
    };
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
    const open = [...this.#group.sockets].flatMap(({ data }) => data.connection ?? []);
    const [posts, ...cuts] = await Promise.all([
      this.#posts.drain(deadline),
      ...open.map((connection) => connection.drain({ code, deadline, retryAfter })),
    ]);
    await this.#group.close({ code, deadline: CLOSE_TIME });
    return { connections: open.length, calls: cuts.reduce((sum, { calls }) => sum + calls, posts) };
  }

  /** What the program sees of a request; `undefined` where it cannot say whose it is, which is reported. */
  #copy(request: Request, info: unknown): RequestSnapshot | undefined {
    const copy = snapshot(request, info);
    const { clientAddress } = this.#options;
    if (clientAddress === undefined) return copy;
    try {
      return { ...copy, address: clientAddress(copy) };
    } catch (error) {
      this.#report(error, {});
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
    const { request, token } = socket.data;
    const transport = {
      send: (frame: Uint8Array) => void socket.send(frame),
      get buffered() {
        return socket.buffered;
      },
      requestDrain: () => socket.requestDrain(),
      close: (code: number, reason: string) => socket.close(code, reason),
    };
    socket.data.connection = new ServerConnection(this.#parts, transport, {
      id: String(socket.id),
      request,
      token,
    });
  }

  #connected(connection: ServerConnection): void {
    this.#connections.add(connection);
    this.#hook(() => this.#options.onConnect?.(connection as never), connection);
  }

  #disconnected(connection: ServerConnection, end: { code: number; reason: string }): void {
    this.#connections.delete(connection);
    this.#hook(() => this.#options.onDisconnect?.(connection as never, end), connection);
  }

  /** Runs a hook of the program: nothing it does may escape. */
  #hook(run: () => unknown, connection: CallerConnection): void {
    try {
      Promise.resolve(run()).catch((error) => this.#report(error, { connection }));
    } catch (error) {
      this.#report(error, { connection });
    }
  }

  #report(error: unknown, place: ErrorPlace): void {
    try {
      if (this.#options.onError === undefined) console.error(error);
      else this.#options.onError(error, place);
    } catch (failure) {
      console.error(failure);
    }
  }
}

/** The tools of one app whose handlers know a context: what `authenticate` finds out about each connection. */
export const define: Define = defineWith((declared, options) => {
  const app = new App(declared, options as Options);
  const served: Millrace<Contract, object> & Mounted = {
    fetch: (request, info) => app.fetch(request, info),
    websocket: app.websocket,
    caller: (context) => app.caller(context) as never,
    connections: (filter) => app.connections(filter) as never,
    stats: () => app.stats(),
    shutdown: (shutdown) => app.shutdown(shutdown),
    [MOUNT]: app,
  };
  return served as unknown as Millrace<Contract, never>;
});

/** What a framework's route needs of an app: answers that do not look at the path. */
export interface Mounted {
  /** The app itself. */
  readonly [MOUNT]: Pick<App, "upgrade" | "post">;
}

/** Where {@linkcode Mounted} is found. */
export const MOUNT: unique symbol = Symbol("millrace");

const plain = define();

/** Makes procedures for an app whose handlers need no context of their own: `define<object>().procedure`. */
export const procedure: Factory<PlainScope>["procedure"] = plain.procedure;

/** Makes an app whose handlers need no context of their own: `define<object>().millrace`. */
export const millrace: Factory<PlainScope>["millrace"] = plain.millrace;

function register(procedures: Group): Map<string, Registered> {
  const registered = new Map<string, Registered>();
  for (const [name, definition] of serverProcedures(procedures)) {
    registered.set(name, { name, number: registered.size + 1, definition });
  }
  return registered;
}

function checkPath(path: string): string {
  if (path.startsWith("/")) return path;
  throw new TypeError(`Cannot serve path "${path}": it does not start with "/"`);
}

function anybody(): object {
  return {};
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
