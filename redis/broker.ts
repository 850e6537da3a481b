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
  type Query,
} from "../rpc/broker.ts";
import type { Clock } from "../rpc/clock.ts";
import { appended, type AppendReply } from "./appended.ts";
import { Commands, unavailable } from "./commands.ts";
import { RedisDirectory } from "./directory.ts";
import { DIRECTORY_SCRIPTS } from "./directory_scripts.ts";
import { changeArguments, readPush, signalText, textOf } from "./entries.ts";
import { type ChannelKeys, channelKeys, inDatabase, indexKey } from "./keys.ts";
import { RedisLedger } from "./ledger.ts";
import { LEDGER_SCRIPTS } from "./ledger_scripts.ts";
import type { RedisLink, RedisSubscriber } from "./link.ts";
import { NodeProducer, OWN_RESULTS } from "./node_producer.ts";
import { pageOf, type PageReply } from "./page.ts";
import { RedisPresence } from "./presence.ts";
import { PRESENCE_SCRIPTS } from "./presence_scripts.ts";
import { APPEND, BEGIN, READ, SIGNAL } from "./scripts.ts";
import { tryRights } from "./rights.ts";
import { askServer, joinServer } from "./server_check.ts";

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
  readonly keys: ChannelKeys;
  readonly listeners: FanOut;
  /** Set while somebody waits for Redis to confirm pushes, and when it has. */
  confirmed: Promise<void> | undefined;
  /** What Redis is asked once, however often somebody waits for its answer: each question would leave something behind until it is there again. */
  pushes: "wanted" | "asked" | "confirmed";
  /** Who waits for its answer. */
  waiting: PromiseWithResolvers<void>;
}

/** Milliseconds from one look at who the server is to the next: behind a proxy another one may take over in silence. */
const LOOK = 10_000;
/** Milliseconds that Redis has to take back claims that nobody knows of, before a broker closes. */
const LAST = 1_000;
/** Commands of one kind that may wait for Redis, and characters of them. */
const MOST = 16_384;
const MOST_BYTES = 64 * 1_048_576;
/** Reads that are on their way at once: each brings 256 KiB, and when a connection is back every channel is read. */
const MOST_READS = 32;
/** Results that are kept of each producer. */
const RESULTS = 64;
/** The record of a producer lives at least this long. */
const LEAST_META = 600_000;

const SCRIPTS = [
  ...[APPEND, READ, BEGIN, SIGNAL],
  ...LEDGER_SCRIPTS,
  ...DIRECTORY_SCRIPTS,
  ...PRESENCE_SCRIPTS,
];

/** Channels in Redis. */
export class RedisBroker implements Broker {
  /** See {@linkcode Broker.ledger}. */
  readonly ledger: RedisLedger;
  /** See {@linkcode Broker.presence}. */
  readonly presence: RedisPresence;
  /** See {@linkcode Broker.directory}. */
  readonly directory: RedisDirectory;
  readonly #parts: RedisBrokerParts;
  readonly #commands: Commands;
  readonly #subscriber: RedisSubscriber;
  readonly #listening = new Map<string, Listening>();
  /** The same by the names of their pushes. */
  readonly #pushed = new Map<string, Listening>();
  readonly #stopLooking: () => void;
  readonly #own: NodeProducer;
  /** Which server it was. */
  #history: string;
  /** Whether pushes have come from another connection since then. */
  #wasDeaf = false;
  #timer: unknown;
  #closed = false;

  private constructor(parts: RedisBrokerParts, commands: Commands, history: string) {
    const { link, clock, prefix } = parts;
    this.#parts = parts;
    this.#commands = commands;
    this.#history = history;
    this.#subscriber = link.subscriber({
      message: (channel, payload) => this.#message(channel, payload),
      restored: () => this.#uncertain(),
      lost: () => {
        this.#wasDeaf = true;
        this.#doubt(); // now, so that it is known since when nothing is heard; `restored` follows
      },
    });
    const node = newEpoch(parts.random);
    this.#own = new NodeProducer(node);
    this.ledger = new RedisLedger({
      commands: this.#commands,
      subscriber: this.#subscriber,
      clock,
      prefix,
      node,
    });
    this.presence = new RedisPresence({
      commands,
      subscriber: this.#subscriber,
      prefix,
      newEpoch: () => this.#newEpoch(),
      report: parts.report,
    });
    this.directory = new RedisDirectory({
      commands,
      subscriber: this.#subscriber,
      prefix,
      inTime: (done) => inTime(parts, done, "Redis has confirmed no subscription"),
      report: parts.report,
    });
    this.#stopLooking = link.onConnect(() => {
      commands.connected();
      this.#uncertain();
      void this.#look();
    });
    this.#arm();
  }

  /**
   * Joins Redis.
   *
   * @throws {Error} The server cannot carry channels, or does not answer.
   */
  static async open(parts: RedisBrokerParts): Promise<RedisBroker> {
    const { link, clock, timeout, prefix } = parts;
    const bounds = { most: MOST, mostBytes: MOST_BYTES, mostReads: MOST_READS };
    const commands = new Commands(link, { timeout, clock, ...bounds });
    try {
      const { history, database } = await joinServer(parts, async ({ database }) => {
        await commands.load(SCRIPTS);
        await tryRights({ link, prefix, database, nobodys: `nobody ${newEpoch(parts.random)}` });
      });
      return new RedisBroker({ ...parts, prefix: inDatabase(prefix, database) }, commands, history);
    } catch (error) {
      commands.close();
      await link.close();
      throw error;
    }
  }

  /** See {@linkcode Broker.append}. What has no producer has the node's: it may have to be sent again. */
  async append(channel: string, append: Append): Promise<Appended> {
    const { life, entries, bodies, producers, pushes } = this.#keys(channel);
    const { data, fingerprint, producer, pattern, retention: { messages, ms, metaMs } } = append;
    const changes = changeArguments(append);
    const meta = Math.max(metaMs, ms, LEAST_META);
    const numbers = [messages, ms, meta].map(String);
    const fixed = [this.#newEpoch(), pushes, String(fingerprint), textOf(data), ...numbers];
    const name = { pattern, channel, ms: meta };
    const listed = pattern === undefined ? ["", ""] : [indexKey(this.#parts.prefix, pattern), channel];
    if (producer !== undefined) {
      const { id, n, low, age } = producer;
      const who = [n, low ?? "", age ?? "", RESULTS].map(String);
      const keys = [life, entries, bodies, producers + id];
      const args = () => [...fixed, ...who, ...listed, ...changes];
      const reply = await this.#commands.run({ script: APPEND, keys, args, kind: "append" });
      return await this.directory.landed(
        reply as AppendReply,
        name,
        appended(reply as AppendReply, producer),
      );
    }
    const own = this.#own;
    const n = own.begin(channel);
    try {
      const reply = await this.#commands.run({
        script: APPEND,
        keys: [life, entries, bodies, producers + own.id],
        args: () => {
          const who = [String(n), String(own.low(channel)), "", String(OWN_RESULTS)];
          return [...fixed, ...who, ...listed, ...changes];
        },
        kind: "append",
        isEarly: (reply) => (reply as readonly string[])[0] === "order", // one before it was refused, and is sent again as well
      });
      const landed = appended(reply as AppendReply, { id: own.id, n });
      return await this.directory.landed(reply as AppendReply, name, landed);
    } finally {
      own.end(channel, n);
    }
  }

  /** See {@linkcode Broker.subscribe}. */
  async subscribe(channel: string, listener: BrokerListener): Promise<void> {
    this.#mustBeOpen();
    let listening = this.#listening.get(channel);
    if (listening === undefined) {
      const keys = this.#keys(channel);
      const [listeners, waiting] = [new FanOut(this.#parts.report), Promise.withResolvers<void>()];
      listening = { keys, listeners, confirmed: undefined, pushes: "wanted", waiting };
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
    const { life, entries, bodies: payloads } = this.#keys(channel);
    const { after, before, at, messages, bytes, isNow, since, withState } = query;
    const how = after !== undefined
      ? "after"
      : before !== undefined
      ? "before"
      : at !== undefined
      ? "at"
      : "all";
    const numbers = [
      after ?? before ?? at ?? 0,
      messages,
      bytes,
      isNow ? 1 : "",
      since ?? "",
      withState ? 1 : "",
    ];
    const args = [this.#newEpoch(), how, ...numbers.map(String)];
    const job = { keys: [life, entries, payloads], args: () => args, kind: "read" } as const;
    const reply = await this.#commands.run({ script: READ, ...job });
    const isThere = (reply as readonly unknown[]).length > 1;
    const page = isThere ? reply : await this.#commands.run({ script: BEGIN, ...job });
    try {
      return pageOf(page as PageReply);
    } catch (error) {
      throw unavailable("The history was written by somebody else", error);
    }
  }

  /** See {@linkcode Broker.signal}. */
  async signal(channel: string, data: Uint8Array, from: string | undefined): Promise<void> {
    const text = signalText(data, from);
    const keys = [this.#keys(channel).pushes];
    await this.#commands.run({ script: SIGNAL, keys, args: () => [text], kind: "signal" });
  }

  /** See {@linkcode Broker.close}. The client that was given stays open. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { link, clock } = this.#parts;
    clock.clearTimeout(this.#timer);
    this.#stopLooking();
    await this.ledger.flush(LAST);
    this.#commands.close();
    this.ledger.close();
    this.presence.close();
    this.directory.close();
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

  /** Waits for pushes, in the time that a command has. Who asks again later waits for the same answer, or asks anew where it was a refusal. */
  async #ask(listening: Listening): Promise<void> {
    if (listening.pushes === "confirmed") return;
    const { promise } = listening.waiting = Promise.withResolvers();
    try {
      if (listening.pushes === "wanted") this.#askRedis(listening);
      await inTime(this.#parts, promise, "Redis has confirmed no subscription");
    } catch (error) {
      listening.confirmed = undefined;
      throw error instanceof BrokerError ? error : unavailable("Redis cannot be reached now", error);
    }
  }

  #askRedis(listening: Listening): void {
    listening.pushes = "asked";
    this.#subscriber.subscribe(listening.keys.pushes).then(() => {
      listening.pushes = "confirmed";
      listening.waiting.resolve();
    }, (error) => {
      listening.pushes = "wanted";
      listening.waiting.reject(error);
    });
  }

  #message(pushes: string, payload: string): void {
    const listening = this.#pushed.get(pushes);
    if (listening === undefined) {
      const isTold = this.presence.told(pushes, payload) || this.directory.told(pushes, payload);
      return isTold ? undefined : this.ledger.told(pushes, payload);
    }
    try {
      const pushed = readPush(payload);
      if (pushed !== undefined) listening.listeners.push(pushed);
    } catch (error) {
      this.#parts.report(error); // somebody else publishes there
    }
  }

  #uncertain(): void {
    this.ledger.uncertain();
    this.#doubt();
  }

  /** Pushes may be missing. */
  #doubt(): void {
    for (const { listeners } of [...this.#listening.values()]) listeners.push("uncertain");
    this.presence.uncertain();
    this.directory.uncertain();
  }

  #arm(): void {
    if (this.#closed) return;
    this.#timer = this.#parts.clock.setTimeout(() => void this.#look().finally(() => this.#arm()), LOOK);
    (this.#timer as { unref?(): void } | undefined)?.unref?.();
  }

  /** Another server, or one that has begun anew, may have less than we know. */
  async #look(): Promise<void> {
    try {
      const { link } = this.#parts;
      const { history, isReplica } = await askServer(link);
      if (this.#closed) return;
      if (isReplica) return link.drop("the server has become a replica"); // its address may lead to the master now
      const wasDeaf = this.#wasDeaf;
      this.#wasDeaf = false;
      if (history === this.#history) return;
      this.#history = history;
      if (!wasDeaf) this.#subscriber.drop("another server may have taken over"); // of which it would hear nothing
      this.#uncertain();
    } catch (error) {
      if (error instanceof Error && error.constructor === Error) this.#parts.report(error);
    }
  }
}

async function inTime(
  { clock, timeout }: Pick<RedisBrokerParts, "clock" | "timeout">,
  done: Promise<void>,
  otherwise: string,
): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.setTimeout(() => reject(unavailable(`${otherwise} in ${timeout} ms`)), timeout);
  try {
    await Promise.race([done, promise]);
  } finally {
    clock.clearTimeout(timer);
  }
}
