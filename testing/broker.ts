/**
 * A broker that fails as real ones do, around any broker that does not: it trims, forgets, restarts empty, and fails over to a copy that lacks the latest
 * entries. Each node has its own {@linkcode BrokerConnection} to it.
 *
 * @module
 */
import type { MemoryPresence } from "../brokers/memory_presence.ts";
import { ChannelIndex } from "../brokers/channel_index.ts";
import {
  type Append,
  type Appended,
  type Broker,
  BrokerError,
  type BrokerListener,
  type Entry,
  type Page,
  type Query,
} from "../rpc/broker.ts";
import type { MaybePromise } from "../rpc/maybe_promise.ts";
import type { Recorder } from "./recorder.ts";

/** What a faulty broker needs. */
export interface FaultyBrokerOptions {
  /** Where entries are kept. It must answer at once. */
  readonly inner: Broker & { readonly presence: MemoryPresence };
  /** Writes the truth. */
  readonly recorder: Pick<Recorder, "add">;
  /** The name of a publication, from its bytes. */
  readonly valueOf: (data: Uint8Array) => string;
  /** Time, for how long channels are known. It stands still by default. */
  readonly now?: () => number;
}

/** One stream, and where the inner broker has it. */
interface Stream {
  /** Its name at the inner broker: a new one whenever it is lost or replaced. */
  readonly inner: string;
  /** Its epoch as the world knows it: a copy that takes over keeps it. */
  epoch: string | undefined;
  /** Everything that was appended, for copies. */
  readonly appends: Append[];
  /** Entries up to this offset are gone before their time. */
  trimmed: number;
  /** Where it is listed. */
  pattern?: string | undefined;
}

/** A claim, and where the inner broker has it. */
interface KeyClaim {
  /** Its name at the inner broker: another one when it was lost and is written anew. */
  inner: string;
  /** Which of the ledgers has it. */
  of: number;
  readonly again: (inner: string) => void;
}

/** Milliseconds that a channel is known at the least. */
const LEAST_META = 600_000;

/** A broker whose store can be harmed. */
export class FaultyBroker {
  /** As of a `Broker`. */
  readonly directory: ChannelIndex;
  readonly #options: FaultyBrokerOptions;
  readonly #streams = new Map<string, Stream>();
  readonly #listeners = new Map<string, Map<BrokerListener, BrokerListener>>();
  /** The latest claim of each key. */
  readonly #claims = new Map<string, KeyClaim>();
  #generation = 0;
  #ledgers = 0;

  /** Nothing is wrong yet. */
  constructor(options: FaultyBrokerOptions) {
    this.#options = options;
    this.directory = new ChannelIndex(options.now ?? (() => 0), (error) => {
      throw error; // which the clock tells of: what watches catches its own
    });
  }

  /** Channels that somebody has used. */
  get channels(): readonly string[] {
    return [...this.#streams.keys()];
  }

  // What connections ask for. Each is one step.

  /** As of a `Broker`. */
  append(channel: string, append: Append): Appended {
    const stream = this.#stream(channel);
    append = ofInner(append, stream);
    const appended = now(this.#options.inner.append(stream.inner, append));
    const epoch = stream.epoch ??= appended.position.epoch;
    const position = { ...appended.position, epoch };
    if (!appended.duplicate) {
      const previous = stream.appends.at(-1)?.fingerprint ?? 0;
      stream.appends.push(append);
      if (append.by === undefined) { // what may change has lines of its own
        const value = this.#options.valueOf(append.data);
        this.#options.recorder.add({ is: "append", channel, position, previous, value });
      }
      this.#list(channel, stream, append);
    }
    return { ...appended, position };
  }

  #list(channel: string, stream: Stream, { pattern, retention }: Append): void {
    if (pattern === undefined) return;
    stream.pattern = pattern;
    const isFirst = stream.appends.length === 1;
    this.directory.note(pattern, channel, { ms: Math.max(retention.metaMs, LEAST_META), isFirst });
  }

  /** As of a `Broker`. */
  read(channel: string, query: Query): Page {
    const { inner, trimmed, epoch } = this.#stream(channel);
    const page = this.#page(inner, trimmed, query);
    this.#stream(channel).epoch ??= epoch ?? page.epoch;
    return { ...page, epoch: this.#stream(channel).epoch! };
  }

  /** A page without what has been trimmed. */
  #page(inner: string, trimmed: number, query: Query): Page {
    const read = (query: Query): Page => now(this.#options.inner.read(inner, query));
    const page = read(query);
    if (page.oldest > trimmed) return page;
    const oldest = Math.min(trimmed, page.top.offset) + 1;
    const boundary = (query.after ?? query.before ?? Infinity) < trimmed ? undefined : page.boundary;
    const entries = page.entries.filter(({ offset }) => offset >= oldest);
    if (query.before !== undefined) {
      return {
        ...page,
        oldest,
        boundary,
        entries,
        more: entries.length > 0 && entries.at(-1)!.offset > oldest,
      };
    }
    // Upwards it begins with the first that is left.
    if (entries.length === page.entries.length) return { ...page, oldest, boundary };
    const { at: _, ...place } = query;
    return { ...read({ ...place, after: oldest - 1 }), oldest, boundary };
  }

  /** As of a `Broker`. */
  signal(channel: string, data: Uint8Array, from: string | undefined): void {
    now(this.#options.inner.signal(this.#stream(channel).inner, data, from));
  }

  /** As of a `Broker`. */
  subscribe(channel: string, listener: BrokerListener): void {
    const translated: BrokerListener = {
      entry: (epoch, entry: Entry) => {
        const stream = this.#stream(channel);
        listener.entry(stream.epoch ??= epoch, entry);
      },
      signal: (data, from) => listener.signal(data, from),
      uncertain: () => listener.uncertain(),
    };
    let listeners = this.#listeners.get(channel);
    if (listeners === undefined) this.#listeners.set(channel, listeners = new Map());
    listeners.set(listener, translated);
    now(this.#options.inner.subscribe(this.#stream(channel).inner, translated));
  }

  /** As of a `Broker`. */
  unsubscribe(channel: string, listener: BrokerListener): void {
    const translated = this.#listeners.get(channel)?.get(listener);
    if (translated === undefined) return;
    this.#listeners.get(channel)!.delete(listener);
    this.#options.inner.unsubscribe(this.#stream(channel).inner, translated);
  }

  /** As of a `Broker`. A key that was claimed before a restart is written anew when its call is renewed or settled. */
  get ledger(): Broker["ledger"] {
    const { ledger } = this.#options.inner;
    return {
      claim: (key, hash, ms, owner) => {
        const inner = `${this.#ledgers} ${key}`;
        const claim = now(ledger.claim(inner, hash, ms, owner));
        const again = (inner: string) => void ledger.claim(inner, hash, ms, owner);
        if (claim.state === "new") this.#claims.set(key, { inner, of: this.#ledgers, again });
        this.#options.recorder.add({ is: "claim", key: key.replace("\n", " "), state: claim.state });
        return claim;
      },
      renew: (key, ms) => ledger.renew(this.#claimed(key), ms),
      settle: (key, reply) => ledger.settle(this.#claimed(key), reply),
      forget: (key) => ledger.forget(this.#claims.get(key)?.inner ?? key),
    };
  }

  /** Where a claim is, which is written anew if it was lost. */
  #claimed(key: string): string {
    const claim = this.#claims.get(key);
    if (claim !== undefined && claim.of !== this.#ledgers) {
      claim.inner = `${claim.of = this.#ledgers} ${key}`;
      claim.again(claim.inner);
    }
    return claim?.inner ?? key;
  }

  /** As of a `Broker`. */
  get presence(): MemoryPresence {
    return this.#options.inner.presence;
  }

  /** Frees what it holds. */
  close(): void {
    now(this.#options.inner.close());
  }

  // What goes wrong.

  /** Only the last `kept` entries are left. */
  trim(channel: string, kept: number): void {
    const stream = this.#stream(channel);
    const trimmed = Math.max(stream.trimmed, stream.appends.length - kept);
    if (trimmed === stream.trimmed) return;
    stream.trimmed = trimmed;
    this.#options.recorder.add({ is: "trim", channel, oldest: trimmed + 1 });
  }

  /** The stream is gone, its counter and records too. */
  lose(channel: string): void {
    this.#options.recorder.add({ is: "stream lost", channel });
    const { pattern } = this.#stream(channel);
    if (pattern !== undefined) this.directory.forget(pattern, channel);
    this.#replace(channel, { inner: this.#newName(channel), epoch: undefined, appends: [], trimmed: 0 });
  }

  /** Everything is gone. */
  restart(): void {
    for (const channel of this.channels) this.lose(channel);
    this.#ledgers++;
    this.presence.forget();
    this.#options.recorder.add({ is: "ledger lost" });
  }

  /** A copy takes over that lacks the last `missing` entries of this channel. It keeps the epoch, and grows past the old offsets with others. */
  failOver(channel: string, missing: number): void {
    const { epoch, appends, trimmed, pattern } = this.#stream(channel);
    const kept = appends.slice(0, Math.max(0, appends.length - missing));
    const inner = this.#newName(channel);
    for (const append of kept) now(this.#options.inner.append(inner, append));
    if (epoch !== undefined && kept.length < appends.length) {
      this.#options.recorder.add({ is: "rollback", channel, epoch, top: kept.length });
    }
    const left = Math.min(trimmed, kept.length);
    this.#replace(channel, { inner, epoch, appends: kept, trimmed: left, pattern });
  }

  #stream(channel: string): Stream {
    let stream = this.#streams.get(channel);
    if (stream === undefined) {
      stream = { inner: this.#newName(channel), epoch: undefined, appends: [], trimmed: 0 };
      this.#streams.set(channel, stream);
    }
    return stream;
  }

  #newName(channel: string): string {
    return `${channel} ${this.#generation++}`;
  }

  #replace(channel: string, stream: Stream): void {
    const { inner } = this.#options;
    const before = this.#stream(channel);
    const listeners = [...this.#listeners.get(channel)?.values() ?? []];
    for (const listener of listeners) inner.unsubscribe(before.inner, listener);
    this.#streams.set(channel, stream);
    for (const listener of listeners) now(inner.subscribe(stream.inner, listener));
  }
}

/** A change names the life that the world knows: the inner broker has another. */
function ofInner(append: Append, { epoch }: Stream): Append {
  const { change } = append;
  if (change?.epoch === undefined) return append;
  if (change.epoch !== epoch) throw new BrokerError("MISSING", "The message is of another life");
  return { ...append, change: { ...change, epoch: undefined } };
}

/**
 * What a broker answers at once.
 *
 * @throws {TypeError} If it is a promise.
 */
function now<T>(answer: MaybePromise<T>): T {
  if (typeof answer === "object" && answer !== null && "then" in answer) {
    throw new TypeError("Cannot harm a broker that answers with promises");
  }
  return answer as T;
}
