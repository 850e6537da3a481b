/**
 * The channels of one connection of a client: what they send there, and whom what comes is for.
 *
 * @module
 */
import {
  writeSeen,
  writeSignal,
  writeSubscribe,
  writeUnsubscribe,
  writeUnwildcard,
  writeWildcard,
} from "../rpc/channel_messages.ts";
import type { ChannelReader } from "../rpc/dispatch.ts";
import {
  type ChangeHead,
  type ChannelEvents,
  dispatchChannel,
  type Gap,
  type Subscribed,
} from "../rpc/dispatch_channels.ts";
import { CallError } from "../rpc/errors.ts";
import type { Limits } from "../rpc/limits.ts";
import type { Unit } from "../rpc/receiver.ts";
import { asMap } from "../rpc/options.ts";
import { type WatchOptions, writeUnwatch, writeWatch } from "../rpc/presence_messages.ts";
import { decodeRange } from "../msgpack/decoder.ts";
import type { WildcardConnection, WildcardWire } from "./wildcard_parts.ts";
import type { Wire, WireConnection } from "./wire_parts.ts";
import type { PresenceConnection, WirePresence } from "./wire_presence.ts";

/** What is subscribed on one connection, by the numbers that are used there. What quotes another is late, and ignored. */
export class ChannelConnection
  implements WireConnection, WildcardConnection, PresenceConnection, ChannelEvents, ChannelReader {
  readonly #send: (write: () => void) => void;
  readonly #heard: (channel: string, unit: Unit) => void;
  readonly #subs = new Map<number, Wire>();
  readonly #aliases = new Map<number, Wire>();
  readonly #wildcards = new Map<number, WildcardWire>();
  #last = 0;
  readonly #limits: Limits;
  readonly #watches = new Map<number, WirePresence>();
  readonly #presences = new Map<number, WirePresence>();
  #lastWatch = 0;
  #lastWildcard = 0;

  /** `heard` takes the signals of a channel. */
  constructor(
    send: (write: () => void) => void,
    heard: (channel: string, unit: Unit) => void,
    limits: Limits,
  ) {
    this.#send = send;
    this.#heard = heard;
    this.#limits = limits;
  }

  // What channels send.

  ask(wire: Wire, from: Parameters<WireConnection["ask"]>[1]): number {
    const sub = ++this.#last;
    this.#subs.set(sub, wire);
    const { position, options } = from;
    this.#send(() => writeSubscribe(sub, wire.name, { position, options: { ...options, changes: true } }));
    return sub;
  }

  giveUp(sub: number): void {
    if (this.#subs.delete(sub)) this.#send(() => writeUnsubscribe(sub));
  }

  bind(alias: number, wire: Wire): void {
    this.#aliases.set(alias, wire);
  }

  unbind(alias: number, wire: Wire): void {
    if (this.#aliases.get(alias) === wire) this.#aliases.delete(alias);
  }

  acknowledge(alias: number, offset: number): void {
    this.#send(() => writeSeen(alias, offset));
  }

  askAll(wildcard: WildcardWire): number {
    const n = ++this.#lastWildcard;
    this.#wildcards.set(n, wildcard);
    this.#send(() => writeWildcard(n, wildcard.pattern, wildcard.match));
    return n;
  }

  giveUpAll(n: number): void {
    if (this.#wildcards.delete(n)) this.#send(() => writeUnwildcard(n, new CallError("CANCELLED", "")));
  }

  /** SIGNAL. */
  sendSignal(channel: string | number, data: Uint8Array): void {
    this.#send(() => writeSignal(channel, data));
  }

  askPresence(wire: WirePresence, options: WatchOptions | undefined): number {
    const watch = ++this.#lastWatch;
    this.#watches.set(watch, wire);
    this.#send(() => writeWatch(watch, wire.name, options));
    return watch;
  }

  giveUpPresence(watch: number): void {
    if (this.#watches.delete(watch)) this.#send(() => writeUnwatch(watch));
  }

  bindPresence(alias: number, wire: WirePresence): void {
    this.#presences.set(alias, wire);
  }

  unbindPresence(alias: number, wire: WirePresence): void {
    if (this.#presences.get(alias) === wire) this.#presences.delete(alias);
  }

  // What the server sends.

  read(kind: number, frame: Uint8Array, limits: Limits): number {
    return dispatchChannel(kind, frame, limits, this);
  }

  subscribed(subscribed: Subscribed): void {
    this.#subs.get(subscribed.sub)?.subscribed(subscribed);
  }

  unsubscribed(sub: number, error: CallError): void {
    const wire = this.#subs.get(sub);
    this.#subs.delete(sub);
    wire?.unsubscribed(error);
  }

  publication(alias: number, offset: number, fingerprint: number, unit: Unit, change?: ChangeHead): void {
    this.#aliases.get(alias)?.publication(offset, fingerprint, unit, change);
  }

  delta(alias: number, offset: number, fingerprint: number, unit: Unit): void {
    this.#aliases.get(alias)?.delta(offset, fingerprint, unit);
  }

  gap(gap: Gap): void {
    this.#aliases.get(gap.alias)?.gap(gap);
  }

  skip(alias: number, to: number, fingerprint: number): void {
    this.#aliases.get(alias)?.skip(to, fingerprint);
  }

  matched(n: number, state: number, name: string): void {
    this.#wildcards.get(n)?.matched(state, name);
  }

  unwildcard(n: number, error: CallError): void {
    const wildcard = this.#wildcards.get(n);
    this.#wildcards.delete(n);
    wildcard?.refused(error);
  }

  signalled(alias: number, unit: Unit): void {
    const wire = this.#aliases.get(alias);
    if (wire !== undefined) this.#heard(wire.name, unit);
  }

  watched(watch: number, alias: number, unit: Unit): void {
    const wire = this.#watches.get(watch);
    if (alias === 0) this.#watches.delete(watch);
    wire?.watched(alias, this.#told(unit));
  }

  presence(alias: number, unit: Unit): void {
    this.#presences.get(alias)?.told(this.#told(unit));
  }

  #told({ bytes, start, end }: Unit): Readonly<Record<string, unknown>> {
    return asMap(
      start === end ? undefined : decodeRange(bytes, start, end, this.#limits, undefined),
      "presence",
    );
  }
}
