/**
 * One channel as the program holds it.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import { ChannelPattern, type GivenParams } from "../rpc/channel_names.ts";
import type { Published } from "../rpc/channel_types.ts";
import { CallError } from "../rpc/errors.ts";
import { decodeMessage } from "../rpc/message_data.ts";
import { isPosition } from "../rpc/positions.ts";
import type { HistoryEntry, HistoryPage, HistoryQuery } from "../rpc/publisher.ts";
import { isElsewhere } from "../rpc/resume.ts";
import { isUint } from "../rpc/uint.ts";
import type {
  ClientChannel,
  EventHandler,
  PublishCallOptions,
  SubscribeOptions,
  Subscription,
} from "./channel_types.ts";
import type { Channels } from "./channels.ts";
import { LocalSubscription, NO_EVENTS, type Start } from "./subscription.ts";

/** Entries of a page where the program says nothing else. */
const PAGE = 100;

/** One channel of a client. Any number of them may stand for the same. */
export class ChannelHandle implements ClientChannel<unknown, unknown, unknown, unknown> {
  readonly name: string;
  readonly #channels: Channels;

  /** Does nothing yet. */
  constructor(name: string, channels: Channels) {
    this.name = name;
    this.#channels = channels;
  }

  subscribe(
    given: SubscribeOptions | EventHandler<unknown> = {},
    handler?: EventHandler<unknown>,
  ): Subscription<unknown> {
    const [options, run] = typeof given === "function" ? [{}, given] : [given, handler];
    if (run !== undefined && typeof run !== "function") {
      throw new TypeError("Cannot subscribe: the handler is no function");
    }
    return this.#subscribe(options, run);
  }

  publish(message: unknown, options: PublishCallOptions = {}): Promise<Published> {
    try {
      return this.#channels.publish(this.name, message, options);
    } catch (error) {
      return Promise.reject(error); // what cannot be encoded
    }
  }

  async history(query: HistoryQuery = {}): Promise<HistoryPage<unknown>> {
    const { before, after, limit = PAGE } = query;
    if (before !== undefined && after !== undefined) {
      throw new TypeError("Cannot read a history before one place and after another");
    }
    const input = { channel: this.name, before: asOffset(before), after: asOffset(after), limit };
    return readPage(await this.#channels.history(input), before ?? after);
  }

  signal(message: unknown): boolean {
    return this.#channels.signal(this.name, message);
  }

  onSignal(run: (message: unknown) => void): () => void {
    const stop = this.#channels.onSignal(this.name, run);
    const subscription = this.#subscribe({}, NO_EVENTS);
    return () => {
      stop();
      subscription.close();
    };
  }

  #subscribe(options: SubscribeOptions, handler: EventHandler<unknown> | undefined): LocalSubscription {
    const { signal, onError } = options;
    const wire = this.#channels.wire(this.name);
    const local = new LocalSubscription(wire, { start: readStart(options), handler, onError });
    if (signal !== undefined) {
      const abort = () => local.close();
      signal.addEventListener("abort", abort, { once: true });
      local.onClose = () => signal.removeEventListener("abort", abort);
    }
    wire.join(local);
    if (this.#channels.ended !== undefined) wire.end(this.#channels.ended);
    else if (signal?.aborted) local.close();
    return local;
  }
}

/**
 * A channel as the program holds it: `openChannel(channels, "board/:id", { id: "7" })`.
 *
 * @throws {TypeError} If the pattern is none, or the parameters name no channel.
 */
export function openChannel(channels: Channels, pattern: string, params?: GivenParams): ChannelHandle {
  return new ChannelHandle(new ChannelPattern(pattern).name(params), channels);
}

/** What a subscription is told of its beginning: checked, since a position may come from a store. */
function readStart({ position, rewind, rewindMs }: SubscribeOptions): Start {
  if (position !== undefined) return { position: checkPosition(position) };
  for (const [name, value] of Object.entries({ rewind, rewindMs })) {
    if (value !== undefined && !isUint(value)) {
      throw new TypeError(`Cannot subscribe: ${name} must be a whole number of at least 0`);
    }
  }
  return { rewind, rewindMs };
}

function checkPosition(position: Position): Position {
  if (!isPosition(position ?? {})) throw new TypeError("Cannot subscribe: the position is none");
  const { epoch, offset, fingerprint } = position;
  return { epoch, offset, fingerprint };
}

function asOffset(place: number | Position | undefined): number | undefined {
  const offset = typeof place === "object" ? place.offset : place;
  if (offset !== undefined && !isUint(offset)) {
    throw new TypeError("Cannot read a history: the place is none");
  }
  return offset;
}

/** `{ epoch, offset, fingerprint, oldest, more, boundary, entries: [[offset, fingerprint, at, data]...] }`. */
function readPage(answer: unknown, from: number | Position | undefined): HistoryPage<unknown> {
  const { epoch, offset, fingerprint, oldest, more, boundary, entries } = (answer ?? {}) as Record<
    string,
    unknown
  >;
  const position = { epoch, offset, fingerprint };
  const known = boundary ?? undefined;
  const fits = isPosition(position) && isUint(oldest) && (known === undefined || isUint(known)) &&
    Array.isArray(entries);
  if (!fits) throw badPage();
  if (typeof from === "object") {
    const view = { epoch: position.epoch, top: position, oldest, boundary: known };
    if (isElsewhere(from, view)) return { position, oldest, entries: [], more: false, reset: true };
  }
  return {
    position,
    oldest,
    entries: entries.map((entry) => readEntry(position.epoch, entry)),
    more: more === true,
    reset: false,
  };
}

function readEntry(epoch: string, entry: unknown): HistoryEntry<unknown> {
  const [offset, fingerprint, at, data] = Array.isArray(entry) ? entry as unknown[] : [];
  const position = { epoch, offset, fingerprint };
  if (!isPosition(position) || typeof at !== "number" || !(data instanceof Uint8Array)) throw badPage();
  return { data: decodeMessage(data), position, at };
}

function badPage(): CallError {
  return new CallError("BAD_MESSAGE", "The answer is no part of a history");
}
