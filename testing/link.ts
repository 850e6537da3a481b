/**
 * One simulated connection: a WebSocket at the client, a transport at the server, two lanes between them, and everything that can happen to them.
 *
 * @module
 */
import type { WebSocketLike } from "../client/web_socket.ts";
import type { Handshake } from "../rpc/handshake.ts";
import type { Transport } from "../rpc/transport.ts";
import type { VirtualClock } from "./clock.ts";
import { type Arrival, type Conditions, Lane } from "./lane.ts";
import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";

/** What takes the server's side of a connection. */
export interface Acceptor {
  /** The computer that it runs on. */
  readonly machine: Machine;
  /** Bytes that may wait for one peer before it is cut with 4503. */
  readonly queue: number;
  /** Takes a connection, and gives what is told of it. */
  accept(transport: Transport, handshake: Handshake): Accepted;
}

/** What is told of a connection. */
export interface Accepted {
  /** A frame came; it belongs to the receiver. */
  receive(frame: Uint8Array): void;
  /** There is room again. */
  drained(): void;
  /** It has closed. Called once. */
  closed(code: number, reason: string): void;
}

/** What somebody who looks on is told. */
export interface LinkWatch {
  /** A frame arrives. */
  readonly arrived?: (link: Link, direction: Direction, frame: Uint8Array) => void;
  /** The server sends a frame. */
  readonly sent?: (link: Link, frame: Uint8Array) => void;
  /** It breaks in the middle of a frame. */
  readonly broke?: (link: Link, direction: Direction) => void;
  /** The server closes it. */
  readonly closed?: (link: Link, code: number) => void;
  /** The server learns that it is over. */
  readonly left?: (link: Link, code: number) => void;
}

/** What a link is made of. */
export interface LinkParts {
  /** Time. */
  readonly clock: VirtualClock;
  /** Chance. */
  readonly random: Random;
  /** Its number among those of the client, from 1. */
  readonly number: number;
  /** Who connects. */
  readonly client: Machine;
  /** Who is connected to. */
  readonly acceptor: Acceptor;
  /** What the way is like. */
  readonly conditions: Conditions;
  /** What the server sees of the handshake. */
  readonly handshake: Handshake;
  /** Looks on. */
  readonly watch: LinkWatch;
  /** Nothing can happen to it any more. */
  readonly over: (link: Link) => void;
}

/** Up is from the client to the server. */
export type Direction = "up" | "down";

/** How long the server waits for the answer to its close frame, in ms. */
const CLOSE_TIME = 5_000;

type Handler = ((event: never) => unknown) | null;

/** One connection. */
export class Link implements WebSocketLike {
  /** Its number among those of the client. */
  readonly number: number;
  /** Who connected. */
  readonly client: Machine;
  /** From the client to the server. */
  readonly up: Lane;
  /** From the server to the client. */
  readonly down: Lane;
  readonly #parts: LinkParts;
  #accepted: Accepted | undefined;
  #server: "none" | "open" | "closing" | "closed" = "none";
  #serverCode = 0;
  #serverReason = "";
  #closeTimer: unknown;
  #idleTimer: unknown;
  #opening: unknown;
  #isOver = false;

  /** Connects. */
  constructor(parts: LinkParts) {
    const { clock, random, client, acceptor, conditions } = parts;
    this.#parts = parts;
    this.number = parts.number;
    this.client = client;
    const lane = (name: string, receiver: Machine): Lane =>
      new Lane(clock, { random: random.fork(name), receiver, conditions });
    this.up = lane("up", acceptor.machine);
    this.down = lane("down", client);
    this.up.deliver = (arrival) => this.#atServer(arrival);
    this.down.deliver = (arrival) => this.#atClient(arrival);
    this.up.broken = () => {
      parts.watch.broke?.(this, "up");
      this.#tell(client, conditions.delay, () => this.#clientLost());
    };
    this.down.broken = () => {
      parts.watch.broke?.(this, "down");
      this.#tell(acceptor.machine, conditions.delay, () => this.#serverEnded(1006, ""));
    };
    this.down.drained = () => acceptor.machine.do(() => this.#accepted?.drained());
    const trip = conditions.delay + random.next() * conditions.jitter;
    this.#opening = clock.setTimeout(() => acceptor.machine.do(() => this.#accept(trip)), trip);
  }

  // The client's side: a WebSocket.

  /** As of a WebSocket. */
  binaryType = "blob";
  /** As of a WebSocket. */
  readyState = 0;
  /** As of a WebSocket. */
  onopen: Handler = null;
  /** As of a WebSocket. */
  onmessage: Handler = null;
  /** As of a WebSocket. */
  onclose: Handler = null;
  /** As of a WebSocket. */
  onerror: Handler = null;

  /** As of a WebSocket. */
  get bufferedAmount(): number {
    return this.up.buffered;
  }

  /** As of a WebSocket. */
  send(frame: Uint8Array<ArrayBuffer>): void {
    if (this.readyState === 0) throw new Error("Cannot send: the WebSocket is not open");
    if (this.readyState === 1) this.up.send(frame);
    this.#active();
  }

  /** As of a WebSocket. */
  close(code = 1000, reason = ""): void {
    if (this.readyState >= 2) return;
    const wasOpen = this.readyState === 1;
    this.readyState = 2;
    if (wasOpen) this.up.end(code, reason);
    else this.#fail();
  }

  // What can happen.

  /** Whether nothing can happen to it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the client can still use it, as far as it knows. */
  get isOpen(): boolean {
    return this.readyState === 1;
  }

  /**
   * Cuts it: what is on its way is lost. Each side is told after so many milliseconds, or, with `Infinity`, never: it has to find out.
   */
  cut({ client = 0, server = 0 }: { readonly client?: number; readonly server?: number } = {}): void {
    this.up.cut();
    this.down.cut();
    this.#parts.clock.clearTimeout(this.#idleTimer);
    this.#tell(this.client, client, () => this.#clientLost());
    this.#tell(this.#parts.acceptor.machine, server, () => this.#serverEnded(1006, ""));
  }

  /** One direction goes silent: what is sent there is lost, and nobody is told. */
  silence(direction: Direction): void {
    this[direction].cut();
  }

  /** A number for the trace. */
  toString(): string {
    return `${this.client.name}/${this.number}`;
  }

  // Opening.

  #accept(trip: number): void {
    const { clock, acceptor, handshake } = this.#parts;
    if (this.up.isDead) return;
    if (this.readyState !== 0) return this.#end(); // the client has given up meanwhile
    this.#server = "open";
    this.#accepted = acceptor.accept(this.#transport(), handshake);
    this.#opening = clock.setTimeout(() => this.client.do(() => this.#opened()), trip);
    this.#active();
  }

  #opened(): void {
    if (this.readyState !== 0 || this.down.isDead) return;
    this.readyState = 1;
    this.onopen?.({} as never);
  }

  /** The server cannot be reached. */
  #fail(): void {
    this.#parts.clock.clearTimeout(this.#opening);
    if (this.#server === "open") this.up.reset();
    this.#parts.clock.setTimeout(() => this.client.do(() => this.#clientLost()), 0);
  }

  // The server's side: a transport.

  #transport(): Transport {
    const link = (): Link => this;
    const { queue } = this.#parts.acceptor;
    return {
      send: (frame) => {
        if (this.#server !== "open") return;
        if (this.down.buffered > 0 && this.down.buffered + frame.length > queue) return this.#tooSlow();
        this.#parts.watch.sent?.(this, frame);
        this.down.send(frame);
        this.#active();
      },
      get buffered() {
        return link().down.buffered;
      },
      requestDrain: () => this.down.requestDrain(),
      close: (code, reason) => this.#serverClose(code, reason),
    };
  }

  #serverClose(code: number, reason: string): void {
    if (this.#server !== "open") return;
    this.#server = "closing";
    this.#parts.watch.closed?.(this, code);
    this.#serverCode = code;
    this.#serverReason = reason;
    this.down.end(code, reason);
    const { clock, acceptor } = this.#parts;
    this.#closeTimer = clock.setTimeout(
      () => acceptor.machine.do(() => this.#serverEnded(code, reason)),
      CLOSE_TIME,
    );
  }

  #tooSlow(): void {
    this.#parts.watch.closed?.(this, 4503);
    this.down.giveUp(4503, "too slow");
    this.#serverEnded(4503, "too slow");
  }

  #atServer(arrival: Arrival): void {
    switch (arrival.is) {
      case "frame":
        if (this.#server !== "open") return;
        this.#parts.watch.arrived?.(this, "up", arrival.frame);
        return this.#accepted!.receive(arrival.frame);
      case "close":
        if (this.#server === "open") this.down.end(arrival.code, arrival.reason);
        return this.#serverEnded(arrival.code, arrival.reason);
      case "reset":
        return this.#serverEnded(1006, "");
    }
  }

  /** The program is told once, and not within a call of its own. */
  #serverEnded(code: number, reason: string): void {
    if (this.#server === "closed" || this.#server === "none") return;
    const told = this.#serverCode === 0
      ? { code, reason }
      : { code: this.#serverCode, reason: this.#serverReason };
    this.#server = "closed";
    this.#parts.clock.clearTimeout(this.#closeTimer);
    this.#parts.watch.left?.(this, told.code);
    queueMicrotask(() => this.#accepted!.closed(told.code, told.reason));
    this.#end();
  }

  // What comes to the client.

  #atClient(arrival: Arrival): void {
    if (arrival.is === "frame") {
      if (this.readyState !== 1) return;
      this.#parts.watch.arrived?.(this, "down", arrival.frame);
      const { buffer } = arrival.frame;
      return void this.onmessage?.({ data: buffer } as never);
    }
    if (arrival.is === "reset") return this.#clientLost();
    if (this.readyState === 1) this.up.end(arrival.code, arrival.reason);
    this.#clientClosed(arrival.code, arrival.reason);
  }

  #clientLost(): void {
    if (this.readyState === 3) return;
    this.onerror?.({} as never);
    this.#clientClosed(1006, "");
  }

  #clientClosed(code: number, reason: string): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code, reason } as never);
    this.#end();
  }

  #tell(machine: Machine, ms: number, run: () => void): void {
    if (ms !== Infinity) this.#parts.clock.setTimeout(() => machine.do(run), ms);
  }

  #active(): void {
    const { clock, conditions } = this.#parts;
    if (conditions.idle === Infinity) return;
    clock.clearTimeout(this.#idleTimer);
    this.#idleTimer = clock.setTimeout(() => {
      // Bytes that are on their way, however slowly, are no silence.
      if (this.up.isEmpty && this.down.isEmpty) this.cut();
      else this.#active();
    }, conditions.idle);
  }

  #end(): void {
    if (this.readyState < 2 || this.#server === "open" || this.#server === "closing" || this.#isOver) return;
    this.#isOver = true;
    this.#parts.clock.clearTimeout(this.#idleTimer);
    this.#parts.over(this);
  }
}
