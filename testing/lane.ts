/**
 * One direction of a simulated connection: bytes on their way, in order, until somebody cuts it.
 *
 * @module
 */
import type { VirtualClock } from "./clock.ts";
import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";

/** What the way between two machines is like. */
export interface Conditions {
  /** Milliseconds that bytes take. */
  readonly delay: number;
  /** Milliseconds more, by chance; the order is kept all the same. */
  readonly jitter: number;
  /** Bytes that leave in a millisecond. */
  readonly rate: number;
  /** A proxy on the way that cuts what has been idle for so many milliseconds; `Infinity` for none. */
  readonly idle: number;
}

/** What arrives. */
export type Arrival =
  | { readonly is: "frame"; readonly frame: Uint8Array }
  | { readonly is: "close"; readonly code: number; readonly reason: string }
  /** The connection is gone, and the receiver is told. */
  | { readonly is: "reset" };

interface Item {
  readonly arrival: Arrival;
  readonly size: number;
  readonly at: number;
}

/** Bytes that the system holds for a socket at both ends before the sender sees them wait. */
const SYSTEM = 128 * 1024;
/** How often what has arrived together is read in one turn. */
const TOGETHER = 0.3;

/** One direction. */
export class Lane {
  /** What takes an arrival, on the machine of the receiver. */
  deliver: (arrival: Arrival) => void = () => {};
  /** Nothing waits in front of the system any more: asked for once by {@linkcode Lane.requestDrain}. */
  drained: () => void = () => {};
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #receiver: Machine;
  readonly #conditions: Conditions;
  #queue: Item[] = [];
  #waiting = 0;
  /** When the last byte that was sent will have left. */
  #free = 0;
  #lastArrival = 0;
  #stalledUntil = 0;
  #timer: unknown;
  #left = Infinity;
  #isDead = false;
  #wantsDrain = false;

  /** An empty lane to `receiver`. */
  constructor(
    clock: VirtualClock,
    { random, receiver, conditions }: { random: Random; receiver: Machine; conditions: Conditions },
  ) {
    this.#clock = clock;
    this.#random = random;
    this.#receiver = receiver;
    this.#conditions = conditions;
  }

  /** Whether everything that is sent is lost. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** Whether nothing is on its way. */
  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** Bytes that the sender sees wait. */
  get buffered(): number {
    return Math.max(0, this.#waiting - SYSTEM);
  }

  /** Sends a frame, which is copied: the sender overwrites it at once. */
  send(frame: Uint8Array): void {
    if (this.#isDead) return;
    if (frame.length > this.#left) return this.#break();
    this.#left -= frame.length;
    this.#push({ is: "frame", frame: frame.slice() }, frame.length + 6);
  }

  /** Sends the close frame behind everything else. */
  end(code: number, reason: string): void {
    if (!this.#isDead) this.#push({ is: "close", code, reason }, 8);
  }

  /** Drops what the system has not taken yet, and sends the close frame: how a peer that is too slow is cut. */
  giveUp(code: number, reason: string): void {
    let kept = 0;
    while (kept < this.#queue.length && this.#waiting > SYSTEM) {
      const dropped = this.#queue.pop()!;
      this.#waiting -= dropped.size;
      kept++;
    }
    this.end(code, reason);
  }

  /** Has {@linkcode Lane.drained} called once nothing is {@linkcode Lane.buffered}. */
  requestDrain(): void {
    this.#wantsDrain = true;
    if (this.buffered === 0) this.#clock.immediate(() => this.#tellDrained());
  }

  /** Nothing that is in it, or sent from now on, arrives. Nobody is told. */
  cut(): void {
    this.#isDead = true;
    this.#queue = [];
    this.#waiting = 0;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The receiver is told that the connection is gone, once what is on its way has arrived. */
  reset(): void {
    if (!this.#isDead) this.#push({ is: "reset" }, 0);
    this.#isDead = true;
  }

  /**
   * Breaks once so many more bytes have been sent. A frame of which a byte is missing is lost whole; those before it arrive, then the receiver is told,
   * and {@linkcode Lane.broken} is called.
   */
  breakAfter(bytes: number): void {
    this.#left = bytes;
  }

  /** Called when {@linkcode Lane.breakAfter} comes true. */
  broken: () => void = () => {};

  /** Holds everything back for `ms`, as a lost packet does until it is sent again; then it arrives, in order. */
  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#clock.now() + ms);
  }

  #break(): void {
    this.reset();
    this.broken();
  }

  #push(arrival: Arrival, size: number): void {
    const { delay, jitter, rate } = this.#conditions;
    const now = this.#clock.now();
    this.#free = Math.max(this.#free, now) + size / rate;
    const at = Math.max(this.#lastArrival, this.#free + delay + this.#random.next() * jitter);
    this.#lastArrival = at;
    this.#waiting += size;
    this.#queue.push({ arrival, size, at });
    this.#arm();
  }

  #arm(): void {
    const first = this.#queue[0];
    if (first === undefined || this.#timer !== undefined) return;
    this.#timer = this.#clock.setTimeout(() => this.#arrive(), first.at - this.#clock.now());
  }

  #arrive(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    if (now < this.#stalledUntil) {
      this.#timer = this.#clock.setTimeout(() => this.#arrive(), this.#stalledUntil - now);
      return;
    }
    do {
      const item = this.#queue.shift()!;
      this.#receiver.do(() => this.#take(item));
    } while (this.#queue.length > 0 && this.#queue[0]!.at <= now && this.#random.chance(TOGETHER));
    this.#arm();
  }

  #take(item: Item): void {
    this.#waiting = Math.max(0, this.#waiting - item.size);
    this.deliver(item.arrival);
    if (this.#wantsDrain && this.buffered === 0) this.#tellDrained();
  }

  #tellDrained(): void {
    if (!this.#wantsDrain || this.buffered > 0 || this.#isDead) return;
    this.#wantsDrain = false;
    this.drained();
  }
}
