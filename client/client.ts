/**
 * One client, over as many connections as it takes.
 *
 * @module
 */
import { callTree } from "../rpc/call_tree.ts";
import { type Clock, systemClock } from "../rpc/clock.ts";
import { type Caller, clientHandlers, type ContractOf, type HasContract } from "../rpc/contract.ts";
import { CloseCode } from "../rpc/close.ts";
import { CallError } from "../rpc/errors.ts";
import type { Welcome } from "../rpc/greeting.ts";
import { resolveLimits } from "../rpc/limits.ts";
import { OutgoingCall, readArguments } from "../rpc/outgoing_call.ts";
import type { Peer } from "../rpc/peer.ts";
import { Attempt, type AttemptEnd, type AttemptParts, endError } from "./attempt.ts";
import { Backoff } from "./backoff.ts";
import { opening } from "./channel.ts";
import type { OpenChannel } from "./channel_types.ts";
import { type ClientState, type ConnectOptions, cryptoBytes } from "./connect_options.ts";
import { LateChannels } from "./late_channels.ts";
import { LateCode, type Sources } from "./late_code.ts";
import { SessionHolder } from "./session.ts";
import { endOfTurn } from "./turn.ts";
import { Waiting, why } from "./waiting.ts";
import { pageEvents } from "./wake.ts";
import type { OpenChannels } from "./wildcard_types.ts";
import {
  checkToken,
  isSubprotocolToken,
  socketUrl,
  standardWebSocket,
  SUBPROTOCOL_TOKEN,
  withoutQuery,
} from "./web_socket.ts";

/** A client of an app. */
export interface Client<App extends HasContract> extends AsyncDisposable {
  /** Calls procedures by name: `app.call.users.rename("Ada")`. */
  readonly call: Caller<App>;
  /** Opens a channel: `app.channel("board/:id", { id: "7" })`. Nothing is sent before it is used. */
  readonly channel: OpenChannel<ContractOf<App>["channels"]>;
  /** All channels of a pattern: `app.channels("room/:house/:room", { house: "7" })`. */
  readonly channels: OpenChannels<ContractOf<App>["channels"]>;
  /**
   * Resolves when all subscriptions of this client are done with what a call has published, or have ended: await it before showing the answer, to read one's own
   * writes (never in the loop that reads one of them: see `Subscription.reaches`). One that is not read is waited for until it is left behind, see
   * `Subscription`. Waits for the end of the call, not for what a stream publishes after its beginning. Rejects with a `CallError` (`TOO_LARGE`) where
   * the call has published to more than 1,000 channels: the server does not tell of more.
   */
  seen(call: PromiseLike<unknown>): Promise<void>;
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
 * Connects to an app.
 *
 * @throws {TypeError} If the URL or an offered function is none.
 */
export function connectWith<App extends HasContract>(
  sources: Sources,
  url: string,
  options: ConnectOptions<App>,
): Client<App> {
  const link = new Link(socketUrl(url), sources, options as ConnectOptions<HasContract>);
  const call = callTree((name, args) => link.call(name, args)) as Caller<App>;
  return {
    call,
    ...opening(link.channels) as Pick<Client<App>, "channel" | "channels">,
    seen: (call) => link.seen(call),
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
  readonly channels: LateChannels;
  readonly #options: ConnectOptions<HasContract>;
  readonly #clock: Clock;
  readonly #parts: AttemptParts;
  readonly #backoff: Backoff;
  readonly #waiting: Waiting;
  readonly #code: LateCode;
  readonly #listeners = new Set<(state: ClientState) => void>();
  readonly #sleepless: () => void;
  #attempt: Attempt | undefined;
  #peer: Peer | undefined;
  readonly #holder: SessionHolder;
  #wasOpen = false;
  #retry: unknown;
  #refresh: unknown;
  #reauthenticated = false;
  #closedWith: CallError | undefined;

  constructor(url: string, sources: Sources, options: ConnectOptions<HasContract>) {
    const {
      queue = 256,
      queueTimeout = 30_000,
      client = {},
      randomBytes = cryptoBytes,
      clock = systemClock(endOfTurn),
    } = options;
    if (typeof options.token !== "function") checkToken(options.token);
    this.#options = options;
    this.#clock = clock;
    this.#backoff = new Backoff(clock, options.backoff);
    this.#waiting = new Waiting(clock, {
      most: queue,
      what: "a connection",
      timeout: queueTimeout,
      where: () => `to ${withoutQuery(url)}${why(this.state.reason)}`,
    });
    const limits = resolveLimits(options.limits);
    const handlers = clientHandlers(client);
    this.#code = new LateCode(clock, sources, { handlers, calls: limits.calls, again: this.#again });
    this.#parts = {
      clock,
      limits,
      url,
      webSocket: options.webSocket ?? standardWebSocket,
      tokenInSubprotocol: options.tokenIn === "subprotocol",
      producer: randomBytes(16),
      randomBytes,
      offered: () => this.#code.offered,
      bulk: this.#code,
      onError: (error) => this.#report(error),
      session: () => this.#holder.session,
      again: this.#again,
      drop: (code, reason) => this.#attempt?.drop(code, reason),
    };
    const { messages = 1_000, bytes = 4 * 1024 * 1024 } = options.outbox ?? {};
    this.channels = new LateChannels(sources.channels, {
      clock,
      limits,
      call: (name, input) => this.call(name, [input]),
      report: (error) => this.#report(error),
      outbox: { count: messages, bytes },
    });
    this.#holder = new SessionHolder(clock, () => this.#attempt?.isResuming ?? false, this.#again);
    this.#sleepless = (options.wake ?? pageEvents)({
      woke: () => this.#woke(),
      online: () => this.#online(),
    });
    void this.#connect();
  }

  call(name: string, args: readonly unknown[]): OutgoingCall {
    const call = new OutgoingCall(readArguments(name, args));
    if (call.request.items !== undefined) this.#code.loadBulk();
    const timeout = call.request.options.timeout ?? this.#options.timeout;
    this.#again(call, timeout === undefined ? Infinity : this.#clock.now() + timeout);
    return call;
  }

  /** Sends a call, now or when there is a connection. One may have to wait for code, and those behind it with it. */
  readonly #again = (call: OutgoingCall, deadline: number): void => {
    const { postponed } = this.#code;
    if (this.#closedWith !== undefined) call.reject(this.#closedWith);
    else if (this.#peer === undefined || this.#peer.ended) this.#waiting.add(call, deadline);
    else if (postponed.size > 0) postponed.add(call, deadline);
    else this.#peer.call(call, deadline);
  };

  async seen(call: PromiseLike<unknown>): Promise<void> {
    if (!(call instanceof OutgoingCall)) throw new TypeError("Cannot wait: this is no call");
    await Promise.allSettled([call]);
    const { caused } = call;
    if (caused?.size === 0) {
      throw new CallError("TOO_LARGE", "The call published to too many channels");
    }
    await this.channels.seen(caused ?? new Map());
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
      const error = new CallError("CLOSED", undefined, { ambiguous: true });
      attempt?.close(error);
      this.#holder.close(error);
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
    if (!this.#code.isReady && !await this.#offersAreThere()) return;
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

  async #offersAreThere(): Promise<boolean> {
    try {
      await this.#code.ready();
      return true;
    } catch (error) {
      if (this.#closedWith === undefined) this.#report(error);
      this.#retryLater({ code: 1006, reason: "a part of the client is missing", retryAfter: undefined });
      return false;
    }
  }

  #open(token: string | undefined): Attempt {
    return new Attempt(this.#parts, {
      opened: (peer, session) => {
        this.#holder.opened(session);
        this.#opened(peer);
      },
      welcomed: (welcome, peer, session) => this.#welcomed(welcome, peer, session),
      expires: (remaining) => this.#scheduleRefresh(remaining),
      goodbye: () => this.#leaving(),
      ended: (end) => this.#ended(end),
    }, token);
  }

  async #token(): Promise<string | undefined> {
    const { token } = this.#options;
    return checkToken(typeof token === "function" ? await token() : token);
  }

  #opened(peer: Peer): void {
    if (this.#peer === peer) return;
    this.#peer = peer;
    this.channels.connected(peer);
    this.#code.hurry();
    this.#waiting.release(this.#again);
  }

  #welcomed(welcome: Welcome, peer: Peer, id: Uint8Array | undefined): void {
    this.#backoff.opened();
    this.#reauthenticated = false;
    this.#scheduleRefresh(welcome.expires);
    this.#holder.welcomed(welcome, peer, id);
    this.#opened(peer);
    this.#setState(this.#wasOpen ? { status: "open", resumed: welcome.resumed } : { status: "open" });
    this.#wasOpen = true;
  }

  /** The server is going to close: calls that run end there, new ones wait for the next connection. */
  #leaving(): void {
    this.#peer = undefined;
    this.#code.release();
    this.#setState({ status: "reconnecting" });
  }

  #ended(end: AttemptEnd): void {
    this.#peer = undefined;
    this.#holder.connectionLost();
    this.channels.disconnected();
    this.#clock.clearTimeout(this.#refresh);
    const { advice, code, reason } = end;
    const asksAgain = advice === "reauthenticate" && typeof this.#options.token === "function" &&
      !this.#reauthenticated;
    if (advice !== "reconnect" && !asksAgain) return this.#finish(endError(end, false), { code, reason });
    this.#code.release();
    if (!asksAgain) return this.#retryLater(end);
    this.#reauthenticated = true;
    this.#setState({ status: "reconnecting", reason: end, retryIn: 0 });
    void this.#connect();
  }

  #retryLater({ code, reason, retryAfter }: Pick<AttemptEnd, "code" | "reason" | "retryAfter">): void {
    if (this.#closedWith !== undefined) return;
    const retryIn = this.#backoff.next(retryAfter);
    this.#retry = this.#clock.setTimeout(() => {
      this.#retry = undefined;
      void this.#connect();
    }, retryIn);
    this.#setState({
      status: this.state.status === "connecting" ? "connecting" : "reconnecting",
      reason: { code, reason },
      retryIn,
    });
  }

  #woke(): void {
    this.#attempt?.woke();
    this.#retryNow();
  }

  #online(): void {
    this.#attempt?.networkChanged();
    this.#retryNow();
  }

  /** Does not wait for the time of the next attempt. */
  #retryNow(): void {
    this.#code.hurry();
    if (this.#retry === undefined) return;
    this.#clock.clearTimeout(this.#retry);
    this.#retry = undefined;
    void this.#connect();
  }

  #scheduleRefresh(expires: number | undefined): void {
    this.#clock.clearTimeout(this.#refresh);
    if (expires === undefined || typeof this.#options.token !== "function") return;
    const after = Math.max(expires - REFRESH_BEFORE, expires * 0.75);
    this.#refresh = this.#clock.setTimeout(() => void this.#sendToken(), after);
  }

  async #sendToken(): Promise<void> {
    const attempt = this.#attempt;
    try {
      const token = await this.#token();
      // Another connection was made with a token of its own.
      if (token !== undefined && attempt === this.#attempt) attempt?.refresh(token);
    } catch (error) {
      this.#report(error); // the server closes with 4401 when nothing better comes
    }
  }

  #finish(error: CallError, reason: ClientState["reason"]): void {
    this.#closedWith = error;
    this.#peer = undefined;
    this.#holder.close(new CallError(error.code, error.message, { ambiguous: true }));
    this.#sleepless();
    this.#clock.clearTimeout(this.#retry);
    this.#clock.clearTimeout(this.#refresh);
    this.#waiting.end(error);
    this.#code.end(error);
    this.channels.end(error);
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
