/**
 * What the checks of {@link brokerSuite} are written with.
 *
 * @module
 */
import {
  type Append,
  type Appended,
  type Broker,
  BrokerError,
  type BrokerErrorCode,
  type BrokerListener,
  type Changing,
  type Entry,
  type Page,
  type Producer,
  type Query,
  type Retention,
} from "../rpc/broker.ts";
import type { MaybePromise } from "../rpc/maybe_promise.ts";

/** What can be done to a broker besides using it. */
export type BrokerCapability = "advance" | "evict" | "node" | "restart";

/** A broker under test. */
export interface BrokerFixture {
  /** A broker that nobody else uses. */
  readonly broker: Broker;
  /** `advance`: moves the broker's time on, its sweeps included. */
  advance?(ms: number): MaybePromise<void>;
  /** `evict`: loses what it has of a channel, as when its memory ran short. */
  evict?(channel: string): MaybePromise<void>;
  /** `node`: the broker as another node sees it, over connections of its own. `close` ends it too. */
  node?(): MaybePromise<Broker>;
  /** `restart`: goes down and comes back, with or without what it had. Answers when `broker` can be used again. */
  restart?(): MaybePromise<void>;
  /** Ends everything. It may come after `broker.close()`. */
  close(): MaybePromise<void>;
}

/** Milliseconds that a check waits for what must come. */
const PATIENCE = 10_000;

/** What is kept for long, for checks that are not about keeping. */
export const KEEP: Retention = { messages: 1_000, ms: 3_600_000, metaMs: 3_600_000 };

/** A listener that notes what it hears. */
export class Heard implements BrokerListener {
  /** Entries, in the order in which they came. */
  readonly entries: Entry[] = [];
  /** The epoch of each. */
  readonly epochs: string[] = [];
  /** Signals. */
  readonly signals: { readonly text: string; readonly from: string | undefined }[] = [];
  /** How often it was told that pushes may be missing. */
  doubts = 0;
  /** What it does besides when it is told of an entry. */
  also: ((entry: Entry) => void) | undefined = undefined;
  readonly #waiting = new Set<() => void>();

  entry(epoch: string, entry: Entry): void {
    this.entries.push(entry);
    this.epochs.push(epoch);
    this.#look();
    this.also?.(entry);
  }

  signal(data: Uint8Array, from: string | undefined): void {
    this.signals.push({ text: textOf(data), from });
    this.#look();
  }

  uncertain(): void {
    this.doubts++;
    this.#look();
  }

  /** What it heard of entries, as text. */
  get texts(): string[] {
    return this.entries.map(({ data }) => textOf(data));
  }

  /** Waits until `is` holds, looking whenever something is heard. */
  async until(is: () => boolean, what: string): Promise<void> {
    if (is()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => is() && resolve();
    const timer = setTimeout(() => reject(new Error(`Waited in vain: ${what}`)), PATIENCE);
    this.#waiting.add(look);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }
}

/** How an entry is appended by a check. */
export interface AppendOptions {
  /** Who publishes. */
  readonly producer?: Producer;
  /** {@linkcode KEEP} by default. */
  readonly retention?: Retention;
  /** A new one by default. */
  readonly fingerprint?: number;
  /** The node that publishes. */
  readonly on?: Broker;
  /** Whose it is, where messages may change. */
  readonly by?: string;
  /** What it changes. */
  readonly change?: Changing;
}

/** One check's own broker, with shorter words for what checks do. */
export class BrokerWorld {
  /** What is checked. */
  readonly fixture: BrokerFixture;
  readonly #prefix: string = crypto.randomUUID();
  #fingerprint = 0x8000_0000;

  /** Takes what was made for one check. */
  constructor(fixture: BrokerFixture) {
    this.fixture = fixture;
  }

  /** The broker. */
  get broker(): Broker {
    return this.fixture.broker;
  }

  /** A name that no other check uses. */
  name(name = "channel"): string {
    return `${this.#prefix}/${name}`;
  }

  /** Appends text. Calls that do not wait for each other reach the broker in their order. */
  async append(channel: string, text: string, options: AppendOptions = {}): Promise<Appended> {
    return await this.appendBytes(channel, bytesOf(text), options);
  }

  /** Appends bytes. */
  async appendBytes(channel: string, data: Uint8Array, options: AppendOptions = {}): Promise<Appended> {
    const { on = this.broker, retention = KEEP, producer, by, change } = options;
    const fingerprint = options.fingerprint ?? this.#fingerprint++;
    const append: Append = { data, room: 0, fingerprint, producer, retention, by, change };
    return await on.append(channel, append);
  }

  /** Appends `a0`, `a1`… one after the other. */
  async fill(channel: string, count: number, options: AppendOptions = {}): Promise<Appended[]> {
    const done: Appended[] = [];
    for (let i = 0; i < count; i++) done.push(await this.append(channel, `a${i}`, options));
    return done;
  }

  /** Reads; everything unless the query says otherwise. */
  async read(channel: string, query: Partial<Query> = {}, on: Broker = this.broker): Promise<Page> {
    return await on.read(channel, { messages: 10_000, bytes: 1 << 30, ...query });
  }

  /** Listens with a new listener. */
  async listen(channel: string, on: Broker = this.broker, heard: Heard = new Heard()): Promise<Heard> {
    await on.subscribe(channel, heard);
    return heard;
  }
}

/** One rule, as it is written. */
export interface BrokerRule {
  /** What holds. */
  readonly name: string;
  /** What the fixture must be able to do. */
  readonly needs?: readonly BrokerCapability[];
  /** Throws where it does not hold. */
  run(world: BrokerWorld): Promise<void>;
}

/** Text as data. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Data as text. */
export function textOf(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/** The texts of a page. */
export function textsOf(page: Page): string[] {
  return page.entries.map(({ data }) => textOf(data));
}

/** Throws where the two are not alike; bytes are compared as text. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [is, wanted] = [shown(actual), shown(expected)];
  if (is !== wanted) throw new Error(`${what}: expected ${wanted}, got ${is}`);
}

/** Throws where it does not hold. */
export function holds(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** Throws unless the broker refuses with this code, at once or later. */
export async function refuses(code: BrokerErrorCode, run: () => unknown, what: string): Promise<void> {
  let outcome: unknown;
  try {
    outcome = await run();
  } catch (error) {
    if (error instanceof BrokerError && error.code === code) return;
    throw new Error(`${what}: expected a BrokerError ${code}`, { cause: error });
  }
  throw new Error(`${what}: expected a BrokerError ${code}, got ${shown(outcome)}`);
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, inner) => {
    if (inner instanceof Uint8Array) return textOf(inner);
    return inner === undefined ? "undefined" : inner;
  }) ?? "undefined";
}
