/**
 * What an outbox is made of, and what it asks of the peer it belongs to.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { CallError } from "./errors.ts";
import type { PeerLimits } from "./limits.ts";
import type { Arrived } from "./lost_messages.ts";
import type { StallOwner } from "./stall.ts";
import type { Transport } from "./transport.ts";

/** What an outbox asks of the peer it belongs to. */
export interface OutboxOwner extends StallOwner {
  /** Called before a frame leaves, to add acknowledgements and credits that became due in this turn. */
  beforeFlush(): void;
}

/** What an outbox is made of. */
export interface OutboxParts {
  /** Time. */
  readonly clock: Clock;
  /** What carries frames. */
  readonly transport: Transport;
  /** The peer it belongs to. */
  readonly owner: OutboxOwner;
  /** What the other side is assumed to accept until it tells. */
  readonly peer: PeerLimits;
  /** `false` holds back what exceeds the limits before WELCOME. */
  readonly welcomed: boolean;
}

/** A connection that carries on where another was lost. */
export interface Attachment {
  /** What carries frames now. */
  readonly transport: Transport;
  /** What the other side accepts. */
  readonly peer: PeerLimits;
  /** Writes what has to come first: WELCOME. */
  readonly greet?: (() => void) | undefined;
  /** What the other side has. */
  readonly arrived: Arrived;
}

/** What happens to a message that the peer would not accept. */
export function tooLarge(size: number, limit: number): CallError {
  return new CallError("TOO_LARGE", `Cannot send a message of ${size} bytes: the peer accepts ${limit}`);
}

/**
 * Writes a message that carries no sequence; `write` is one of `messages.ts`. Where it throws the message is dropped: nothing else could be sent.
 *
 * @throws {CallError} `TOO_LARGE` when the peer would not accept it, and what `write` throws.
 */
export function writeMessage(
  outbox: { open(): void; abandon(): void; seal(): void },
  write: () => void,
): void {
  outbox.open();
  try {
    write();
  } catch (error) {
    outbox.abandon();
    throw error;
  }
  outbox.seal();
}
