/**
 * Large messages, put together from fragments.
 *
 * @module
 */
import { MOST_GROUPS, MOST_UNFINISHED } from "./limits.ts";
import { ProtocolError } from "./protocol_error.ts";

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
