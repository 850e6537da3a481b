/**
 * A server and a client core whose session goes on over as many connections as a test wants: each is cut after as many frames as it says.
 */
import { assertEquals } from "@std/assert";
import { CallError } from "../../rpc/errors.ts";
import { readHello, readWelcome, toldLimits } from "../../rpc/greeting.ts";
import type { Greeting } from "../../rpc/dispatch.ts";
import { Kind } from "../../rpc/kinds.ts";
import { type Limits, peerLimits, resolveLimits } from "../../rpc/limits.ts";
import { writeHello, writeWelcome } from "../../rpc/messages.ts";
import { OutgoingCall, readArguments } from "../../rpc/outgoing_call.ts";
import { Peer } from "../../rpc/peer.ts";
import type { PeerEvents } from "../../rpc/peer_parts.ts";
import type { ProtocolError } from "../../rpc/protocol_error.ts";
import type { Transport } from "../../rpc/transport.ts";
import { answering } from "./answering.ts";
import { ManualClock } from "./manual_clock.ts";
import { gauges, NOTHING, register } from "./pair.ts";

/** How one connection ends: after so many frames have arrived, both ways counted together. */
export interface Cut {
  /** Frames that arrive. */
  readonly after: number;
  /** So many more arrive in one direction when nothing does in the other any more. */
  readonly more?: { readonly way: Way; readonly frames: number };
}

/** Client to server, or back. */
export type Way = "up" | "down";

/** What a {@linkcode SessionPair} is made of. */
export interface SessionOptions {
  /** What the client may call. */
  readonly procedures: Record<string, unknown>;
  /** What the server may call. */
  readonly offers?: Record<string, unknown>;
  /** Bounds of both. */
  readonly limits?: Partial<Limits>;
  /** How connections end, one after the other; those that come after live on. */
  readonly cuts?: readonly Cut[];
}

/** One connection. */
class Connection {
  readonly queues: Record<Way, Uint8Array[]> = { up: [], down: [] };
  readonly deliver: Record<Way, (frame: Uint8Array) => void> = { up: () => {}, down: () => {} };
  readonly #clock: ManualClock;
  readonly #cut: Cut | undefined;
  readonly #ended: () => void;
  #arrived = 0;
  #more = 0;
  #over = false;

  constructor(clock: ManualClock, cut: Cut | undefined, ended: () => void) {
    this.#clock = clock;
    this.#cut = cut;
    this.#ended = ended;
    if (cut?.after === 0) this.#clock.immediate(() => this.#checkEnd());
  }

  /** Frames that arrived. */
  get arrived(): number {
    return this.#arrived;
  }

  transport(way: Way): Transport {
    const queue = this.queues[way];
    return {
      send: (frame) => {
        if (this.#over) return;
        queue.push(frame.slice());
        this.#clock.immediate(() => this.#next(way));
      },
      buffered: 0, // the network takes everything: what is lost with a connection is what the windows allow
      requestDrain: () => {},
      close: () => {},
    };
  }

  #next(way: Way): void {
    const frame = this.queues[way].shift();
    if (frame === undefined || this.#over) return;
    if (this.#isFull) {
      if (this.#cut?.more?.way !== way || this.#more >= this.#cut.more.frames) return;
      this.#more++;
    }
    this.#arrived++;
    this.deliver[way](frame);
    this.#checkEnd();
  }

  get #isFull(): boolean {
    return this.#cut !== undefined && this.#arrived >= this.#cut.after;
  }

  #checkEnd(): void {
    if (!this.#isFull || this.#over) return;
    const { more } = this.#cut!;
    if (more !== undefined && this.#more < more.frames && this.queues[more.way].length > 0) return;
    this.end();
  }

  /** Nothing arrives any more; what is on its way is lost. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#ended();
  }
}

/** One end. */
interface End {
  /** The session's, once there is one. */
  peer: Peer | undefined;
  readonly faults: ProtocolError[];
  readonly failures: unknown[];
}

/** A session. */
export class SessionPair {
  readonly clock: ManualClock = new ManualClock();
  readonly server: End = { peer: undefined, faults: [], failures: [] };
  readonly client: End = { peer: undefined, faults: [], failures: [] };
  /** Connections so far. */
  connections = 0;
  readonly #options: SessionOptions;
  readonly #limits: Limits;
  #connection: Connection | undefined;
  #calm = false;

  private constructor(options: SessionOptions) {
    this.#options = options;
    this.#limits = resolveLimits(options.limits);
  }

  /** A session whose first connection has said HELLO and WELCOME. */
  static async open(options: SessionOptions): Promise<SessionPair> {
    const pair = new SessionPair(options);
    while (pair.client.peer === undefined) {
      pair.connect();
      await pair.clock.settle();
    }
    return pair;
  }

  /** Frames that have arrived on the present connection. */
  get frames(): number {
    return this.#connection?.arrived ?? 0;
  }

  /** Calls the server. */
  call(method: string, ...args: unknown[]): OutgoingCall {
    return send(this.client.peer!, method, args);
  }

  /** Calls the client. */
  callBack(method: string, ...args: unknown[]): OutgoingCall {
    return send(this.server.peer!, method, args);
  }

  /** Connects, for the first time or again. */
  connect(): void {
    // Until the first WELCOME there is no session: connections are not cut before it.
    const isWhole = this.client.peer === undefined || this.#calm;
    const cut = isWhole ? undefined : this.#options.cuts?.[this.connections - 1];
    this.connections++;
    const connection: Connection = new Connection(this.clock, cut, () => this.#lost(connection));
    this.#connection = connection;
    this.#serve(connection);
    this.#dial(connection);
  }

  /** Cuts the present connection. */
  cut(): void {
    this.#connection?.end();
  }

  /** Lets everything happen, with new connections where one is cut, and gives what a promise gives. */
  async finish<T>(promise: PromiseLike<T>): Promise<T> {
    const state: { settled?: () => T } = {};
    promise.then(
      (value) => void (state.settled = () => value),
      (error) =>
        void (state.settled = () => {
          throw error;
        }),
    );
    for (let turns = 0; turns < 10_000; turns++) {
      await this.clock.settle();
      if (this.#connection === undefined) this.connect();
      else if (state.settled !== undefined) return state.settled();
      else await this.clock.advance(1);
    }
    throw new Error("it still waits");
  }

  /** Asserts that nobody broke a rule, and that nothing is left when all was acknowledged. */
  async assertQuiet(): Promise<void> {
    this.#calm = true;
    this.cut();
    this.connect();
    await this.clock.settle();
    this.server.peer!.sendHeartbeat(Kind.PING);
    await this.clock.settle();
    await this.clock.advance(10);
    assertEquals(this.server.faults.map(String), []);
    assertEquals(this.client.faults.map(String), []);
    const left = { server: gauges({ peer: this.server.peer! }), client: gauges({ peer: this.client.peer! }) };
    assertEquals(left, { server: NOTHING, client: NOTHING });
    for (const { peer } of [this.server, this.client]) {
      assertEquals(peer!.outbox.window.inFlight, 0, "bytes on their way");
      assertEquals(peer!.streams.known, 0, "streams");
    }
    assertEquals(this.clock.pending, 0, "timers");
  }

  /** Ends the session. */
  end(): void {
    for (const { peer } of [this.server, this.client]) peer!.end(new CallError("DISCONNECTED"));
  }

  #lost(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.server.peer?.detach();
    this.client.peer?.detach();
  }

  #serve(connection: Connection): void {
    const transport = connection.transport("down");
    const { server } = this;
    let peer: Peer;
    const events = this.#events(server, {
      hello: (greeting) => {
        peer.hold();
        this.clock.immediate(() =>
          this.#welcome(connection, greeting, () => peer = this.#adopt(peer, greeting))
        );
      },
      pong: () => {},
      token: () => {},
    });
    peer = this.#peer("server", transport, events);
    connection.deliver.up = (frame) => peer.receive(frame);
    this.#serverSide = { transport, events };
  }

  #serverSide: { transport: Transport; events: PeerEvents } | undefined;

  #welcome(connection: Connection, _greeting: Greeting, adopt: () => void): void {
    if (this.#connection === connection) adopt();
  }

  /** What a server does when `authenticate` has said yes. Returns the peer that goes on. */
  #adopt(fresh: Peer, { session, received, payload }: Greeting): Peer {
    const { limits, units, streams } = readHello(payload);
    const told = { limits: toldLimits(this.#limits), window: 1_000 };
    if (session === undefined) {
      this.server.peer = fresh;
      fresh.outbox.peer = limits;
      fresh.keepSession();
      fresh.send(() => writeWelcome(new Uint8Array(16), 0, { resumed: false, ...told }));
      fresh.resume();
      return fresh;
    }
    const held = fresh.handOver();
    const peer = this.server.peer!;
    peer.attach({
      ...this.#serverSide!,
      peer: limits,
      received,
      units,
      streams,
      greet: () => {
        const { units } = peer;
        const streams = peer.streams.tell();
        writeWelcome(new Uint8Array(16), peer.received, { resumed: true, units, streams, ...told });
      },
    });
    for (const frame of held) peer.receive(frame);
    return peer;
  }

  #dial(connection: Connection): void {
    const transport = connection.transport("up");
    const { client } = this;
    let peer: Peer;
    let welcome: Greeting | undefined;
    const events = this.#events(client, {
      welcome: (greeting) => {
        welcome = greeting;
        if (client.peer !== undefined) return peer.hold(Infinity);
        client.peer = peer;
        peer.outbox.welcomed(readWelcome(greeting.payload).limits);
      },
      ping: () => peer.sendHeartbeat(Kind.PONG),
      goodbye: () => {},
      expires: () => {},
    });
    peer = this.#peer("client", transport, events);
    if (client.peer === undefined) peer.keepSession();
    connection.deliver.down = (frame) => {
      peer.receive(frame);
      if (client.peer === peer || welcome === undefined) return;
      const { limits, units, streams } = readWelcome(welcome.payload);
      const held = peer.handOver();
      peer = client.peer!;
      peer.attach({ transport, events, peer: limits, received: welcome.received, units, streams });
      for (const kept of held) peer.receive(kept);
    };
    const session = client.peer === undefined ? undefined : new Uint8Array(16);
    const streams = client.peer?.streams.tell();
    peer.send(() =>
      writeHello(session, client.peer?.received ?? 0, {
        limits: peerLimits(this.#limits),
        resumable: true,
        units: client.peer?.units,
        streams,
      })
    );
  }

  #events(end: End, control: Omit<PeerEvents, "fault" | "failed">): PeerEvents {
    return {
      ...control,
      fault: (error) => {
        end.faults.push(error);
        this.cut();
      },
      failed: (error) => void end.failures.push(error),
    };
  }

  #peer(role: "server" | "client", transport: Transport, events: PeerEvents): Peer {
    const procedures = register(role === "server" ? this.#options.procedures : this.#options.offers ?? {});
    const [clock, limits] = [this.clock, this.#limits];
    return new Peer({
      role,
      clock,
      transport,
      limits,
      events,
      owner: answering(procedures, { clock, limits }),
    });
  }
}

function send(peer: Peer, method: string, args: unknown[]): OutgoingCall {
  const call = new OutgoingCall(readArguments(method, args));
  peer.call(call, peer.deadlineAfter(call.request.options.timeout));
  return call;
}
