/**
 * All channels of a client, on whatever connection there is.
 *
 * @module
 */
import { decodeRange } from "../msgpack/decoder.ts";
import type { Position } from "../rpc/broker.ts";
import type { Published } from "../rpc/channel_types.ts";
import type { Clock } from "../rpc/clock.ts";
import type { ChannelReader } from "../rpc/dispatch.ts";
import { CallError } from "../rpc/errors.ts";
import type { Limits } from "../rpc/limits.ts";
import type { FilteredHistoryQuery, HistoryPage } from "../rpc/publisher.ts";
import type { Unit } from "../rpc/receiver.ts";
import { type PublishingOptions, RolledUp, type SendingOptions } from "./changes.ts";
import { ChannelConnection } from "./channel_connection.ts";
import type { Subscription } from "./channel_types.ts";
import { ConflatedPublishing } from "./conflation.ts";
import { readHistory } from "./history.ts";
import type { OutboxSize } from "./outbox.ts";
import { Presences } from "./presences.ts";
import type { PublishCall, Publishing } from "./publishing.ts";
import { Reacting, type Said } from "./reacting.ts";
import { LocalSubscription } from "./subscription.ts";
import { NO_EVENTS } from "./waiting_event.ts";
import type { Wanted } from "./wanted.ts";
import { EVERYTHING, readSelection, type Selection } from "./selection.ts";
import { Wildcard } from "./wildcard.ts";
import { WireSubscription } from "./wire_subscription.ts";

/** Channels whose numbers are kept; more where more wait for an answer. One weighs about 2 KB. */
const MOST_PUBLISHING = 1_000;

/** What channels need of the client. */
export interface ChannelsParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Bounds of this side. */
  readonly limits: Limits;
  /** Calls a procedure of the library. */
  readonly call: (name: string, input: unknown) => PublishCall;
  /** Told of what handlers threw. */
  readonly report: (error: unknown) => void;
  /** How much may wait to be published. */
  readonly outbox: { readonly count: number; readonly bytes: number };
}

/** All channels of a client. */
export class Channels {
  /** Who is there. */
  readonly presences: Presences;
  readonly #parts: ChannelsParts;
  readonly #wires = new Map<string, WireSubscription>();
  readonly #wildcards = new Set<Wildcard>();
  readonly #publishing = new Map<string, Publishing>();
  /** The highest number that a channel has given which is forgotten: those that are made begin above it, since none may be used again. */
  #lastForgotten = 0;
  readonly #signals = new Map<string, Set<(message: unknown) => void>>();
  readonly #outbox: OutboxSize;
  readonly #reacting: Reacting;
  readonly #rolledUp = new RolledUp((...given) => this.#send(...given));
  #connection: ChannelConnection | undefined;
  #mostCalls: () => number = () => 0;
  #ended: CallError | undefined;

  /** Waits for a connection. */
  constructor(parts: ChannelsParts) {
    this.#parts = parts;
    this.#reacting = new Reacting(parts);
    this.presences = new Presences(parts);
    this.#outbox = {
      count: 0,
      bytes: 0,
      most: parts.outbox,
      sent: 0,
      mostSent: () => Math.floor(this.#mostCalls() / 2),
      waiting: new Set(),
      replaced: new Set(),
    };
  }

  /**
   * There is a connection, and HELLO is on its way. Told again of the same one, it does nothing.
   *
   * @param send Sends a message on this connection alone.
   * @param mostCalls Calls that the server takes at once.
   * @returns Who takes what comes on it.
   */
  connected(send: (write: () => void) => void, mostCalls: () => number): ChannelReader {
    if (this.#connection !== undefined) return this.#connection;
    this.#mostCalls = mostCalls;
    const connection = this.#connection = new ChannelConnection(
      send,
      (name, unit) => this.#signalled(name, unit),
      this.#parts.limits,
    );
    for (const wire of [...this.#wires.values()]) wire.connected(connection);
    for (const wildcard of [...this.#wildcards]) wildcard.connected(connection);
    for (const publishing of this.#publishing.values()) publishing.connected();
    this.presences.connected(connection);
    return connection;
  }

  /** It is gone. */
  disconnected(): void {
    this.#connection = undefined;
    for (const wildcard of [...this.#wildcards]) wildcard.disconnected();
    for (const wire of [...this.#wires.values()]) wire.disconnected();
    for (const publishing of this.#publishing.values()) publishing.disconnected();
    this.presences.disconnected();
  }

  /** There will be none any more. */
  end(error: CallError): void {
    this.disconnected();
    this.#ended = error;
    for (const wildcard of [...this.#wildcards]) wildcard.fail(error);
    for (const wire of [...this.#wires.values()]) wire.end(error);
    for (const publishing of this.#publishing.values()) publishing.end(error);
    this.#reacting.end(error);
    this.presences.end(error);
  }

  // For the channels that the program holds.

  /** Subscribes; with a pattern to all channels of it that the name matches. Where the client is over the subscription is closed, and its `onError`, which may subscribe anew, is not called. */
  subscribe(name: string, wanted: Wanted, pattern?: string): Subscription<unknown> {
    return pattern === undefined ? this.join(name, wanted) : this.#joinAll(name, wanted, pattern);
  }

  /** Subscribes to one channel, as `Local` does it. */
  join(
    name: string,
    wanted: Wanted,
    Local: typeof LocalSubscription = LocalSubscription,
  ): LocalSubscription {
    const { start, handler, delta, signal, onError } = wanted;
    if (signal && !signal.addEventListener) {
      throw new TypeError("Cannot subscribe: the signal is no AbortSignal");
    }
    const selection = selectionOf(wanted);
    const isBad = selection instanceof CallError;
    const wire = isBad ? this.#makeWire(name) : this.#wire(name); // what is refused here belongs to no channel
    const tell = this.#ended ? () => {} : onError;
    const wants = isBad ? EVERYTHING : selection;
    const local = new Local(wire, { start, wants, handler, onError: tell });
    local.wantsDelta = delta;
    if (signal) {
      const abort = () => local.close();
      signal.addEventListener("abort", abort, { once: true });
      local.onClose = () => signal.removeEventListener("abort", abort);
    }
    if (isBad) void Promise.resolve().then(() => local.fail(selection)); // as the server would refuse it
    else wire.join(local);
    if (this.#ended !== undefined) wire.end(this.#ended);
    else if (signal?.aborted) local.close();
    return local;
  }

  #joinAll(match: string, wanted: Wanted, pattern: string): Wildcard {
    if (wanted.signal && !wanted.signal.addEventListener) {
      throw new TypeError("Cannot subscribe: the signal is no AbortSignal");
    }
    const { clock, report } = this.#parts;
    const wildcard = new Wildcard(pattern, match, wanted, {
      clock,
      report,
      subscribe: (name, wanted, Local) => this.join(name, wanted, Local),
      closed: () => this.#wildcards.delete(wildcard),
    });
    const selection = selectionOf(wanted);
    if (wanted.signal?.aborted) wildcard.close();
    else if (selection instanceof CallError) void Promise.resolve().then(() => wildcard.fail(selection));
    else if (this.#ended !== undefined) wildcard.fail(this.#ended, true);
    else {
      this.#wildcards.add(wildcard);
      if (this.#connection !== undefined) wildcard.connected(this.#connection);
    }
    return wildcard;
  }

  /** What the channel of a name is on the wire, made when it is not there. */
  #wire(name: string): WireSubscription {
    const found = this.#wires.get(name);
    if (found !== undefined) return found;
    const wire = this.#makeWire(name);
    this.#wires.set(name, wire);
    if (this.#connection !== undefined) wire.connected(this.#connection);
    return wire;
  }

  #makeWire(name: string): WireSubscription {
    const { clock, report, limits } = this.#parts;
    const wire: WireSubscription = new WireSubscription(name, {
      clock,
      report,
      mostBytes: limits.message,
      decode: ({ bytes, start, end }) =>
        start === end ? undefined : decodeRange(bytes, start, end, limits, undefined),
      idle: () => {
        if (this.#wires.get(name) === wire) this.#wires.delete(name);
      },
    });
    return wire;
  }

  /** Publishes what is encoded already, or changes a message by it. */
  publish(name: string, data: Uint8Array, options: PublishingOptions): Promise<Published> {
    return this.#rolledUp.send(name, data, options);
  }

  #send(name: string, data: Uint8Array, options: SendingOptions): Promise<Published> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    let publishing = this.#publishing.get(name);
    if (publishing === undefined) {
      const { clock, call } = this.#parts;
      this.#forget();
      publishing = new ConflatedPublishing(name, { clock, call, size: this.#outbox }, this.#lastForgotten);
      this.#publishing.set(name, publishing);
      if (this.#connection !== undefined) publishing.connected();
    }
    return publishing.publish(data, options);
  }

  /** Makes room for another: the oldest of those that wait for nothing go. */
  #forget(): void {
    for (const [name, publishing] of this.#publishing) {
      if (this.#publishing.size < MOST_PUBLISHING) return;
      if (!publishing.isIdle) continue;
      this.#publishing.delete(name);
      this.#lastForgotten = Math.max(this.#lastForgotten, publishing.last);
    }
  }

  /** Reacts to a message. */
  react(name: string, said: Said, undo?: boolean): Promise<Published> {
    return this.#reacting.react(name, said, undo);
  }

  /** A part of the history. */
  history(name: string, query: FilteredHistoryQuery<unknown>): Promise<HistoryPage<unknown>> {
    return readHistory(name, query, this.#parts.call);
  }

  /** SIGNAL of what is encoded already, if there is a connection. */
  signal(name: string, data: Uint8Array): boolean {
    if (this.#connection === undefined) return false;
    this.#connection.sendSignal(this.#wires.get(name)?.alias ?? name, data);
    return true;
  }

  /** Calls `run` with what is signalled, until the function that it returns is called. Subscribes, too. */
  onSignal(name: string, run: (message: unknown) => void): () => void {
    const listeners = this.#signals.get(name) ?? new Set();
    this.#signals.set(name, listeners);
    const listener = (message: unknown) => run(message); // the same function may be given twice
    listeners.add(listener);
    const subscription = this.subscribe(name, { start: {}, handler: NO_EVENTS, delta: false });
    return () => {
      subscription.close();
      listeners.delete(listener);
      if (listeners.size === 0 && this.#signals.get(name) === listeners) this.#signals.delete(name);
    };
  }

  /** Resolves when all subscriptions have come to these places, or will not. */
  async seen(places: ReadonlyMap<string, Position>): Promise<void> {
    await Promise.all([...places].map(([name, position]) => this.#wires.get(name)?.seenBy(position)));
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

function selectionOf(options: Wanted): Selection | CallError {
  try {
    return readSelection(options);
  } catch (cause) {
    return new CallError("BAD_INPUT", (cause as Error).message, { cause, ambiguous: false });
  }
}
