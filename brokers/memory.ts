/**
 * The broker of one process: channels, their history and the ledger in memory. What is appended is gone with the process.
 *
 * @module
 */
import {
  type Append,
  type Appended,
  type Broker,
  BrokerError,
  type BrokerListener,
  type Page,
  type Query,
} from "../rpc/broker.ts";
import { type Clock, systemClock } from "../rpc/clock.ts";
import { newEpoch, type Randomness, systemRandomness } from "./epoch.ts";
import { FanOut } from "./fan_out.ts";
import { MemoryLedger } from "./memory_ledger.ts";
import { LEAST_META, MemoryStream } from "./memory_stream.ts";
import { Link, Recency } from "./recency.ts";

/** How much a broker in memory holds, and where it takes time and chance from. */
export interface MemoryBrokerOptions {
  /** Channels that nobody listens to, at most: above it those used longest ago are forgotten, history and all. 100,000 by default. */
  readonly channels?: number;
  /** Bytes of history of channels that nobody listens to, all together: the same happens above it. 256 MiB by default. */
  readonly idleBytes?: number;
  /** Bytes of history of one channel: its oldest entries go above it, whatever its retention says. 64 MiB by default. */
  readonly historyBytes?: number;
  /**
   * Publishers, and keys of publications, that are remembered for each channel, so that their retries land once. Above it those used longest ago are forgotten: their
   * clients are told that it is not known (`ambiguous`), and a key lands again. 10,000 by default.
   */
  readonly producers?: number;
  /**
   * Calls with keys that are known, for 10 minutes each: 250,000 by default, of about 512 bytes. Above it new ones are refused. Nobody gets more of them
   * than are left free for others, so one alone gets half.
   */
  readonly claims?: number;
  /** Bytes of their replies, all together, shared in the same way: 128 MiB by default. What goes above it is known to have run. */
  readonly claimBytes?: number;
  /** Time that never goes back, and the timer of the sweep. */
  readonly clock?: Pick<Clock, "now" | "setTimeout" | "clearTimeout">;
  /** Milliseconds since 1970. */
  readonly date?: () => number;
  /** Where epochs come from: nobody may guess one. */
  readonly random?: Randomness;
  /** Told of what a listener threw; `console.error` by default. */
  readonly report?: (error: unknown) => void;
}

/** What a broker in memory holds. */
export interface MemoryBrokerStats {
  /** Channels that it knows. */
  readonly channels: number;
  /** Those of them that nobody listens to. */
  readonly idle: number;
  /** Entries of all histories. */
  readonly entries: number;
  /** Bytes of data in them. */
  readonly bytes: number;
  /** Records of producers. */
  readonly producers: number;
  /** Claims of calls that run once, running and settled. */
  readonly claims: number;
  /** Bytes of their replies and keys, and what the objects weigh. */
  readonly claimBytes: number;
}

/** Milliseconds from one sweep to the next, and from one part of it to the next. */
const SWEEP_MS = 10_000;
const PART_MS = 20;

/** Channels that one part looks at: about 1 ms. */
const PART = 4_096;

class Channel extends Link<Channel> {
  readonly name: string;
  readonly listeners: FanOut;
  /** Made when somebody asks for it: to listen and go leaves nothing. */
  stream: MemoryStream | undefined = undefined;
  /** When it was used last, by the clock that never goes back. */
  usedAt = 0;
  /** Its part of the bytes of idle channels. */
  counted = 0;

  constructor(name: string, report: (error: unknown) => void) {
    super();
    this.name = name;
    this.listeners = new FanOut(report);
  }
}

/** The default broker. Every method answers at once. */
export class MemoryBroker implements Broker {
  /** The replies of calls that run once. */
  readonly ledger: MemoryLedger;
  readonly #options: Required<MemoryBrokerOptions>;
  readonly #channels = new Map<string, Channel>();
  /** Channels that nobody listens to. */
  readonly #idle = new Recency<Channel>();
  #idleBytes = 0;
  #timer: unknown = undefined;
  /** Where the sweep stands, while it goes on. */
  #sweeping: Iterator<Channel> | undefined = undefined;
  #closed = false;

  /** Makes an empty one. */
  constructor(options: MemoryBrokerOptions = {}) {
    this.#options = {
      channels: 100_000,
      idleBytes: 256 * 1_048_576,
      historyBytes: 64 * 1_048_576,
      producers: 10_000,
      claims: 250_000,
      claimBytes: 128 * 1_048_576,
      clock: systemClock(),
      date: () => Date.now(),
      random: systemRandomness,
      report: (error) => console.error(error),
      ...options,
    };
    const { clock, claims, claimBytes: bytes } = this.#options;
    this.ledger = new MemoryLedger({ claims, bytes }, () => clock.now(), () => this.#arm(SWEEP_MS));
  }

  /** See {@linkcode Broker.append}. */
  append(name: string, append: Append): Appended {
    const channel = this.#use(name);
    const stream = this.#stream(channel);
    const known = append.producer && stream.find(append.producer, channel.usedAt);
    if (known !== undefined) return known;
    const entry = stream.append(append, this.#options.date(), channel.usedAt);
    const position = stream.top; // taken now: a listener may publish too
    this.#settle(channel);
    channel.listeners.push({ epoch: stream.epoch, entry });
    return { position, duplicate: false, durability: "memory" };
  }

  /** See {@linkcode Broker.subscribe}. */
  subscribe(name: string, listener: BrokerListener): void {
    const channel = this.#use(name);
    channel.listeners.add(listener);
    this.#settle(channel);
  }

  /** See {@linkcode Broker.unsubscribe}. */
  unsubscribe(name: string, listener: BrokerListener): void {
    const channel = this.#channels.get(name);
    if (!channel?.listeners.has(listener)) return;
    channel.listeners.remove(listener);
    channel.usedAt = this.#options.clock.now();
    if (channel.listeners.size === 0 && channel.stream === undefined) this.#drop(channel);
    else this.#settle(channel);
  }

  /** See {@linkcode Broker.read}. */
  read(name: string, query: Query): Page {
    const channel = this.#use(name);
    const page = this.#stream(channel).read(query, this.#options.date());
    this.#settle(channel);
    return page;
  }

  /** See {@linkcode Broker.signal}. */
  signal(name: string, data: Uint8Array, from: string | undefined): void {
    this.#mustBeOpen();
    this.#channels.get(name)?.listeners.push({ signal: data, from });
  }

  /** Forgets the history of a channel, its numbers and its producers: who has a position in it gets a reset. */
  forget(name: string): void {
    const channel = this.#channels.get(name);
    if (channel?.stream === undefined) return;
    channel.stream = undefined;
    if (channel.listeners.size === 0) this.#drop(channel);
    else channel.listeners.push("uncertain");
  }

  /** What it holds. It walks over all channels. */
  stats(): MemoryBrokerStats {
    let [entries, bytes, producers] = [0, 0, 0];
    for (const { stream } of this.#channels.values()) {
      entries += stream?.length ?? 0;
      bytes += stream?.bytes ?? 0;
      producers += stream?.producers ?? 0;
    }
    const { ledger } = this;
    return {
      channels: this.#channels.size,
      idle: this.#idle.size,
      entries,
      bytes,
      producers,
      claims: ledger.size,
      claimBytes: ledger.bytes,
    };
  }

  /** Frees everything. What is asked of it later ends with `UNAVAILABLE`. */
  close(): void {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = this.#sweeping = undefined;
    for (const channel of [...this.#channels.values()]) this.#drop(channel);
    this.ledger.clear();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new BrokerError("UNAVAILABLE", "The broker is closed: nothing was done");
  }

  /** The channel, made if need be. {@linkcode #settle} follows. */
  #use(name: string): Channel {
    this.#mustBeOpen();
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = new Channel(name, this.#options.report);
      this.#channels.set(name, channel);
      this.#arm(SWEEP_MS);
    }
    channel.usedAt = this.#options.clock.now();
    return channel;
  }

  #stream(channel: Channel): MemoryStream {
    if (channel.stream !== undefined) return channel.stream;
    const { historyBytes: bytes, producers, random } = this.#options;
    return channel.stream = new MemoryStream(newEpoch(random), { bytes, producers });
  }

  /** Puts the channel where it belongs after what was done to it, and holds the bounds. */
  #settle(channel: Channel): void {
    if (channel.listeners.size > 0) this.#idle.remove(channel);
    else this.#idle.touch(channel);
    this.#count(channel);
    const { channels, idleBytes } = this.#options;
    while (this.#idle.size > channels || this.#idleBytes > idleBytes) {
      const { oldest } = this.#idle;
      if (oldest === undefined || oldest === channel) return; // a bound admits one
      this.#drop(oldest);
    }
  }

  #count(channel: Channel): void {
    const bytes = channel.list === this.#idle ? channel.stream?.bytes ?? 0 : 0;
    this.#idleBytes += bytes - channel.counted;
    channel.counted = bytes;
  }

  #drop(channel: Channel): void {
    this.#channels.delete(channel.name);
    this.#idle.remove(channel);
    this.#count(channel);
  }

  /** One timer for all. It keeps no process alive where the runtime lets it be. */
  #arm(ms: number): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = this.#options.clock.setTimeout(() => this.#sweep(), ms);
    (this.#timer as { unref?(): void } | undefined)?.unref?.();
  }

  /** Looks at some channels: memory comes back from those that nobody uses, too, and no turn is long. */
  #sweep(): void {
    this.#timer = undefined;
    const [date, now] = [this.#options.date(), this.#options.clock.now()];
    this.#sweeping ??= this.#channels.values();
    for (let i = 0; i < PART; i++) {
      const { done, value: channel } = this.#sweeping.next();
      if (done) {
        this.#sweeping = undefined;
        break;
      }
      this.#look(channel, date, now);
    }
    if (this.#sweeping !== undefined) return this.#arm(PART_MS);
    this.ledger.sweep();
    if (this.#channels.size > 0 || this.ledger.size > 0) this.#arm(SWEEP_MS);
  }

  #look(channel: Channel, date: number, now: number): void {
    channel.stream?.trim(date);
    channel.stream?.expire(now);
    this.#count(channel);
    if (channel.list === this.#idle && channel.usedAt + (channel.stream?.metaMs ?? LEAST_META) <= now) {
      this.#drop(channel);
    }
  }
}
