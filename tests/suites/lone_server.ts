/**
 * A server core by itself: frames go in as they would from a socket, and what it sends is counted and dropped. Nothing of a client runs, so what
 * is measured is the server's.
 */
import { encode } from "../../msgpack/mod.ts";
import { readHello, toldLimits } from "../../rpc/greeting.ts";
import type { Clock } from "../../rpc/clock.ts";
import { serverProcedures } from "../../rpc/contract.ts";
import { resolveLimits } from "../../rpc/limits.ts";
import { writeWelcome } from "../../rpc/messages.ts";
import type { Registered } from "../../rpc/incoming_call.ts";
import { Peer } from "../../rpc/peer.ts";
import { answering } from "./answering.ts";
import { frameOf, hello } from "./wire.ts";

/** What a {@linkcode LoneServer} is made of. */
export interface LoneOptions {
  /** What may be called. */
  readonly procedures: Record<string, unknown>;
  /** Time. */
  readonly clock: Clock;
  /** Sees each frame that is sent; it is borrowed. */
  readonly sent?: (frame: Uint8Array) => void;
  /** Whether it keeps what it sends until it is acknowledged. */
  readonly resumable?: boolean;
}

/** A server that has said WELCOME. */
export class LoneServer {
  readonly peer: Peer;
  /** Bytes that were sent. */
  bytes = 0;
  /** What handlers threw, and rules that were broken. */
  readonly errors: unknown[] = [];

  constructor({ procedures, clock, sent, resumable = false }: LoneOptions) {
    const limits = resolveLimits({ heartbeat: 1_000_000 });
    const peer: Peer = this.peer = new Peer({
      role: "server",
      clock,
      transport: {
        send: (frame) => {
          this.bytes += frame.length;
          sent?.(frame);
        },
        buffered: 0,
        close: () => {},
      },
      limits,
      owner: answering(numbered(procedures), { clock, limits }),
      events: {
        hello: ({ payload }) => {
          peer.outbox.peer = readHello(payload).limits;
          peer.hold();
          if (resumable) peer.keepSession();
          peer.send(() => writeWelcome(new Uint8Array(16), 0, { limits: toldLimits(limits) }));
          peer.resume();
        },
        pong: () => {},
        token: () => {},
        fault: (error) => void this.errors.push(error),
        failed: (error) => void this.errors.push(error),
      },
    });
    this.receive(frameOf(hello({ limits: { window: 1 << 20 } })));
    peer.outbox.flush();
  }

  /** Takes a frame. */
  receive(frame: Uint8Array): void {
    this.peer.receive(frame);
  }
}

/** The procedures by name, with the numbers that an app would give them. */
function numbered(group: object): Map<string, Registered> {
  const definitions = [...serverProcedures(group)];
  return new Map(definitions.map(([name, definition], i) => [name, { name, number: i + 1, definition }]));
}

/** A clock without timers, whose turns end when they are told to: what a loop of calls costs least on. */
export class LoopClock implements Clock {
  /** The time; the owner moves it, or rates are exceeded. */
  time = 1_000;
  readonly #due: (() => void)[] = [];

  now(): number {
    return this.time;
  }

  setTimeout(): unknown {
    return undefined;
  }

  clearTimeout(): void {}

  immediate(run: () => void): void {
    this.#due.push(run);
  }

  random(): number {
    return 0.5;
  }

  /** Ends the turn. */
  turn(): void {
    for (let run = this.#due.pop(); run !== undefined; run = this.#due.pop()) run();
  }
}

/** A frame of small calls whose numbers are written over: made once, sent as often as wanted. */
export class CallFrame {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #places: number[] = [];

  /** Calls of `methods`, by name or number, one of each, with this input. */
  constructor(methods: readonly (string | number)[], input: unknown) {
    const payload = encode(input);
    const messages = methods.map((method) => {
      const name = encode(method);
      // Sequence and id are 32 bits wide; no options.
      const head = [0x96, 16, 0xce, 0, 0, 0, 0, 0xce, 0, 0, 0, 0, ...name, 0xc0, 0xc4, payload.length];
      return Uint8Array.from([...head, ...payload]);
    });
    this.bytes = new Uint8Array(messages.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const message of messages) {
      this.bytes.set(message, at);
      this.#places.push(at + 3);
      at += message.length;
    }
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Numbers the calls from `first` on. Returns the number after the last. */
  number(first: number): number {
    let id = first;
    for (const place of this.#places) {
      this.#view.setUint32(place, id);
      this.#view.setUint32(place + 5, id);
      id++;
    }
    return id;
  }
}
