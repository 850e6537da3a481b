/**
 * A broker whose mishaps a test writes: answers that wait, pushes that are lost, streams that are trimmed, replaced or rolled back.
 */
import {
  type Append,
  type Appended,
  type Broker,
  BrokerError,
  type BrokerListener,
  type Entry,
  type Ledger,
  type Page,
  type Query,
} from "../../rpc/broker.ts";
import type { MaybePromise } from "../../rpc/maybe_promise.ts";

/** One life of a channel. */
export interface ScriptedStream {
  epoch: string;
  entries: Entry[];
  top: { offset: number; fingerprint: number };
}

/** A broker with one node or several, whose every stream is an open book. */
export class ScriptedBroker implements Broker {
  readonly streams = new Map<string, ScriptedStream>();
  readonly listeners = new Map<string, Set<BrokerListener>>();
  /** What was asked, in order: `read board/7`. */
  readonly asked: string[] = [];
  /** Whether answers wait for {@linkcode ScriptedBroker.answer}. */
  isSlow = false;
  /** Whether pushes are lost. */
  isDeaf = false;
  /** Whether everything fails. */
  isAway = false;
  /** Entries that a stream keeps. */
  keeps = Infinity;
  #waiting: (() => void)[] = [];
  #epochs = 0;
  #fingerprints = 1_000;
  readonly #producers = new Map<string, Map<number, Appended>>();

  readonly ledger: Ledger = {
    claim: () => ({ state: "new" }),
    renew: () => {},
    settle: () => {},
    forget: () => {},
  };

  append(channel: string, { data, room, fingerprint, producer }: Append): MaybePromise<Appended> {
    this.asked.push(`append ${channel}`);
    return this.#answer(() => {
      const key = `${channel} ${producer?.id}`;
      const known = this.#producers.get(key);
      const before = known?.get(producer!.n);
      if (before !== undefined) return { ...before, duplicate: true };
      const last = Math.max(0, ...known?.keys() ?? []);
      if (producer !== undefined && producer.n !== last + 1 && producer.n !== (producer.low ?? producer.n)) {
        throw new BrokerError("OUT_OF_ORDER", "a gap");
      }
      const appended = this.add(channel, data, { room, fingerprint });
      if (producer !== undefined) {
        this.#producers.set(key, (known ?? new Map<number, Appended>()).set(producer.n, appended));
      }
      return appended;
    });
  }

  subscribe(channel: string, listener: BrokerListener): MaybePromise<void> {
    this.asked.push(`subscribe ${channel}`);
    return this.#answer(() => {
      const listeners = this.listeners.get(channel) ?? new Set();
      this.listeners.set(channel, listeners.add(listener));
    });
  }

  unsubscribe(channel: string, listener: BrokerListener): void {
    this.asked.push(`unsubscribe ${channel}`);
    this.listeners.get(channel)?.delete(listener);
  }

  read(channel: string, query: Query): MaybePromise<Page> {
    this.asked.push(`read ${channel}`);
    return this.#answer(() => this.page(channel, query));
  }

  signal(channel: string, data: Uint8Array, from: string | undefined): MaybePromise<void> {
    return this.#answer(() =>
      this.listeners.get(channel)?.forEach((listener) => listener.signal(data, from))
    );
  }

  close(): void {}

  /** Lets so many of the answers that wait come. */
  answer(count = Infinity): void {
    for (const settle of this.#waiting.splice(0, count)) settle();
  }

  /** Answers that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The stream of a channel, begun if need be. */
  stream(channel: string): ScriptedStream {
    let stream = this.streams.get(channel);
    if (stream === undefined) {
      stream = { epoch: this.newEpoch(), entries: [], top: { offset: 0, fingerprint: 0 } };
      this.streams.set(channel, stream);
    }
    return stream;
  }

  /** A name for the next life of a stream. */
  newEpoch(): string {
    return `epoch-${String(++this.#epochs).padStart(10, "0")}`;
  }

  /** Appends and pushes, whoever publishes. */
  add(
    channel: string,
    data: Uint8Array,
    { room = 0, fingerprint = ++this.#fingerprints }: { room?: number; fingerprint?: number } = {},
  ): Appended {
    const stream = this.stream(channel);
    const { offset, fingerprint: previous } = stream.top;
    const entry = { offset: offset + 1, fingerprint, previous, at: 1_000 + offset, data, room };
    stream.top = { offset: entry.offset, fingerprint };
    stream.entries.push(entry);
    while (stream.entries.length > this.keeps) stream.entries.shift();
    if (!this.isDeaf) this.push(channel, entry);
    return { position: { epoch: stream.epoch, ...stream.top }, duplicate: false, durability: "memory" };
  }

  /** Pushes an entry, out of turn or a second time. */
  push(channel: string, entry: Entry, epoch = this.stream(channel).epoch): void {
    this.listeners.get(channel)?.forEach((listener) => listener.entry(epoch, entry));
  }

  /** Tells those who listen that something may have been missed. */
  doubt(channel: string): void {
    this.listeners.get(channel)?.forEach((listener) => listener.uncertain());
  }

  /** What a fail-over to an older copy does: the latest entries were never there. Nobody is told. */
  rollBack(channel: string, offset: number): void {
    const stream = this.stream(channel);
    const entry = stream.entries.find((one) => one.offset === offset);
    stream.entries = stream.entries.filter((one) => one.offset <= offset);
    stream.top = { offset, fingerprint: entry?.fingerprint ?? 0 };
  }

  /** What is read, at once. */
  page(channel: string, query: Query): Page {
    const { epoch, top, entries } = this.stream(channel);
    const oldest = entries[0]?.offset ?? top.offset + 1;
    const { after, before, at } = query;
    const chosen = before !== undefined
      ? entries.filter(({ offset }) => offset < before).reverse()
      : entries.filter((entry) => after === undefined ? entry.at >= (at ?? 0) : entry.offset > after);
    const given: Entry[] = [];
    let bytes = 0;
    for (const entry of chosen) {
      bytes += entry.data.length;
      if (given.length >= query.messages || (given.length > 0 && bytes > query.bytes)) break;
      given.push(entry);
    }
    const from = after ?? before;
    const known = from === undefined
      ? undefined
      : from === top.offset
      ? top.fingerprint
      : entries.find(({ offset }) => offset === from)?.fingerprint ??
        entries.find(({ offset }) => offset === from + 1)?.previous;
    return { epoch, top, oldest, boundary: known, entries: given, more: given.length < chosen.length };
  }

  #answer<T>(act: () => T): MaybePromise<T> {
    if (this.isAway) throw new BrokerError("UNAVAILABLE", "the broker is away");
    if (!this.isSlow) return act();
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(act());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}
