/**
 * A server and a client core, joined by two pipes in memory and one manual clock.
 */
import { assertEquals } from "@std/assert";
import { type ProcedureBuilder, procedureBuilder } from "../../rpc/builder.ts";
import type { PlainScope } from "../../rpc/define.ts";
import { CallError } from "../../rpc/errors.ts";
import { readHello, readWelcome, toldLimits } from "../../rpc/greeting.ts";
import type { Registered } from "../../rpc/incoming_call.ts";
import { Kind } from "../../rpc/kinds.ts";
import { type Limits, peerLimits, resolveLimits } from "../../rpc/limits.ts";
import { writeHello, writeWelcome } from "../../rpc/messages.ts";
import { OutgoingCall, readArguments } from "../../rpc/outgoing_call.ts";
import { Peer } from "../../rpc/peer.ts";
import type { PeerEvents } from "../../rpc/peer_parts.ts";
import { isProcedure } from "../../rpc/procedure.ts";
import type { ProtocolError } from "../../rpc/protocol_error.ts";
import type { Schema } from "../../rpc/schema.ts";
import { answering } from "./answering.ts";
import { ManualClock } from "./manual_clock.ts";
import { Pipe } from "./pipe.ts";

/** Makes procedures without a context of their own. */
export const procedure: ProcedureBuilder<PlainScope> = procedureBuilder<PlainScope>([]);

/** A schema that takes everything. */
export const anything: Schema<unknown> = {
  "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) },
};

/** One end, and what happened there. */
export interface End {
  readonly peer: Peer;
  /** Rules that the other side broke. */
  readonly faults: ProtocolError[];
  /** What handlers threw and callers were not told. */
  readonly failures: unknown[];
  /** What goes from here to there. */
  readonly pipe: Pipe;
}

/** What {@linkcode pair} makes a pair of. */
export interface PairOptions {
  /** What the client may call. */
  readonly procedures?: Record<string, unknown>;
  /** What the server may call. */
  readonly offers?: Record<string, unknown>;
  /** Bounds of the server; it tells them in WELCOME. */
  readonly limits?: Partial<Limits>;
  /** Bounds of the client; it tells them in HELLO. */
  readonly clientLimits?: Partial<Limits>;
  /** What handlers of the server get beside. */
  readonly context?: object;
  /** Lets the server keep everything until `welcome()`. */
  readonly hold?: boolean;
}

/** A server and a client. */
export class Pair {
  readonly clock: ManualClock = new ManualClock();
  readonly server: End;
  readonly client: End;
  readonly #options: PairOptions;

  private constructor(options: PairOptions) {
    this.#options = options;
    const [up, down] = [new Pipe(this.clock), new Pipe(this.clock)];
    this.server = this.#end("server", down, options.limits, options.procedures);
    this.client = this.#end("client", up, options.clientLimits, options.offers);
    up.deliver = (frame) => this.server.peer.receive(frame);
    down.deliver = (frame) => this.client.peer.receive(frame);
  }

  /** Makes a pair that has said HELLO, and WELCOME unless it is held. */
  static async open(options: PairOptions = {}): Promise<Pair> {
    const pair = new Pair(options);
    const limits = peerLimits(resolveLimits(options.clientLimits));
    pair.client.peer.send(() => writeHello(undefined, 0, { limits }));
    await pair.clock.settle();
    return pair;
  }

  /** What a server does when `authenticate` has said yes. */
  welcome(): void {
    const limits = toldLimits(resolveLimits(this.#options.limits));
    this.server.peer.send(() => writeWelcome(new Uint8Array(16), 0, { limits }));
    this.server.peer.resume();
  }

  /** Calls the server as a client program would. */
  call(method: string, ...args: unknown[]): OutgoingCall {
    return this.#send(this.client.peer, method, args);
  }

  /** Calls the client. */
  callBack(method: string, ...args: unknown[]): OutgoingCall {
    return this.#send(this.server.peer, method, args);
  }

  /** Lets everything happen that happens now, and gives what a promise gives: an error where it waits for more. */
  async now<T>(promise: PromiseLike<T>): Promise<T> {
    const state: { settled?: () => T } = {};
    promise.then(
      (value) => void (state.settled = () => value),
      (error) =>
        void (state.settled = () => {
          throw error;
        }),
    );
    await this.clock.settle();
    if (state.settled === undefined) throw new Error("it still waits");
    return state.settled();
  }

  /** Ends both, as a cut does. */
  cut(error: CallError = new CallError("DISCONNECTED")): void {
    this.server.peer.end(error);
    this.client.peer.end(error);
    this.server.pipe.cut();
    this.client.pipe.cut();
  }

  /** Asserts that nobody broke a rule and nothing is left anywhere. */
  async assertQuiet(): Promise<void> {
    await this.clock.settle();
    await this.clock.advance(10);
    assertEquals(this.server.faults.map(String), []);
    assertEquals(this.client.faults.map(String), []);
    assertEquals({ server: gauges(this.server), client: gauges(this.client) }, {
      server: NOTHING,
      client: NOTHING,
    });
    const unacknowledged = [this.server, this.client].map(({ peer }) => peer.outbox.window.inFlight);
    assertEquals(unacknowledged, [0, 0], "bytes on their way");
    assertEquals(this.clock.pending, 0, "timers");
  }

  #send(peer: Peer, method: string, args: unknown[]): OutgoingCall {
    const call = new OutgoingCall(readArguments(method, args));
    peer.call(call, peer.deadlineAfter(call.request.options.timeout));
    return call;
  }

  #end(
    role: "server" | "client",
    pipe: Pipe,
    limits: Partial<Limits> | undefined,
    group: Record<string, unknown> = {},
  ): End {
    const faults: ProtocolError[] = [];
    const failures: unknown[] = [];
    const all = resolveLimits(limits);
    const context = () => this.#options.context ?? {};
    const peer: Peer = new Peer({
      role,
      clock: this.clock,
      transport: pipe.transport(() => peer.drained()),
      limits: all,
      owner: answering(register(group), { clock: this.clock, limits: all, context }),
      events: {
        ...this.#events(role, () => peer),
        fault: (error) => {
          faults.push(error);
          this.cut();
        },
        failed: (error) => void failures.push(error),
      },
    });
    return { peer, faults, failures, pipe };
  }

  #events(role: "server" | "client", peer: () => Peer): Omit<PeerEvents, "fault" | "failed"> {
    if (role === "client") {
      return {
        welcome: ({ payload }) => peer().outbox.welcomed(readWelcome(payload).limits),
        ping: () => peer().sendHeartbeat(Kind.PONG),
        goodbye: () => {},
        expires: () => {},
      };
    }
    return {
      hello: ({ payload }) => {
        peer().outbox.peer = readHello(payload).limits;
        peer().hold();
        if (!this.#options.hold) this.welcome();
      },
      pong: () => {},
      token: () => {},
    };
  }
}

/** What one end holds. */
export interface Gauges {
  readonly streams: number;
  readonly held: number;
  readonly calls: number;
  readonly answers: number;
}

/** What an idle end holds. */
export const NOTHING: Gauges = { streams: 0, held: 0, calls: 0, answers: 0 };

/** What one end holds now. */
export function gauges({ peer }: { readonly peer: Peer }): Gauges {
  return {
    streams: peer.streams.open,
    held: peer.held,
    calls: peer.caller.inFlight,
    answers: peer.callee.inFlight,
  };
}

/** Names procedures as an app does. */
export function register(group: Record<string, unknown>): Map<string, Registered> {
  const found = new Map<string, Registered>();
  for (const [name, definition] of Object.entries(group)) {
    if (isProcedure(definition)) found.set(name, { name, number: found.size + 1, definition });
  }
  return found;
}
