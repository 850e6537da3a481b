/**
 * What an outbox has of bulk: streams and fragments that wait for the window and the socket. Made for the first stream or large message: most
 * connections that are idle have never had one.
 *
 * @module
 */
import type { BulkLane, BulkSource } from "./bulk.ts";
import type { Clock } from "./clock.ts";
import { type Fate, Fragments } from "./fragments.ts";
import { Stall, type StallOwner } from "./stall.ts";
import { Window } from "./window.ts";

/** The bulk of one connection, or of a session and the connections that carry it. */
export class BulkQueue {
  /** What may be on its way. */
  readonly window: Window = new Window();
  readonly #clock: Clock;
  readonly #owner: StallOwner;
  readonly #sources: BulkSource[] = [];
  #fragments: Fragments | undefined;
  #stall: Stall | undefined;

  /** Nothing waits. */
  constructor(clock: Clock, owner: StallOwner) {
    this.#clock = clock;
    this.#owner = owner;
  }

  /** Whether any source has more to send. */
  get waits(): boolean {
    return this.#sources.length > 0;
  }

  /** Bytes of large messages that have not left. */
  get waiting(): number {
    return this.#fragments?.waiting ?? 0;
  }

  /** Whether it is watched that something is acknowledged. */
  get isWatched(): boolean {
    return this.#stall !== undefined && this.#stall.watching;
  }

  /** Queues a source; each is asked in turn. */
  add(source: BulkSource): void {
    this.#sources.push(source);
  }

  /** Takes the source whose turn it is. */
  next(): BulkSource {
    return this.#sources.shift()!;
  }

  /** Queues a large message, which leaves by `lane`; `started: false` keeps it until {@linkcode BulkQueue.start}. */
  addLarge(
    message: Uint8Array,
    fate: Fate | undefined,
    { lane, started }: { lane: BulkLane; started: boolean },
  ): void {
    this.#fragments ??= new Fragments(lane, { started });
    this.#fragments.add(message, fate);
  }

  /** The peer has told its limits: large messages leave, or are refused. */
  start(): void {
    this.#fragments?.start();
  }

  /** The peer has processed all reliable messages up to this sequence. */
  acknowledged(received: number): void {
    this.#fragments?.acknowledged(received, this.#clock.now());
  }

  /** Another connection carries on: what is on its way was sent again. */
  attach(now: number): void {
    this.window.restart();
    this.#fragments?.sentAgain(now);
  }

  /** The window is full: who acknowledges nothing is noticed. */
  watch(): void {
    this.#stall ??= new Stall(this.#clock, this.window, this.#owner);
    this.#stall.watch();
  }

  /** Nothing is waited for. */
  unwatch(): void {
    this.#stall?.forget();
  }

  /** The connection is gone, and no other will come. */
  end(): void {
    this.unwatch();
    this.#sources.length = 0;
    this.#fragments?.end();
  }
}
