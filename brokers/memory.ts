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
import { ChannelIndex } from "./channel_index.ts";
import { Channel, ChannelSet } from "./channel_set.ts";
import { newEpoch, type Randomness, systemRandomness } from "./epoch.ts";
import { MemoryLedger } from "./memory_ledger.ts";
import { MemoryPresence } from "./memory_presence.ts";
import { LEAST_META, MemoryStream } from "./memory_stream.ts";

/** How much a broker in memory holds. Each is a whole number, 0 or more. */
export interface MemoryBounds {
  /** Channels that nobody listens to, at most: above it those used longest ago are forgotten, history and all. 100,000 by default. */
  readonly channels?: number;
  /**
   * Channels besides them that were read, and that nobody has published or listens to, at most: above it those used longest ago are forgotten. Who has a position
   * in one gets a `reset`, though nothing was missed. They make no other channel be forgotten, and count for no bound of bytes. 10,000 by default, of about 1.4 KB.
   */
  readonly blankChannels?: number;
  /**
   * Bytes of all channels, whether or not somebody listens: what their histories, publishers and the objects for them weigh, by an estimate that was measured
   * (`weights.ts`). 512 MiB by default; the ledger has bounds of its own. Above it room is made down to 7/8. First the oldest entries go, of those channels that
   * hold most: positions before them get a `reset`, and the numbers go on. When no entry is left anywhere, or where publishers weigh more than entries, those that
   * published longest ago are forgotten, in the channels that have most of them, as by `producers`; at last the channels that nobody listens to, used
   * longest ago. What is left above it then are channels that somebody listens to, of about 1.4 KB.
   */
  readonly bytes?: number;
  /** The same for channels that nobody listens to, which are a part of `bytes`: above it room is made among them alone. 256 MiB by default. */
  readonly idleBytes?: number;
  /** Bytes of the history of one channel, counted in the same way: its oldest entries go above it, whatever its retention says; one stays. 64 MiB by default. */
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
}

/** The defaults. */
const BOUNDS: Required<MemoryBounds> = {
  channels: 100_000,
  blankChannels: 10_000,
  bytes: 512 * 1_048_576,
  idleBytes: 256 * 1_048_576,
  historyBytes: 64 * 1_048_576,
  producers: 10_000,
  claims: 250_000,
  claimBytes: 128 * 1_048_576,
};

/** How much a broker in memory holds, and where it takes time and chance from. */
export interface MemoryBrokerOptions extends MemoryBounds {
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
  /** What channels weigh, by the estimate of {@linkcode MemoryBrokerOptions.bytes}. */
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

/**
 * The default broker of an app, with other bounds. What an app is given it does not close: `close()` ends its timer, after `shutdown()`.
 *
 * @example
 * ```ts
 * import { memoryBroker, millrace, procedure } from "@millrace/millrace";
 *
 * const broker = memoryBroker({ bytes: 64 * 1_048_576 });
 * const app = millrace({ broker, procedures: { hi: procedure(() => "hi") } });
 * await app.shutdown();
 * await broker.close();
 * ```
 *
 * @throws {TypeError} A name that is none of a bound.
 * @throws {RangeError} A bound that is no whole number of 0 or more.
 */
export function memoryBroker(bounds: MemoryBounds = {}): Broker {
  const given = Object.entries(bounds).filter(([, bound]) => bound !== undefined);
  for (const [name, bound] of given) {
    if (!Object.hasOwn(BOUNDS, name)) {
      throw new TypeError(`Cannot make a broker: it has no bound named "${name}"`);
    }
    if (Number.isSafeInteger(bound) && bound >= 0) continue;
    throw new RangeError(`Cannot make a broker: ${name} ${bound} is no whole number of 0 or more`);
  }
  return new MemoryBroker(Object.fromEntries(given));
}

/** The default broker. Every method answers at once. */
export class MemoryBroker implements Broker {
  /** The replies of calls that run once. */
  readonly ledger: MemoryLedger;
  /** The members of channels. */
  readonly presence: MemoryPresence;
  /** Which channels there are. */
  readonly directory: ChannelIndex;
  readonly #options: Required<MemoryBrokerOptions>;
  readonly #channels: ChannelSet;
  #timer: unknown = undefined;
  /** Where the sweep stands, while it goes on. */
  #sweeping: Iterator<Channel> | undefined = undefined;
  #closed = false;

  /** Makes an empty one. */
  constructor(options: MemoryBrokerOptions = {}) {
    this.#options = {
      ...BOUNDS,
      clock: systemClock(),
      date: () => Date.now(),
      random: systemRandomness,
      report: (error) => console.error(error),
      ...options,
    };
    const { clock, claims, claimBytes: bytes } = this.#options;
    const { random, report } = this.#options;
    this.presence = new MemoryPresence({
      now: () => clock.now(),
      newEpoch: () => newEpoch(random),
      report,
    });
    this.directory = new ChannelIndex(() => clock.now(), this.#options.report);
    this.#channels = new ChannelSet(this.#options, (channel) => this.#unlist(channel));
    this.ledger = new MemoryLedger({ claims, bytes }, () => clock.now(), () => this.#arm(SWEEP_MS));
  }

  /** See {@linkcode Broker.append}. */
  append(name: string, append: Append): Appended {
    const channel = this.#use(name);
    const stream = this.#stream(channel);
    const known = append.producer && stream.find(append.producer, channel.usedAt);
    if (known !== undefined) {
      this.#channels.settle(channel); // a retry is a use
      return known;
    }
    stream.check(append, this.#options.date());
    const entry = stream.append(append, this.#options.date(), channel.usedAt);
    const position = stream.top; // taken now: a listener may publish too
    this.#channels.settle(channel);
    channel.listeners.push({ epoch: stream.epoch, entry });
    if (append.pattern !== undefined) this.#list(channel, append.pattern, stream);
    return { position, duplicate: false, durability: "memory" };
  }

  /** See {@linkcode Broker.subscribe}. */
  subscribe(name: string, listener: BrokerListener): void {
    const channel = this.#use(name);
    channel.listeners.add(listener);
    this.#channels.settle(channel);
  }

  /** See {@linkcode Broker.unsubscribe}. */
  unsubscribe(name: string, listener: BrokerListener): void {
    const channel = this.#channels.get(name);
    if (!channel?.listeners.has(listener)) return;
    channel.listeners.remove(listener);
    channel.usedAt = this.#options.clock.now();
    if (channel.listeners.size === 0 && channel.stream === undefined) this.#channels.drop(channel);
    else this.#channels.settle(channel);
  }

  /** See {@linkcode Broker.read}. */
  read(name: string, query: Query): Page {
    const channel = this.#use(name);
    const page = this.#stream(channel).read(query, this.#options.date());
    this.#channels.settle(channel);
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
    if (channel.listeners.size === 0) return this.#channels.drop(channel);
    channel.stream = undefined;
    this.#channels.count(channel);
    this.#unlist(channel);
    channel.listeners.push("uncertain");
  }

  /** What it holds. It walks over all channels. */
  stats(): MemoryBrokerStats {
    let [entries, producers] = [0, 0];
    for (const { stream } of this.#channels.values()) {
      entries += stream?.length ?? 0;
      producers += stream?.producers ?? 0;
    }
    const { ledger } = this;
    return {
      channels: this.#channels.size,
      idle: this.#channels.idle,
      entries,
      bytes: this.#channels.bytes,
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
    for (const channel of [...this.#channels.values()]) this.#channels.drop(channel);
    this.ledger.clear();
    this.presence.close();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new BrokerError("UNAVAILABLE", "The broker is closed: nothing was done");
  }

  /** The channel, made if need be. {@linkcode ChannelSet.settle} follows. */
  #use(name: string): Channel {
    this.#mustBeOpen();
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = new Channel(name, this.#options.report);
      this.#channels.add(channel);
      this.#arm(SWEEP_MS);
    }
    channel.usedAt = this.#options.clock.now();
    return channel;
  }

  #list(channel: Channel, pattern: string, { metaMs: ms, top }: MemoryStream): void {
    channel.pattern = pattern;
    this.directory.note(pattern, channel.name, { ms, isFirst: top.offset === 1 });
  }

  #unlist({ pattern, name }: Channel): void {
    if (pattern !== undefined) this.directory.forget(pattern, name);
  }

  #stream(channel: Channel): MemoryStream {
    if (channel.stream !== undefined) return channel.stream;
    const { historyBytes: bytes, producers, random } = this.#options;
    return channel.stream = new MemoryStream(newEpoch(random), { bytes, producers });
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
    this.#channels.count(channel);
    if (channel.listeners.size === 0 && channel.usedAt + (channel.stream?.metaMs ?? LEAST_META) <= now) {
      this.#channels.drop(channel);
    }
  }
}
