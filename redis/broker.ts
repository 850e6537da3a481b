/**
 * The broker on Redis: channels that several nodes share, with their history, and the replies of calls that run once.
 *
 * @module
 */
import { FanOut } from "../brokers/fan_out.ts";
import { newEpoch, type Randomness } from "../brokers/epoch.ts";
import {
  type Append,
  type Appended,
  type Broker,
  BrokerError,
  type BrokerListener,
  type Page,
  type Producer,
  type Query,
} from "../rpc/broker.ts";
import type { Clock } from "../rpc/clock.ts";
import { Commands, unavailable } from "./commands.ts";
import { entryOf, readPush, signalText, textOf } from "./entries.ts";
import { type ChannelKeys, channelKeys } from "./keys.ts";
import { RedisLedger } from "./ledger.ts";
import { LEDGER_SCRIPTS } from "./ledger_scripts.ts";
import type { RedisLink, RedisSubscriber } from "./link.ts";
import { APPEND, READ, SIGNAL } from "./scripts.ts";
import { askServer } from "./server_check.ts";

/** What a broker on Redis is made of. */
export interface RedisBrokerParts {
  /** Redis. */
  readonly link: RedisLink;
  /** What all keys begin with. */
  readonly prefix: string;
  /** Milliseconds that Redis may take to answer. */
  readonly timeout: number;
  /** Time and chance. */
  readonly clock: Clock;
  /** Where epochs come from. */
  readonly random: Randomness;
  /** Told of what a listener threw, and of a server that cannot carry channels. */
  readonly report: (error: unknown) => void;
}

/** Who listens here to a channel. */
interface Listening {
  readonly channel: string;
  readonly keys: ChannelKeys;
  readonly listeners: FanOut;
  /** Set while Redis is asked for pushes, and when it has confirmed them. */
  confirmed: Promise<void> | undefined;
}

/** Milliseconds from one look at who the server is to the next: behind a proxy another one may take over in silence. */
const LOOK = 10_000;
/** Commands that may wait for Redis, and characters of them. */
const MOST = 16_384;
const MOST_BYTES = 64 * 1_048_576;
/** The record of a producer lives at least this long. */
const LEAST_META = 600_000;

const SCRIPTS = [APPEND, READ, SIGNAL, ...LEDGER_SCRIPTS];

/** Channels in Redis. */
export class RedisBroker implements Broker {
  /** See {@linkcode Broker.ledger}. */
  readonly ledger: RedisLedger;
  readonly #parts: RedisBrokerParts;
  readonly #commands: Commands;
  readonly #subscriber: RedisSubscriber;
  readonly #listening = new Map<string, Listening>();
  /** The same by the names of their pushes. */
  readonly #pushed = new Map<string, Listening>();
  readonly #stopLooking: () => void;
  /** Which server it was. */
  #history = "";
  #timer: unknown;
  #closed = false;

  private constructor(parts: RedisBrokerParts) {
    const { link, clock, timeout, prefix } = parts;
    this.#parts = parts;
    this.#commands = new Commands(link, { timeout, clock, most: MOST, mostBytes: MOST_BYTES });
    this.#subscriber = link.subscriber({
      message: (channel, payload) => this.#message(channel, payload),
      restored: () => this.#uncertain(),
      lost: () => {}, // `restored` follows, and publishers are told by their own
    });
    const node = newEpoch(parts.random);
    this.ledger = new RedisLedger({
      commands: this.#commands,
      subscriber: this.#subscriber,
      clock,
      prefix,
      node,
    });
    this.#stopLooking = link.onConnect(() => void this.#lookAgain());
  }

  /**
   * Joins Redis.
   *
   * @throws {Error} The server cannot carry channels, or does not answer.
   */
  static async open(parts: RedisBrokerParts): Promise<RedisBroker> {
    const broker = new RedisBroker(parts);
    try {
      await broker.#inTime(parts.link.ready(), "Redis cannot be reached");
      broker.#history = (await askServer(parts.link)).history;
      await broker.#commands.load(SCRIPTS);
    } catch (error) {
      await broker.close();
      throw error;
    }
    broker.#arm();
    return broker;
  }

  /** See {@linkcode Broker.append}. */
  async append(channel: string, append: Append): Promise<Appended> {
    const { life, entries, producers, pushes } = this.#keys(channel);
    const { data, fingerprint, producer, retention: { messages, ms, metaMs } } = append;
    const meta = Math.max(metaMs, ms, LEAST_META);
    const fixed = [
      this.#newEpoch(),
      pushes,
      String(fingerprint),
      textOf(data),
      ...[messages, ms, meta].map(String),
    ];
    const reply = await this.#commands.run({
      script: APPEND,
      keys: [life, entries, producer === undefined ? life : producers + producer.id],
      args: (age) => [...fixed, ...identity(producer, age)],
    }) as readonly string[];
    return appended(reply, producer);
  }

  /** See {@linkcode Broker.subscribe}. */
  async subscribe(channel: string, listener: BrokerListener): Promise<void> {
    this.#mustBeOpen();
    let listening = this.#listening.get(channel);
    if (listening === undefined) {
      const keys = this.#keys(channel);
      listening = { channel, keys, listeners: new FanOut(this.#parts.report), confirmed: undefined };
      this.#listening.set(channel, listening);
      this.#pushed.set(keys.pushes, listening);
    }
    listening.listeners.add(listener);
    listening.confirmed ??= this.#ask(listening);
    await listening.confirmed;
  }

  /** See {@linkcode Broker.unsubscribe}. */
  unsubscribe(channel: string, listener: BrokerListener): void {
    const listening = this.#listening.get(channel);
    if (listening === undefined) return;
    listening.listeners.remove(listener);
    if (listening.listeners.size > 0) return;
    this.#listening.delete(channel);
    this.#pushed.delete(listening.keys.pushes);
    this.#subscriber.unsubscribe(listening.keys.pushes);
  }

  /** See {@linkcode Broker.read}. */
  async read(channel: string, query: Query): Promise<Page> {
    const { life, entries } = this.#keys(channel);
    const { after, before, at, messages, bytes } = query;
    const how = after !== undefined
      ? "after"
      : before !== undefined
      ? "before"
      : at !== undefined
      ? "at"
      : "all";
    const args = [this.#newEpoch(), how, ...[after ?? before ?? at ?? 0, messages, bytes].map(String)];
    const reply = await this.#commands.run({ script: READ, keys: [life, entries], args: () => args });
    return pageOf(reply as readonly [string, string, string, string, string, string, readonly string[]]);
  }

  /** See {@linkcode Broker.signal}. */
  async signal(channel: string, data: Uint8Array, from: string | undefined): Promise<void> {
    const text = signalText(data, from);
    await this.#commands.run({ script: SIGNAL, keys: [this.#keys(channel).pushes], args: () => [text] });
  }

  /** See {@linkcode Broker.close}. The client that was given stays open. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { link, clock } = this.#parts;
    clock.clearTimeout(this.#timer);
    this.#stopLooking();
    this.#commands.close();
    this.ledger.close();
    this.#listening.clear();
    this.#pushed.clear();
    await this.#subscriber.close();
    await link.close();
  }

  #keys(channel: string): ChannelKeys {
    return this.#listening.get(channel)?.keys ?? channelKeys(this.#parts.prefix, channel);
  }

  #newEpoch(): string {
    return newEpoch(this.#parts.random);
  }

  #mustBeOpen(): void {
    if (this.#closed) throw unavailable("The broker is closed: nothing was done");
  }

  /** Asks for pushes, in the time that a command has. Who asks again later asks anew. */
  async #ask(listening: Listening): Promise<void> {
    try {
      await this.#inTime(
        this.#subscriber.subscribe(listening.keys.pushes),
        "Redis has confirmed no subscription",
      );
    } catch (error) {
      listening.confirmed = undefined;
      throw error instanceof BrokerError ? error : unavailable("Redis cannot be reached now", error);
    }
  }

  async #inTime(done: Promise<void>, otherwise: string): Promise<void> {
    const { clock, timeout } = this.#parts;
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = clock.setTimeout(() => reject(unavailable(`${otherwise} in ${timeout} ms`)), timeout);
    try {
      await Promise.race([done, promise]);
    } finally {
      clock.clearTimeout(timer);
    }
  }

  #message(pushes: string, payload: string): void {
    const listening = this.#pushed.get(pushes);
    if (listening === undefined) return this.ledger.told(pushes);
    try {
      const pushed = readPush(payload);
      if (pushed !== undefined) listening.listeners.push(pushed);
    } catch (error) {
      this.#parts.report(error); // somebody else publishes there
    }
  }

  #uncertain(): void {
    this.ledger.uncertain();
    for (const { listeners } of [...this.#listening.values()]) listeners.push("uncertain");
  }

  #arm(): void {
    if (this.#closed) return;
    this.#timer = this.#parts.clock.setTimeout(() => void this.#look().finally(() => this.#arm()), LOOK);
    (this.#timer as { unref?(): void } | undefined)?.unref?.();
  }

  /** Another server, or one that has begun anew, may have less than we know. */
  async #look(): Promise<void> {
    try {
      const { history } = await askServer(this.#parts.link);
      if (history === this.#history || this.#closed) return;
      this.#history = history;
      this.#uncertain();
    } catch (error) {
      if (error instanceof Error && error.constructor === Error) this.#parts.report(error);
    }
  }

  async #lookAgain(): Promise<void> {
    if (this.#history === "" || this.#closed) return; // it has not opened yet
    this.#uncertain();
    await this.#look();
  }
}

function identity(producer: Producer | undefined, again: number | undefined): string[] {
  if (producer === undefined) return ["", "", again === undefined ? "" : String(again)];
  const { n, low, age } = producer;
  return [n, low, age === undefined ? undefined : age + (again ?? 0)].map((one) =>
    one === undefined ? "" : String(one)
  );
}

function appended([state, ...rest]: readonly string[], producer: Producer | undefined): Appended {
  if (state === "order") {
    const [last] = rest;
    throw new BrokerError(
      "OUT_OF_ORDER",
      last === ""
        ? `The producer is not known, and its publication ${producer?.low} is not ${producer?.n}`
        : `The producer's next publication is ${Number(last) + 1}, not ${producer?.n}`,
    );
  }
  if (state === "forgotten") {
    throw new BrokerError(
      "FORGOTTEN",
      producer === undefined
        ? "What became of a publication is not known: the connection was lost, and nothing was kept of it"
        : `What became of the producer's publication ${producer.n} is not known any more`,
    );
  }
  const [epoch, offset, fingerprint] = rest as [string, string, string];
  const position = { epoch, offset: Number(offset), fingerprint: Number(fingerprint) };
  return { position, duplicate: state === "known", durability: "redis" };
}

function pageOf(
  [epoch, offset, fingerprint, oldest, boundary, more, flat]: readonly [
    string,
    string,
    string,
    string,
    string,
    string,
    readonly string[],
  ],
): Page {
  const entries = [];
  for (let i = 0; i < flat.length; i += 3) entries.push(entryOf(Number(flat[i]), flat[i + 1]!, flat[i + 2]!));
  return {
    epoch,
    top: { offset: Number(offset), fingerprint: Number(fingerprint) },
    oldest: Number(oldest),
    boundary: boundary === "" ? undefined : Number(boundary),
    entries,
    more: more === "1",
  };
}
