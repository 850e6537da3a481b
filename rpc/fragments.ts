/**
 * Large messages, cut into fragments. The other side puts them together: `assembly.ts`.
 *
 * @module
 */
import { FRAGMENT_HEAD } from "./buffers.ts";
import type { BulkLane, BulkSource } from "./bulk.ts";
import type { CallError } from "./errors.ts";
import { MOST_GROUPS, MOST_UNFINISHED } from "./limits.ts";
import { writeFragmentHead } from "./messages.ts";
import { InFlight } from "./window.ts";

/** What becomes of a message: one of the two is called, once, unless the connection ends before. */
export interface Fate {
  /** All of it has left. */
  readonly sent?: (() => void) | undefined;
  /** None of it leaves: WELCOME told that the peer accepts less, or the connection went while it was written: `error`. */
  readonly refused?: ((error?: CallError) => void) | undefined;
}

/** A message that waits for its first fragment to leave. */
interface Large extends Fate {
  readonly message: Uint8Array;
}

/** The sending side: all messages of one connection that leave in fragments. */
export class Fragments {
  readonly #outbox: BulkLane;
  readonly #inFlight: InFlight;
  readonly #queue: Large[] = [];
  #groups = 0;
  #open = 0;
  #openBytes = 0;
  #waiting = 0;
  #started: boolean;

  /** Sends through `outbox`; `started: false` waits for {@linkcode Fragments.start}. */
  constructor(outbox: BulkLane, { started }: { started: boolean }) {
    this.#outbox = outbox;
    this.#inFlight = new InFlight(outbox.window);
    this.#started = started;
  }

  /** Bytes that have not left yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Queues a message. It belongs to the fragments from now on, and `HEADROOM` bytes before it do. */
  add(message: Uint8Array, fate: Fate | undefined): void {
    this.#waiting += message.length;
    this.#queue.push({ message, ...fate });
    this.#openNext();
  }

  /** The peer has told its limits: what it would not accept is refused, the rest may leave. */
  start(): void {
    this.#started = true;
    for (const large of this.#queue.splice(0)) {
      if (large.message.length <= this.#outbox.peer.message) {
        this.#queue.push(large);
      } else {
        this.#waiting -= large.message.length;
        large.refused?.();
      }
    }
    this.#openNext();
  }

  /** The peer has processed all reliable messages up to this sequence. */
  acknowledged(received: number, now: number): void {
    this.#inFlight.acknowledged(received, now);
  }

  /** What is on its way was sent again. */
  sentAgain(now: number): void {
    this.#inFlight.sentAgain(now);
  }

  /** The connection is gone. */
  end(): void {
    this.#queue.length = 0;
    this.#waiting = 0;
    this.#inFlight.release();
  }

  /** Lets messages begin, in order, as far as the peer puts them together at once. */
  #openNext(): void {
    for (let next = this.#queue[0]; next !== undefined && this.#mayOpen(next); next = this.#queue[0]) {
      this.#queue.shift();
      this.#open++;
      this.#openBytes += next.message.length;
      this.#outbox.enqueue(this.#group(next));
    }
  }

  #mayOpen({ message }: Large): boolean {
    if (!this.#started || this.#open >= MOST_GROUPS) return false;
    return this.#openBytes + message.length <= MOST_UNFINISHED * this.#outbox.peer.message;
  }

  #group({ message, sent }: Large): BulkSource {
    let from = 0;
    let group = 0;
    const sendNext = (piece: number): boolean => {
      group ||= ++this.#groups; // numbered when its first fragment leaves, so that groups arrive in order
      const to = Math.min(message.length, from + Math.min(piece, this.#outbox.peer.message - FRAGMENT_HEAD));
      const seq = this.#outbox.takeSequence();
      const at = { remaining: message.length - to, length: to - from };
      const writeHead = () => writeFragmentHead(seq, group, at);
      this.#outbox.sendSlice({ message, from, to, writeHead, seq, stream: 0, n: 0 });
      this.#inFlight.sent(seq, at.length, this.#outbox.now);
      this.#waiting -= at.length;
      from = to;
      if (at.remaining > 0) return true;
      this.#open--;
      this.#openBytes -= message.length;
      sent?.();
      this.#openNext();
      return false;
    };
    return { sendNext };
  }
}
