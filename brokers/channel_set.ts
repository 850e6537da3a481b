/**
 * The channels that a broker in memory knows, and how much they may hold.
 *
 * @module
 */
import { FanOut } from "./fan_out.ts";
import type { MemoryStream } from "./memory_stream.ts";
import { Link, Recency } from "./recency.ts";
import { relieve } from "./relief.ts";
import { CHANNEL_BYTES, textBytes } from "./weights.ts";

/** A channel. */
export class Channel extends Link<Channel> {
  /** Its name. */
  readonly name: string;
  /** Who listens. */
  readonly listeners: FanOut;
  /** Made when somebody asks for it: to listen and go leaves nothing. */
  stream: MemoryStream | undefined = undefined;
  /** When it was used last, by the clock that never goes back. */
  usedAt = 0;
  /** The pattern that it was published under. */
  pattern: string | undefined = undefined;
  /** Its part of the bytes of all, and of those of idle ones. */
  counted = 0;
  /** See {@linkcode counted}. */
  countedIdle = 0;
  readonly #ownBytes: number;

  /** Nobody listens, and nothing was published. */
  constructor(name: string, report: (error: unknown) => void) {
    super();
    this.name = name;
    this.listeners = new FanOut(report);
    this.#ownBytes = CHANNEL_BYTES + textBytes(name);
  }

  /** What it weighs for the bounds: nothing before the first publication, so that who only reads or listens takes no room of what was published. */
  get bytes(): number {
    const { stream } = this;
    return stream === undefined || stream.isBlank
      ? 0
      : this.#ownBytes + stream.entryBytes + stream.recordBytes;
  }
}

/** How much channels may hold: see `MemoryBrokerOptions`. */
export interface ChannelBounds {
  /** Idle channels. */
  readonly channels: number;
  /** Idle channels that nobody has published to. */
  readonly blankChannels: number;
  /** Bytes of idle channels. */
  readonly idleBytes: number;
  /** Bytes of all. */
  readonly bytes: number;
}

/** Room is made down to this part of a bound, so that it is made seldom: to look at all channels takes long. */
const EASED = 7 / 8;

/** Channels by name. */
export class ChannelSet {
  readonly #bounds: ChannelBounds;
  readonly #dropped: (channel: Channel) => void;
  readonly #byName = new Map<string, Channel>();
  /** Channels that nobody listens to. */
  readonly #idle = new Recency<Channel>();
  /** Those of them that nobody has published to, apart: however many are read, none pushes out what was published. */
  readonly #blank = new Recency<Channel>();
  #bytes = 0;
  #idleBytes = 0;
  /** Room is made above this: above the bound where channels that are listened to weigh more without any entry and record. */
  #full: number;

  /** There are none. `dropped` is told of those that are forgotten. */
  constructor(bounds: ChannelBounds, dropped: (channel: Channel) => void) {
    this.#bounds = bounds;
    this.#dropped = dropped;
    this.#full = bounds.bytes;
  }

  /** Channels. */
  get size(): number {
    return this.#byName.size;
  }

  /** Channels that nobody listens to. */
  get idle(): number {
    return this.#idle.size + this.#blank.size;
  }

  /** What all of them weigh. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The channel of this name. */
  get(name: string): Channel | undefined {
    return this.#byName.get(name);
  }

  /** Adds one. {@linkcode settle} follows. */
  add(channel: Channel): void {
    this.#byName.set(channel.name, channel);
  }

  /** All of them. Others may come and go meanwhile. */
  values(): MapIterator<Channel> {
    return this.#byName.values();
  }

  /** Puts the channel where it belongs after it was used, and holds the bounds. */
  settle(channel: Channel): void {
    const list = channel.listeners.size > 0 ? undefined : channel.stream?.isBlank ? this.#blank : this.#idle;
    if (channel.list !== list) this.#unlist(channel);
    list?.touch(channel);
    this.count(channel);
    this.#hold(channel);
  }

  /** Notes what the channel weighs now. */
  count(channel: Channel): void {
    const { bytes } = channel;
    const idle = channel.list === this.#idle ? bytes : 0;
    if (bytes === channel.counted && idle === channel.countedIdle) return;
    this.#bytes += bytes - channel.counted;
    this.#idleBytes += idle - channel.countedIdle;
    channel.counted = bytes;
    channel.countedIdle = idle;
  }

  /** Forgets a channel and what it holds. */
  drop(channel: Channel): void {
    this.#byName.delete(channel.name);
    this.#unlist(channel);
    channel.stream = undefined;
    this.count(channel);
    this.#dropped(channel);
  }

  #unlist(channel: Channel): void {
    this.#idle.remove(channel);
    this.#blank.remove(channel);
  }

  /** Each bound is held by those that count for it alone: a look at another channel makes nothing go. */
  #hold(used: Channel): void {
    const { channels, blankChannels, idleBytes, bytes } = this.#bounds;
    if (used.list === this.#blank) {
      while (this.#blank.size > blankChannels && this.#dropOldest(this.#blank, used));
      return;
    }
    if (used.list === this.#idle) {
      while (this.#idle.size > channels && this.#dropOldest(this.#idle, used));
      if (this.#idleBytes > idleBytes) this.#easeIdle(used);
    }
    if (this.#bytes <= bytes) this.#full = bytes;
    else if (this.#bytes > this.#full) this.#easeAll(used);
  }

  #easeIdle(used: Channel): void {
    const eased = this.#bounds.idleBytes * EASED;
    this.#relieve([...this.#idle], this.#idleBytes - eased);
    while (this.#idleBytes > eased && this.#dropOldest(this.#idle, used));
  }

  #easeAll(used: Channel): void {
    const { bytes } = this.#bounds;
    const eased = bytes * EASED;
    this.#relieve([...this.#byName.values()], this.#bytes - eased);
    while (this.#bytes > eased && this.#dropOldest(this.#idle, used));
    this.#full = Math.max(bytes, this.#bytes + bytes - eased);
  }

  /** The one that is used stays: a bound admits one. */
  #dropOldest({ oldest }: Recency<Channel>, used: Channel): boolean {
    if (oldest === undefined || oldest === used) return false;
    this.drop(oldest);
    return true;
  }

  #relieve(channels: readonly Channel[], excess: number): void {
    const laden = channels.filter(({ bytes }) => bytes > 0);
    relieve(laden.map(({ stream }) => stream!), excess);
    for (const channel of laden) this.count(channel);
  }
}
