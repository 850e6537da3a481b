/**
 * Large messages, cut into fragments on one side and put together on the other.
 *
 * @module
 */
import { FRAGMENT_HEAD } from "./buffers.ts";
import type { BulkLane, BulkSource } from "./bulk.ts";
import type { CallError } from "./errors.ts";
import { writeFragmentHead } from "./messages.ts";
import { ProtocolError } from "./protocol_error.ts";
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

/** How many messages may be unfinished at once, and how many times the largest one all of them together. */
const MOST_GROUPS = 16;
const MOST_UNFINISHED = 4;

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
  add(message: Uint8Array, fate: Fate): void {
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

/** One message of which fragments are missing. */
interface Unfinished {
  readonly message: Uint8Array;
  filled: number;
}

/** The receiving side: puts messages together again, within bounds. */
export class Assembly {
  readonly #groups = new Map<number, Unfinished>();
  readonly #limit: number;
  #held = 0;
  #last = 0;

  /** `limit` is the largest message; all unfinished ones together hold at most {@linkcode MOST_UNFINISHED} times that. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes held for unfinished messages. */
  get held(): number {
    return this.#held;
  }

  /**
   * Takes one fragment.
   *
   * @param bytes Borrowed until the call returns: copied into the message, the one copy that a large message costs.
   * @returns The message when this was its last fragment, the receiver's own; otherwise `undefined`.
   * @throws {ProtocolError} If the fragment breaks a rule or a bound.
   */
  add(group: number, remaining: number, bytes: Uint8Array): Uint8Array | undefined {
    const unfinished = this.#groups.get(group) ?? this.#start(group, bytes.length + remaining);
    const { message, filled } = unfinished;
    if (filled + bytes.length + remaining !== message.length) {
      throw new ProtocolError("A fragment has a wrong size");
    }
    if (bytes.length === 0 && remaining > 0) throw new ProtocolError("A fragment is empty");
    message.set(bytes, filled);
    unfinished.filled += bytes.length;
    if (remaining > 0) return undefined;
    this.#groups.delete(group);
    this.#held -= message.length;
    return message;
  }

  /** The connection is gone. */
  end(): void {
    this.#groups.clear();
    this.#held = 0;
  }

  #start(group: number, size: number): Unfinished {
    if (group <= this.#last) throw new ProtocolError("A group of fragments is used again");
    if (size > this.#limit) throw new ProtocolError("A message in fragments is over the limit", 1009);
    if (this.#groups.size >= MOST_GROUPS || this.#held + size > MOST_UNFINISHED * this.#limit) {
      throw new ProtocolError("Too many unfinished messages", 4531);
    }
    this.#last = group;
    this.#held += size;
    // Allocated for what is declared, which is bounded, zeroed lazily by the system, and paid for by 16 groups at most.
    const unfinished = { message: new Uint8Array(size), filled: 0 };
    this.#groups.set(group, unfinished);
    return unfinished;
  }
}
