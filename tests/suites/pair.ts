import type { CallerConnection } from "../../rpc/context.ts";
import { CallError } from "../../rpc/errors.ts";
import type { IncomingCall, Registered } from "../../rpc/incoming_call.ts";
import { DEFAULT_LIMITS, type Limits, resolveLimits } from "../../rpc/limits.ts";
import { writeHello, writeWelcome } from "../../rpc/messages.ts";
import { OutgoingCall, readArguments } from "../../rpc/outgoing_call.ts";
import { Peer } from "../../rpc/peer.ts";
import { isProcedure } from "../../rpc/procedure.ts";
import type { ProtocolError } from "../../rpc/protocol_error.ts";
import { ManualClock } from "./manual_clock.ts";

/** One direction of a pipe in memory: frames arrive in a turn of their own, and it can be stalled. */
export class Pipe {
  /** Every frame that was sent, copied. */
  readonly frames: Uint8Array[] = [];
  stalled = false;
  deliver: (frame: Uint8Array) => void = () => {};
  readonly #clock: ManualClock;
  readonly #queue: Uint8Array[] = [];
  #bytes = 0;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  get buffered(): number {
    return this.#bytes;
  }

  send(frame: Uint8Array): void {
    const copy = frame.slice();
    this.frames.push(copy);
    this.#queue.push(copy);
    this.#bytes += copy.length;
    this.#clock.immediate(() => this.#next());
  }

  /** Lets go on what was stalled. */
  resume(): void {
    this.stalled = false;
    for (let i = this.#queue.length; i > 0; i--) this.#clock.immediate(() => this.#next());
  }

  #next(): void {
    if (this.stalled) return;
    const frame = this.#queue.shift();
    if (frame === undefined) return;
    this.#bytes -= frame.length;
    this.deliver(frame);
  }
}

/** One end, and what happened there. */
export interface End {
  readonly peer: Peer;
  readonly faults: ProtocolError[];
  readonly failures: unknown[];
  readonly sent: Pipe;
}

/** A server and a client core over two pipes and one manual clock. */
export interface Pair {
  readonly clock: ManualClock;
  readonly server: End;
  readonly client: End;
  /** Calls the server as a client program would. */
  call(method: string, ...args: unknown[]): OutgoingCall;
  /** Calls the client. */
  callBack(method: string, ...args: unknown[]): OutgoingCall;
  /** Ends both, as a cut does. */
  cut(): void;
}

/** What {@linkcode pair} makes a pair of. */
export interface PairOptions {
  readonly procedures?: Record<string, unknown>;
  readonly offers?: Record<string, unknown>;
  readonly limits?: Partial<Limits>;
  readonly clientLimits?: Partial<Limits>;
  readonly context?: object;
}

/** Makes a pair that has said HELLO and WELCOME. */
export async function pair(options: PairOptions = {}): Promise<Pair> {
  const clock = new ManualClock();
  const [up, down] = [new Pipe(clock), new Pipe(clock)];
  const server = end("server", {
    clock,
    pipe: down,
    limits: options.limits,
    group: options.procedures,
    context: options.context,
  });
  const client = end("client", { clock, pipe: up, limits: options.clientLimits, group: options.offers });
  up.deliver = (frame) => server.peer.receive(frame);
  down.deliver = (frame) => client.peer.receive(frame);
  client.peer.send(() => writeHello(undefined, 0, {}));
  await clock.settle();
  const make = (peer: Peer) => (method: string, ...args: unknown[]) => {
    const call = new OutgoingCall(readArguments(method, args));
    const { timeout } = call.request.options;
    peer.call(call, timeout === undefined ? Infinity : clock.now() + timeout);
    return call;
  };
  const cut = () => {
    server.peer.end(new CallError("DISCONNECTED"));
    client.peer.end(new CallError("DISCONNECTED"));
  };
  return { clock, server, client, call: make(client.peer), callBack: make(server.peer), cut };
}

interface EndOptions {
  readonly clock: ManualClock;
  readonly pipe: Pipe;
  readonly limits?: Partial<Limits> | undefined;
  readonly group?: Record<string, unknown> | undefined;
  readonly context?: object | undefined;
}

function end(role: "server" | "client", options: EndOptions): End {
  const faults: ProtocolError[] = [];
  const failures: unknown[] = [];
  const limits = resolveLimits(options.limits);
  const transport = {
    send: (frame: Uint8Array) => options.pipe.send(frame),
    get buffered() {
      return options.pipe.buffered;
    },
    close: () => {},
  };
  const peer: Peer = new Peer({
    role,
    clock: options.clock,
    transport,
    limits,
    procedures: register(options.group ?? {}),
    connection: CONNECTION,
    context: () => options.context ?? {},
    offered: () => ({}),
    events: {
      ...(role === "server"
        ? {
          hello: () => peer.send(() => writeWelcome(new Uint8Array(16), 0, {})),
          pong: () => {},
          token: () => {},
        }
        : {
          welcome: () => peer.outbox.welcomed(accepts(options.limits)),
          ping: () => {},
          goodbye: () => {},
          expires: () => {},
        }),
      fault: (error) => {
        faults.push(error);
        peer.end(new CallError("DISCONNECTED"));
      },
      failed: (error: unknown, _call: IncomingCall) => void failures.push(error),
    },
  });
  return { peer, faults, failures, sent: options.pipe };
}

function accepts(limits: Partial<Limits> | undefined) {
  const { message, window, calls, streams } = { ...DEFAULT_LIMITS, ...limits };
  return { message, window, calls, streams };
}

function register(group: Record<string, unknown>): Map<string, Registered> {
  const found = new Map<string, Registered>();
  for (const [name, definition] of Object.entries(group)) {
    if (isProcedure(definition)) found.set(name, { name, number: found.size + 1, definition });
  }
  return found;
}

const CONNECTION: CallerConnection = { id: "test", address: "", subject: undefined, close: () => {} };
