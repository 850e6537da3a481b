/**
 * The channels of one node: found by name, published to, read, listened to.
 *
 * @module
 */
import { authorNamed } from "./authors.ts";
import {
  type Appended,
  type Broker,
  BrokerError,
  type Page,
  type Position,
  type Producer,
  type Query,
} from "./broker.ts";
import { refusalOfBroker } from "./broker_refusal.ts";
import { type ChannelDefinition, serverChannels } from "./channel_definition.ts";
import type { ChannelNames } from "./channel_names.ts";
import { ChannelPattern, type GivenParams } from "./channel_pattern.ts";
import { PUBLICATION_HEAD } from "./channel_messages.ts";
import type { NamedChannel } from "./channel_rules.ts";
import type { ChannelGroup, Published } from "./channel_types.ts";
import { NodeWork } from "./client_work.ts";
import type { Clock } from "./clock.ts";
import { CallError, markReceived } from "./errors.ts";
import { historyPage } from "./history_page.ts";
import { checkHistoryQuery, offsetOfPlace } from "./history_query.ts";
import { type Filter, readFilter } from "./filter.ts";
import { chain, type FilteredPage, filteredPage } from "./filtered_page.ts";
import { Hub } from "./hub.ts";
import { ChannelMatch } from "./channel_match.ts";
import { PatternWatches } from "./pattern_watch.ts";
import type { Limits } from "./limits.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { isKey, LONGEST_NAME } from "./long_names.ts";
import { encodeMessage } from "./message_data.ts";
import { isPromise } from "./iterating.ts";
import type { NodePresence } from "./node_presence.ts";
import type {
  AnyServerChannel,
  FilteredHistoryQuery,
  HistoryPage,
  HistoryQuery,
  Publisher,
  PublishOptions,
} from "./publisher.ts";
import { NodeReactions, reactor } from "./reactions.ts";
import { validate } from "./schema.ts";
import { type AppendedBy, ServerChanges } from "./server_changes.ts";
import { presenceOf, serverPresence } from "./server_presence.ts";

/** What the channels of a node are made of. */
export interface NodeChannelsParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Bounds. */
  readonly limits: Limits;
  /** Where they live. */
  readonly broker: Broker;
  /** What the app declares, by pattern. */
  readonly groups: readonly ChannelGroup[];
  /** Tells the program of an error. Never throws. */
  readonly report: (error: unknown, channel: string) => void;
  /** Names the node among those that have members. */
  readonly nodeId: string;
}

/** A message that is to be published: bytes with room in front for the head of the frame. */
export interface Encoded {
  /** The bytes. */
  readonly data: Uint8Array;
  /** Bytes in front of them. */
  readonly room: number;
}

/** Names that are remembered, or twice as many as are listened to; then all are forgotten. */
const MOST_FOUND = 4_096;
/** A page of history, in bytes. */
const HISTORY_BYTES = 256 * 1024;
/** Publications of a page, where nobody says how many. */
const HISTORY_MESSAGES = 100;
/** And at most. */
const MOST_HISTORY = 1_000;
/** What a publication may have around it in a frame, and in an answer that holds it. */
const AROUND = 1_024;

/** The channels of one node. */
export class NodeChannels implements Publisher {
  /** Those that somebody here wants. */
  readonly hub: Hub;
  /** Reactions that wait for their summary. */
  readonly reactions: NodeReactions;
  /** The patterns that somebody here has wildcards of. */
  readonly watches: PatternWatches;
  /** What runs for those who use them. */
  readonly work: NodeWork;
  /** Who is there; `undefined` where no channel tells it. */
  readonly presence: NodePresence | undefined;
  readonly #parts: NodeChannelsParts;
  readonly #changes = new ServerChanges((channel, data, by) => this.append(channel, withRoom(data), by));
  readonly #names: ChannelNames<ChannelDefinition>;
  readonly #patterns = new Map<string, ChannelPattern>();
  /** Names that were looked up: to take one apart takes 1 to 2 µs, at each publication. */
  readonly #found = new Map<string, NamedChannel>();

  /**
   * Listens to nothing yet.
   *
   * @throws {TypeError} Something that is no channel, or a pattern that is none.
   */
  constructor(parts: NodeChannelsParts) {
    const { clock, broker, report, groups, limits } = parts;
    this.#parts = parts;
    this.#names = serverChannels(...groups);
    for (const pattern of groups.flatMap((group) => Object.keys(group))) {
      this.#patterns.set(pattern, new ChannelPattern(pattern));
    }
    this.hub = new Hub({ clock, broker, report });
    this.watches = new PatternWatches({ clock, directory: broker.directory, report });
    this.work = new NodeWork(clock);
    const append = (channel: NamedChannel, data: Uint8Array, by: AppendedBy) =>
      this.append(channel, withRoom(data), by);
    this.reactions = new NodeReactions(
      { read: (...asked) => this.read(...asked), append },
      this.work,
      limits,
    );
    this.presence = presenceOf(parts);
  }

  /** The channel of a name; `undefined` where there is none. */
  find(name: string): NamedChannel | undefined {
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const found = this.#names.find(name);
    if (found === undefined) return undefined;
    const channel = { ...found, name };
    if (this.#found.size >= Math.max(MOST_FOUND, 2 * this.hub.size)) this.#found.clear();
    this.#found.set(name, channel);
    return channel;
  }

  /** What a wildcard is about; `undefined` where there is no such pattern, or it is none of that. */
  match(pattern: string, match: string): ChannelMatch | undefined {
    const known = this.#patterns.get(pattern);
    return known && ChannelMatch.read(known, match);
  }

  /** See {@linkcode Publisher.channel}. */
  channel(pattern: string, params: GivenParams): AnyServerChannel {
    const name = this.#patterns.get(pattern)?.name(params);
    const channel = name === undefined ? undefined : this.find(name);
    if (channel === undefined) throw new TypeError(`There is no channel "${pattern}"`);
    const { edit, append, delete: take } = this.#changes.of(channel, (options) => keyed(channel, options));
    return {
      name: channel.name,
      ...reactor(channel, this.reactions),
      edit: (...given) => edit(...given).catch(ofTheProgram),
      append: (...given) => append(...given).catch(ofTheProgram),
      delete: (...given) => take(...given).catch(ofTheProgram),
      publish: (message, options) => this.#publish(channel, message, options).catch(ofTheProgram),
      signal: (message) => this.#signal(channel, message).catch(ofTheProgram),
      position: async () => topOf(await this.read(channel, { messages: 0, bytes: 1 })),
      history: async (query) => await this.#history(channel, query ?? {}),
      presence: serverPresence(channel, { presence: this.presence, limits: this.#parts.limits }),
    };
  }

  /**
   * Appends to a channel.
   *
   * @throws {CallError} What a client may be told of a broker that did not.
   */
  append(channel: NamedChannel, encoded: Encoded, given: AppendedBy = {}): MaybePromise<Published> {
    const { broker, limits, clock } = this.#parts;
    const { producer, by, change: asked } = given;
    const { data } = encoded;
    const { history: retention, changes, reactions } = channel.value;
    const own = asked?.kind === "react" ? undefined : changes?.bytes; // a summary is no part of its message
    const most = Math.min(own ?? Infinity, limits.message - AROUND);
    if (data.length > most) throw new CallError("TOO_LARGE", `A publication may have ${most} bytes`);
    const fingerprint = 1 + Math.floor(clock.random() * 0xffffffff);
    const changeable = (changes ?? reactions) && { by, change: asked && { ...asked, most } };
    let appended: MaybePromise<Appended>;
    try {
      appended = broker.append(channel.name, {
        ...encoded,
        fingerprint,
        producer,
        retention,
        pattern: channel.pattern.pattern,
        ...changeable,
      });
    } catch (error) {
      throw this.#told(error, channel);
    }
    if (!isPromise(appended)) return published(appended);
    return appended.then(published, (error) => {
      throw this.#told(error, channel);
    });
  }

  /** Reads a part of the history. */
  read(channel: NamedChannel, query: Query): MaybePromise<Page> {
    try {
      const page = this.#parts.broker.read(channel.name, query);
      if (!isPromise(page)) return page;
      return page.catch((error) => {
        throw this.#told(error, channel, { ambiguous: false });
      });
    } catch (error) {
      throw this.#told(error, channel, { ambiguous: false });
    }
  }

  /** Reads a part of the history, and gives what passes a filter. */
  readFiltered(
    channel: NamedChannel,
    query: HistoryQuery,
    { filter, isNow = false }: { readonly filter: Filter | undefined; readonly isNow?: boolean },
  ): MaybePromise<FilteredPage> {
    const wanted = { ...historyQuery(query), isNow };
    if (filter === undefined) return this.read(channel, wanted);
    // As much as a read may have is looked through, however little passes: who asks goes on from there.
    const page = this.read(channel, { ...wanted, messages: MOST_HISTORY });
    return chain(page, (page) => filteredPage(page, filter, wanted.messages));
  }

  /** Sends a signal to whoever listens, but `from`. A broker that is away loses it, as signals may be. */
  signal(channel: NamedChannel, data: Uint8Array, from: string | undefined): void {
    try {
      const sent = this.#parts.broker.signal(channel.name, data, from);
      if (isPromise(sent)) sent.then(undefined, () => {});
    } catch {
      // Nobody waits for it.
    }
  }

  /** Listens to nothing any more. */
  end(): void {
    this.hub.end();
    this.reactions.end();
    this.presence?.end();
    this.watches.end();
    this.work.end();
  }

  async #publish(channel: NamedChannel, message: unknown, options: PublishOptions = {}): Promise<Published> {
    const { message: schema } = channel.value;
    if (schema === undefined) throw new TypeError(`Nothing is published to "${channel.name}"`);
    const value = validate(schema, message);
    const data = encoded(isPromise(value) ? await value : value);
    const producer = keyed(channel, options);
    this.#changes.flush(channel.name);
    return this.append(channel, data, { producer, by: authorNamed(options.by) });
  }

  async #signal(channel: NamedChannel, message: unknown): Promise<void> {
    const { signal: schema } = channel.value;
    if (schema === undefined) throw new TypeError(`There are no signals on "${channel.name}"`);
    this.signal(channel, encodeMessage(await validate(schema, message)), undefined);
  }

  async #history(
    channel: NamedChannel,
    query: FilteredHistoryQuery<unknown>,
  ): Promise<HistoryPage<unknown, "changes">> {
    checkHistoryQuery(query);
    const isNow = mayChange(channel);
    const filter = readFilter(query.filter, Infinity); // of the program itself
    if (filter !== undefined && isNow) {
      throw new TypeError("A channel whose messages change or have reactions has no filters");
    }
    const page = await this.readFiltered(channel, query, { filter, isNow });
    return historyPage(page, query, { isNow, filter, limits: this.#parts.limits });
  }

  #told(error: unknown, { name }: NamedChannel, { ambiguous = true } = {}): CallError {
    if (error instanceof BrokerError) {
      const refusal = refusalOfBroker(error);
      if (refusal !== undefined) return refusal;
      if (error.code === "UNAVAILABLE") {
        return new CallError("UNAVAILABLE", "The channel cannot be reached now", {
          retryable: true,
          ambiguous,
        });
      }
      return new CallError("UNAVAILABLE", error.message, { retryable: false, ambiguous });
    }
    this.#parts.report(error, name);
    return new CallError("INTERNAL", undefined, { ambiguous });
  }
}

/** Whether messages of a channel are kept with what became of them. */
export function mayChange({ value: { changes, reactions } }: NamedChannel): boolean {
  return changes !== undefined || reactions !== undefined;
}

/** Who publishes what has a key. */
function keyed({ name }: NamedChannel, { key }: PublishOptions): Producer | undefined {
  if (key === undefined) return undefined;
  if (!isKey(key)) {
    throw new TypeError(
      `Cannot publish to "${name}": its key must be a string of 1 to ${LONGEST_NAME} bytes`,
    );
  }
  return { id: JSON.stringify(["server", key]), n: 1 };
}

/** A value as it is published: the encoding, copied once into a buffer of its size with room in front. */
export function encoded(value: unknown): Encoded {
  return withRoom(encodeMessage(value));
}

/** Bytes as they are published: the one copy that history, latecomers and all subscribers share. */
export function withRoom(bytes: Uint8Array): Encoded {
  const buffer = new Uint8Array(PUBLICATION_HEAD + bytes.length);
  buffer.set(bytes, PUBLICATION_HEAD);
  return { data: buffer.subarray(PUBLICATION_HEAD), room: PUBLICATION_HEAD };
}

/** What a query of a program, or a client, asks of the broker. A page of none would make a pager go on for ever: it has one at least. */
function historyQuery({ before, after, limit = HISTORY_MESSAGES }: HistoryQuery): Query {
  const bounds = { messages: Math.min(Math.max(1, limit), MOST_HISTORY), bytes: HISTORY_BYTES };
  if (after !== undefined) return { after: offsetOfPlace(after), ...bounds };
  return { before: before === undefined ? Number.MAX_SAFE_INTEGER : offsetOfPlace(before), ...bounds };
}

function topOf({ epoch, top }: Page): Position {
  return { epoch, ...top };
}

function published({ position, durability }: Appended): Published {
  return { ...position, durability };
}

/** A message that server code should not have published is no fault of whoever called it: for a caller it is `INTERNAL`, as any error of the program. */
function ofTheProgram(error: unknown): never {
  const isWrong = error instanceof CallError && (error.code === "BAD_INPUT" || error.code === "TOO_LARGE");
  throw isWrong ? markReceived(error) : error;
}
