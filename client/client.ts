/**
 * `connect()`: one client, over as many connections as it takes.
 *
 * @module
 */
import { callTree } from "../rpc/call_tree.ts";
import { type Clock, systemClock } from "../rpc/clock.ts";
import type { Caller, HasContract } from "../rpc/contract.ts";
import { CloseCode } from "../rpc/close.ts";
import { CallError } from "../rpc/errors.ts";
import type { Welcome } from "../rpc/greeting.ts";
import { type Limits, resolveLimits } from "../rpc/limits.ts";
import { OutgoingCall, readArguments } from "../rpc/outgoing_call.ts";
import type { Peer } from "../rpc/peer.ts";
import { Attempt, type AttemptEnd, type AttemptParts, endError } from "./attempt.ts";
import { Backoff, type BackoffOptions } from "./backoff.ts";
import { registerOffers } from "./offers.ts";
import { endOfTurn } from "./turn.ts";
import type { Offers } from "./types.ts";
import { Waiting } from "./waiting.ts";
import {
  isSubprotocolToken,
  socketUrl,
  standardWebSocket,
  SUBPROTOCOL_TOKEN,
  type WebSocketFactory,
  withoutQuery,
} from "./web_socket.ts";

/** What `connect` takes beside the URL. */
export interface ConnectOptions<App extends HasContract> {
  /**
   * Says who it is. A function is asked for each connection and before the token expires; a text is used as it is. It travels in the
   * first message, never in the URL.
   */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>);
  /**
   * Where the token travels: a subprotocol reaches proxies that authenticate handshakes, and must be of base64url characters and dots;
   * with another the client closes for good, `UNAUTHENTICATED`.
   *
   * @default "message"
   */
  readonly tokenIn?: "message" | "subprotocol";
  /** The functions that the server may call, as the contract names them. */
  readonly client?: Offers<App>;
  /** Milliseconds that a call may take when it says nothing else, streams included. By default the server's bound holds. */
  readonly timeout?: number;
  /** Calls that wait for a connection, at most; the surplus fails with `RESOURCE_EXHAUSTED`. @default 256 */
  readonly queue?: number;
  /** Milliseconds that a call waits for a connection before it fails with `UNAVAILABLE`. @default 30000 */
  readonly queueTimeout?: number;
  /** The waits between attempts. */
  readonly backoff?: BackoffOptions;
  /** Bounds other than the defaults. */
  readonly limits?: Partial<Limits>;
  /** Makes the WebSocket, by default the runtime's. */
  readonly webSocket?: WebSocketFactory;
  /** Told of what an offered function threw, and of a token function that failed. By default `console.error`. */
  readonly onError?: (error: unknown) => void;
  /** Time and chance, for tests. */
  readonly clock?: Clock;
}

/** Where a client is. */
export interface ClientState {
  /**
   * `connecting` for the first time, `open`, `reconnecting` after a connection was lost or is about to be, `closed` for good.
   */
  readonly status: "connecting" | "open" | "reconnecting" | "closed";
  /** Why the last connection ended, if one did. */
  readonly reason?: { readonly code: number; readonly reason: string } | undefined;
  /** Milliseconds from then to the next attempt, while `reconnecting`. */
  readonly retryIn?: number | undefined;
}

/** A client of an app. */
export interface Client<App extends HasContract> extends AsyncDisposable {
  /** Calls procedures by name: `app.call.users.rename("Ada")`. */
  readonly call: Caller<App>;
  /** Where it is now. */
  readonly state: ClientState;
  /** Calls `run` with each new state, until the function that it returns is called. */
  on(event: "state", run: (state: ClientState) => void): () => void;
  /** Resolves when it is open; rejects with a `CallError` when it is closed for good. */
  ready(): Promise<void>;
  /** Closes for good: calls that wait or run end with `CLOSED`. Resolves when the socket is closed, within a second. */
  close(): Promise<void>;
}

/**
 * Connects to an app, and again whenever the connection is lost. Returns at once: calls made before it is open wait for it.
 *
 * @typeParam App `typeof app` of the server file: types only, nothing of it is bundled.
 * @param url Of the app: `wss://example.org/rpc`; `https:` and, in a page, relative URLs are taken too.
 * @throws {TypeError} If the URL or an offered function is none.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@millrace/millrace/client";
 * import type { App } from "./app.ts";
 *
 * await using app = connect<App>("wss://example.org/rpc");
 * console.log(await app.call.add({ a: 1, b: 2 }));
 * for await (const n of app.call.countdown(3)) console.log(n);
 * ```
 */
export function connect<App extends HasContract>(
  url: string,
  options: ConnectOptions<App> = {},
): Client<App> {
  const link = new Link(socketUrl(url), options as ConnectOptions<HasContract>);
  const call = callTree((name, args) => link.call(name, args)) as Caller<App>;
  return {
    call,
    get state() {
      return link.state;
    },
    on: (_event, run) => link.listen(run),
    ready: () => link.ready(),
    close: () => link.close(),
    [Symbol.asyncDispose]: () => link.close(),
  };
}

/** A token is refreshed this long before it expires, or in the last quarter of a short life. */
const REFRESH_BEFORE = 30_000;
/** How long closing waits for the server's answer. */
const CLOSE_WAIT = 1_000;

/** The client behind what `connect` gives: which connection there is, and what waits for one. */
class Link {
  state: ClientState = { status: "connecting" };
  readonly #options: ConnectOptions<HasContract>;
  readonly #clock: Clock;
  readonly #parts: AttemptParts;
  readonly #backoff: Backoff;
  readonly #waiting: Waiting;
  readonly #listeners = new Set<(state: ClientState) => void>();
  #attempt: Attempt | undefined;
  #peer: Peer | undefined;
  #retry: unknown;
  #refresh: unknown;
  #reauthenticated = false;
  #closedWith: CallError | undefined;

  constructor(url: string, options: ConnectOptions<HasContract>) {
    const { queue = 256, queueTimeout = 30_000, client = {}, clock = systemClock(endOfTurn) } = options;
    this.#options = options;
    this.#clock = clock;
    this.#backoff = new Backoff(clock, options.backoff);
    this.#waiting = new Waiting(clock, {
      most: queue,
      timeout: queueTimeout,
      where: () => `to ${withoutQuery(url)}${why(this.state.reason)}`,
    });
    this.#parts = {
      clock,
      limits: resolveLimits(options.limits),
      url,
      webSocket: options.webSocket ?? standardWebSocket,
      tokenInSubprotocol: options.tokenIn === "subprotocol",
      offers: registerOffers(client),
      onError: (error) => this.#report(error),
    };
    void this.#connect();
  }

  call(name: string, args: readonly unknown[]): OutgoingCall {
    const call = new OutgoingCall(readArguments(name, args));
    const timeout = call.request.options.timeout ?? this.#options.timeout;
    const deadline = timeout === undefined ? Infinity : this.#clock.now() + timeout;
    if (this.#closedWith !== undefined) call.reject(this.#closedWith);
    else if (this.#peer !== undefined && !this.#peer.ended) this.#peer.call(call, deadline);
    else this.#waiting.add(call, deadline);
    return call;
  }

  listen(run: (state: ClientState) => void): () => void {
    this.#listeners.add(run);
    return () => void this.#listeners.delete(run);
  }

  ready(): Promise<void> {
    if (this.state.status === "open") return Promise.resolve();
    if (this.#closedWith !== undefined) return Promise.reject(this.#closedWith);
    return new Promise((resolve, reject) => {
      const stop = this.listen(({ status }) => {
        if (status !== "open" && status !== "closed") return;
        stop();
        if (status === "open") resolve();
        else reject(this.#closedWith);
      });
    });
  }

  async close(): Promise<void> {
    const attempt = this.#attempt;
    if (this.#closedWith === undefined) {
      attempt?.close(new CallError("CLOSED", undefined, { ambiguous: true }));
      this.#finish(new CallError("CLOSED"), undefined);
    }
    await attempt?.closed(CLOSE_WAIT);
  }

  async #connect(): Promise<void> {
    let token: string | undefined;
    try {
      token = await this.#token();
    } catch (error) {
      this.#report(error);
      return this.#retryLater({ code: 1006, reason: "the token function failed", retryAfter: undefined });
    }
    if (this.#closedWith !== undefined) return;
    if (this.#parts.tokenInSubprotocol && token !== undefined && !isSubprotocolToken(token)) {
      return this.#finish(
        new CallError("UNAUTHENTICATED", `Cannot send the token in a subprotocol: ${SUBPROTOCOL_TOKEN}`),
        { code: CloseCode.UNAUTHENTICATED, reason: "the token is no subprotocol" },
      );
    }
    try {
      this.#attempt = this.#open(token);
    } catch (error) {
      // What the WebSocket itself refuses: an insecure URL in a secure page.
      this.#report(error);
      this.#retryLater({ code: 1006, reason: "no WebSocket could be made", retryAfter: undefined });
    }
  }

  #open(token: string | undefined): Attempt {
    return new Attempt(this.#parts, {
      opened: (peer) => this.#opened(peer),
      welcomed: (welcome) => this.#welcomed(welcome),
      expires: (remaining) => this.#scheduleRefresh(remaining),
      goodbye: () => this.#leaving(),
      ended: (end) => this.#ended(end),
    }, token);
  }

  async #token(): Promise<string | undefined> {
    const { token } = this.#options;
    return typeof token === "function" ? await token() : token;
  }

  #opened(peer: Peer): void {
    this.#peer = peer;
    this.#waiting.release((call, deadline) => peer.call(call, deadline));
  }

  #welcomed(welcome: Welcome): void {
    this.#backoff.opened();
    this.#reauthenticated = false;
    this.#scheduleRefresh(welcome.expires);
    this.#setState({ status: "open" });
  }

  /** The server is going to close: calls that run end there, new ones wait for the next connection. */
  #leaving(): void {
    this.#peer = undefined;
    this.#setState({ status: "reconnecting" });
  }

  #ended(end: AttemptEnd): void {
    this.#peer = undefined;
    this.#clock.clearTimeout(this.#refresh);
    if (end.advice === "reconnect") return this.#retryLater(end);
    if (
      end.advice === "reauthenticate" && typeof this.#options.token === "function" && !this.#reauthenticated
    ) {
      this.#reauthenticated = true;
      this.#setState({ status: "reconnecting", reason: end, retryIn: 0 });
      return void this.#connect();
    }
    this.#finish(endError(end, false), { code: end.code, reason: end.reason });
  }

  #retryLater({ code, reason, retryAfter }: Pick<AttemptEnd, "code" | "reason" | "retryAfter">): void {
    if (this.#closedWith !== undefined) return;
    const retryIn = this.#backoff.next(retryAfter);
    this.#retry = this.#clock.setTimeout(() => void this.#connect(), retryIn);
    this.#setState({
      status: this.state.status === "connecting" ? "connecting" : "reconnecting",
      reason: { code, reason },
      retryIn,
    });
  }

  #scheduleRefresh(expires: number | undefined): void {
    this.#clock.clearTimeout(this.#refresh);
    if (expires === undefined || typeof this.#options.token !== "function") return;
    const after = Math.max(expires - REFRESH_BEFORE, expires * 0.75);
    this.#refresh = this.#clock.setTimeout(() => void this.#sendToken(), after);
  }

  async #sendToken(): Promise<void> {
    try {
      const token = await this.#token();
      if (token !== undefined) this.#attempt?.refresh(token);
    } catch (error) {
      this.#report(error); // the server closes with 4401 when nothing better comes
    }
  }

  #finish(error: CallError, reason: ClientState["reason"]): void {
    this.#closedWith = error;
    this.#peer = undefined;
    this.#clock.clearTimeout(this.#retry);
    this.#clock.clearTimeout(this.#refresh);
    this.#waiting.end(error);
    this.#setState({ status: "closed", reason });
    this.#listeners.clear();
  }

  #setState(state: ClientState): void {
    this.state = state;
    for (const run of [...this.#listeners]) {
      if (this.state !== state) return; // a listener caused the next one, and all have heard of that
      try {
        run(state);
      } catch (error) {
        this.#report(error);
      }
    }
  }

  #report(error: unknown): void {
    try {
      (this.#options.onError ?? console.error)(error);
    } catch (failure) {
      console.error(failure);
    }
  }
}

/** The last reason, as a part of a message. */
function why(reason: ClientState["reason"]): string {
  if (reason === undefined) return "";
  return `; the last reason was ${reason.code}${reason.reason === "" ? "" : `: ${reason.reason}`}`;
}
