/**
 * Publications of a channel that come as the difference to the one before: what they are rebuilt from, and what they save.
 *
 * @module
 */
import type { SubscribeOptionsOnWire } from "../rpc/channel_messages.ts";
import { applyDelta } from "../rpc/delta.ts";
import { ProtocolError } from "../rpc/protocol_error.ts";
import type { Unit } from "../rpc/receiver.ts";
import type { Traffic } from "./channel_types.ts";
import { Payload } from "./payload.ts";
import type { Target } from "./places.ts";
import type { LocalSubscription } from "./subscription.ts";

/** Differences of one connection that do not fit before the channel asks for none any more: its server makes no sense. */
const MOST_FAILURES = 3;

/** The differences of one channel on the wire. */
export class WireDeltas {
  /** What has come of the channel. */
  readonly traffic: Traffic = { bytes: 0, bytesSaved: 0 };
  readonly #mostBytes: number;
  /** Whether they are asked for on this connection. */
  #isAsked = false;
  #failures = 0;
  /** The message that came last on this subscription, while they are asked for. */
  #held: Payload | undefined;

  /** `mostBytes` is what a message may have. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** There is another connection. */
  connected(): void {
    this.#isAsked = false;
    this.#failures = 0;
  }

  /** Whether they are to be asked for, which they were not. */
  lacks({ wantsDelta }: LocalSubscription): boolean {
    return wantsDelta && !this.#isAsked && this.#failures < MOST_FAILURES;
  }

  /** The options of a SUBSCRIBE. */
  options({ rewind }: Target, locals: Iterable<LocalSubscription>): SubscribeOptionsOnWire | undefined {
    this.#isAsked = false;
    for (const local of locals) this.#isAsked ||= this.lacks(local);
    return this.#isAsked ? { ...rewind, delta: true } : rewind;
  }

  /** A message has come whole. */
  came(payload: Payload): void {
    this.traffic.bytes += payload.length;
    this.#hold(payload);
  }

  /** The message that a difference makes of the one before; `undefined` if it makes none. */
  rebuilt(unit: Unit): Payload | undefined {
    const base = this.#held;
    const message = base && this.#applied(base, unit);
    if (message === undefined) {
      this.#failures++;
      return undefined;
    }
    const size = unit.end - unit.start;
    this.traffic.bytes += size;
    this.traffic.bytesSaved += message.length - size;
    const payload = new Payload({ bytes: message, start: 0, end: message.length });
    this.#hold(payload);
    return payload;
  }

  /** What was subscribed to is over, and the message before with it. */
  stop(): void {
    this.#held = undefined;
  }

  /** A change is nothing to go by, and what it takes away is not kept. */
  #hold(payload: Payload): void {
    if (!this.#isAsked) return;
    this.#held = payload.change === undefined ? payload : undefined;
    this.#held?.keep();
  }

  #applied({ bytes, start, end }: Payload, unit: Unit): Uint8Array | undefined {
    try {
      return applyDelta(bytes.subarray(start, end), unit, this.#mostBytes);
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }
}

/** What has come of several channels together. */
export function totalOf(locals: readonly (LocalSubscription | undefined)[]): Traffic {
  const total = { bytes: 0, bytesSaved: 0 };
  for (const local of locals) {
    total.bytes += local?.traffic.bytes ?? 0;
    total.bytesSaved += local?.traffic.bytesSaved ?? 0;
  }
  return total;
}
