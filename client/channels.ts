/**
 * All channels of a client, on whatever connection there is.
 *
 * @module
 */
import { decodeRange } from "../msgpack/decoder.ts";
import type { Position } from "../rpc/broker.ts";
import type { Clock } from "../rpc/clock.ts";
import type { ChannelEvents } from "../rpc/dispatch_channels.ts";
import type { CallError } from "../rpc/errors.ts";
import type { Limits } from "../rpc/limits.ts";
import { encodeMessage } from "../rpc/message_data.ts";
import type { Unit } from "../rpc/receiver.ts";
import { ChannelConnection } from "./channel_connection.ts";
import { type OutboxSize, Publishing } from "./publishing.ts";
import { WireSubscription } from "./wire_subscription.ts";

/** What channels need of the client. */
export interface ChannelsParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Bounds of this side. */
  readonly limits: Limits;
  /** Calls a procedure of the library. */
  readonly call: (name: string, input: unknown) => PromiseLike<unknown>;
  /** Told of what handlers threw. */
  readonly report: (error: unknown) => void;
  /** How much may wait to be published. */
  readonly outbox: { readonly count: number; readonly bytes: number };
}

/** All channels of a client. */
export class Channels {
  readonly #parts: ChannelsParts;
  readonly #wires = new Map<string, WireSubscription>();
  /** A channel that was published to once stays: its numbers must not be used again. */
  readonly #publishing = new Map<string, Publishing>();
  readonly #signals = new Map<string, Set<(message: unknown) => void>>();
  readonly #outbox: OutboxSize;
  #connection: ChannelConnection | undefined;
  #ended: CallError | undefined;

  /** Waits for a connection. */
  constructor(parts: ChannelsParts) {
    this.#parts = parts;
    this.#outbox = { count: 0, bytes: 0, most: parts.outbox };
  }

  /**
   * There is a connection, and HELLO is on its way. Told again of the same one, it does nothing.
   *
   * @param send Sends a message on this connection alone.
   * @returns Who takes what comes on it.
   */
  connected(send: (write: () => void) => void): ChannelEvents {
    if (this.#connection !== undefined) return this.#connection;
    const connection = this.#connection = new ChannelConnection(
      send,
      (name, unit) => this.#signalled(name, unit),
    );
    for (const wire of [...this.#wires.values()]) wire.connected(connection);
    for (const publishing of this.#publishing.values()) publishing.connected();
    return connection;
  }

  /** It is gone. */
  disconnected(): void {
    this.#connection = undefined;
    for (const wire of [...this.#wires.values()]) wire.disconnected();
    for (const publishing of this.#publishing.values()) publishing.disconnected();
  }

  /** There will be none any more. */
  end(error: CallError): void {
    this.disconnected();
    this.#ended = error;
    for (const wire of [...this.#wires.values()]) wire.end(error);
    for (const publishing of this.#publishing.values()) publishing.end(error);
  }

  // For the channels that the program holds.

  /** What the channel of a name is on the wire, made when it is not there. */
  wire(name: string): WireSubscription {
    const found = this.#wires.get(name);
    if (found !== undefined) return found;
    const { clock, report, limits } = this.#parts;
    const wire = new WireSubscription(name, {
      clock,
      report,
      decode: ({ bytes, start, end }) =>
        start === end ? undefined : decodeRange(bytes, start, end, limits, undefined),
      idle: (idle) => {
        if (this.#wires.get(name) === idle) this.#wires.delete(name);
      },
    });
    this.#wires.set(name, wire);
    if (this.#connection !== undefined) wire.connected(this.#connection);
    return wire;
  }

  /** Why there will be no connection any more, once that is so. */
  get ended(): CallError | undefined {
    return this.#ended;
  }

  /** Publishes. */
  publish(name: string, message: unknown, options: object): ReturnType<Publishing["publish"]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    let publishing = this.#publishing.get(name);
    if (publishing === undefined) {
      const { clock, call } = this.#parts;
      publishing = new Publishing(name, { clock, call, size: this.#outbox });
      this.#publishing.set(name, publishing);
      if (this.#connection !== undefined) publishing.connected();
    }
    return publishing.publish(encodeMessage(message), options);
  }

  /** Calls `@history`. */
  history(input: object): PromiseLike<unknown> {
    return this.#parts.call("@history", input);
  }

  /** SIGNAL, if there is a connection. */
  signal(name: string, message: unknown): boolean {
    const data = encodeMessage(message); // before anything is written, since it may be refused
    if (this.#connection === undefined) return false;
    this.#connection.sendSignal(this.#wires.get(name)?.alias ?? name, data);
    return true;
  }

  /** Calls `run` with what is signalled, until the function that it returns is called. */
  onSignal(name: string, run: (message: unknown) => void): () => void {
    const listeners = this.#signals.get(name) ?? new Set();
    this.#signals.set(name, listeners);
    const listener = (message: unknown) => run(message); // the same function may be given twice
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#signals.get(name) === listeners) this.#signals.delete(name);
    };
  }

  /** Resolves when all subscriptions have come to these places, or will not. */
  async seen(places: ReadonlyMap<string, Position>): Promise<void> {
    await Promise.all([...places].map(([name, position]) => this.#wires.get(name)?.seenBy(position)));
  }

  /** What handlers and listeners threw. */
  report(error: unknown): void {
    this.#parts.report(error);
  }

  #signalled(name: string, { bytes, start, end }: Unit): void {
    for (const run of this.#signals.get(name) ?? []) {
      try {
        run(start === end ? undefined : decodeRange(bytes, start, end, this.#parts.limits, undefined));
      } catch (error) {
        this.#parts.report(error);
      }
    }
  }
}
