/**
 * Large messages, cut into fragments on one side and put together on the other.
 *
 * @module
 */
import { begin, end } from "../msgpack/encoder.ts";
import { HEADROOM } from "./buffers.ts";
import type { BulkLane, BulkSource } from "./bulk.ts";
import { writeFragmentHead } from "./messages.ts";
import { ProtocolError } from "./protocol_error.ts";
import { InFlight } from "./window.ts";

const header = new Uint8Array(HEADROOM);

/**
 * Puts a header directly in front of a slice of a message that we own, over bytes that have left already, so that neither is
 * copied. `write` writes the header.
 *
 * @returns Header and slice, contiguous: a view of the message's buffer.
 */
export function headed(
  message: Uint8Array,
  slice: { from: number; to: number },
  write: () => void,
): Uint8Array {
  begin(header, 0);
  write();
  const size = end();
  const all = new Uint8Array(
    message.buffer,
    message.byteOffset + slice.from - size,
    size + slice.to - slice.from,
  );
  all.set(header.subarray(0, size));
  return all;
}

/** The sending side: all messages of one connection that leave in fragments. */
export class Fragments {
  readonly #outbox: BulkLane;
  readonly #inFlight: InFlight;
  #groups = 0;
  #waiting = 0;

  /** Sends through `outbox`. */
  constructor(outbox: BulkLane) {
    this.#outbox = outbox;
    this.#inFlight = new InFlight(outbox.window);
  }

  /** Bytes that have not left yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Queues a message. It belongs to the fragments from now on, and {@linkcode HEADROOM} bytes before it do. */
  add(message: Uint8Array, sent: (() => void) | undefined): void {
    this.#waiting += message.length;
    this.#outbox.enqueue(this.#group(message, sent));
  }

  /** The peer has processed all reliable messages up to this sequence. */
  acknowledged(received: number, now: number): void {
    this.#inFlight.acknowledged(received, now);
  }

  /** The connection is gone. */
  end(): void {
    this.#waiting = 0;
    this.#inFlight.release();
  }

  #group(message: Uint8Array, sent: (() => void) | undefined): BulkSource {
    let from = 0;
    let group = 0;
    const sendNext = (piece: number): boolean => {
      group ||= ++this.#groups; // numbered when its first fragment leaves, so that groups arrive in order
      const to = Math.min(message.length, from + Math.min(piece, this.#outbox.peer.message - HEADROOM));
      const seq = this.#outbox.takeSequence();
      const at = { remaining: message.length - to, length: to - from };
      this.#outbox.sendRaw(headed(message, { from, to }, () => writeFragmentHead(seq, group, at)));
      this.#inFlight.sent(seq, at.length, this.#outbox.now);
      this.#waiting -= at.length;
      from = to;
      if (at.remaining === 0) sent?.();
      return at.remaining > 0;
    };
    return { sendNext };
  }
}

/** One message of which fragments are missing. */
interface Unfinished {
  readonly message: Uint8Array;
  filled: number;
}

const MOST_GROUPS = 16;

/** The receiving side: puts messages together again, within bounds. */
export class Assembly {
  readonly #groups = new Map<number, Unfinished>();
  readonly #limit: number;
  #held = 0;
  #last = 0;

  /** `limit` is the largest message; all unfinished ones hold at most 4 times that. */
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
    if (this.#groups.size >= MOST_GROUPS || this.#held + size > 4 * this.#limit) {
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
