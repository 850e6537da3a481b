/**
 * The procedures that the library adds to an app with channels: `@publish` and `@history`. They are called as any other.
 *
 * @module
 */
import type { Producer } from "./broker.ts";
import { filterOf } from "./channel_filters.ts";
import { type Asker, channelContext, type NamedChannel, noChannel, refusalOf } from "./channel_rules.ts";
import type { Published } from "./channel_types.ts";
import type { Clock } from "./clock.ts";
import type { CallerConnection } from "./context.ts";
import { implement } from "./definition.ts";
import { CallError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import { isKey, LONGEST_NAME } from "./long_names.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { decodeMessage } from "./message_data.ts";
import { chain, type FilteredPage } from "./filtered_page.ts";
import { type Encoded, encoded, type NodeChannels, withRoom } from "./node_channels.ts";
import { keyedProducer, type Origin, originOf } from "./origin.ts";
import { isPromise } from "./iterating.ts";
import { isMap } from "./options.ts";
import type { Turn } from "./publish_order.ts";
import type { ProcedureDefinition } from "./procedure.ts";
import { ANYTHING, validate } from "./schema.ts";
import { isUint } from "./uint.ts";

/** What the procedures need of the node. */
export interface ChannelProcedureParts {
  /** The channels. */
  readonly channels: NodeChannels;
  /** Time. */
  readonly clock: Clock;
  /** Bounds. */
  readonly limits: Limits;
  /** Tells the program of an error of its own rules and hooks. Never throws. */
  readonly report: (error: unknown, place: { connection: CallerConnection; channel: string }) => void;
}

/** The context of a handler. */
interface Context {
  readonly connection: CallerConnection;
  readonly signal: AbortSignal;
}

/** What `@publish` is given. */
interface Publication {
  readonly channel: string;
  readonly n: number;
  readonly data: Uint8Array;
  readonly low: number;
  readonly key: string | undefined;
  readonly age: number | undefined;
}

/**
 * How long a publication may be on its way, beside the time for which its session waits for another connection: until a connection
 * is known to be dead, and until the call starts.
 */
const ON_ITS_WAY = 60_000;

/** The procedures, by name. */
export function channelProcedures(parts: ChannelProcedureParts): [string, ProcedureDefinition][] {
  const errors = { OUT_OF_ORDER: ANYTHING };
  const publish = (input: unknown, context: Context) => new Publishing(parts, context).run(input);
  const history = (input: unknown, context: Context) => readHistory(parts, input, context);
  return [
    ["@publish", implement("value", { around: [], input: ANYTHING, errors, handler: publish })],
    ["@history", implement("value", { around: [], input: ANYTHING, handler: history })],
  ];
}

/** A channel, and who asks for it. */
interface Found {
  readonly channel: NamedChannel;
  readonly asker: Asker;
  readonly report: (error: unknown) => void;
}

/** What both do first. */
function find(parts: ChannelProcedureParts, name: string, context: Context): Found {
  const channel = parts.channels.find(name);
  if (channel === undefined) throw noChannel();
  const { connection } = context;
  return {
    channel,
    asker: { connection, context }, // what a handler finds beside the app's context are no members of its own
    report: (error) => parts.report(error, { connection, channel: name }),
  };
}

/** One publication of a client. Each step is taken at once where the program's own functions are synchronous. */
class Publishing {
  readonly #parts: ChannelProcedureParts;
  readonly #context: Context;
  /** Whether a function of the program, or those before it, have kept it waiting. */
  #isLater = false;
  /** When it came, where that matters. */
  #since = 0;

  constructor(parts: ChannelProcedureParts, context: Context) {
    this.#parts = parts;
    this.#context = context;
  }

  run(input: unknown): unknown {
    const given = readPublication(input);
    const found = find(this.#parts, given.channel, this.#context); // before anything is kept for a name that is none
    const origin = originOf(this.#context.connection);
    const { channel, n, low, key } = given;
    if (given.age !== undefined) this.#since = this.#parts.clock.now();
    const publish = (turn: Turn | undefined) => this.#publish(given, turn, found, origin);
    const isOrdered = key === undefined && n > 0 && origin?.producer !== undefined;
    const done = isOrdered && origin.order !== undefined
      ? origin.order.run({ channel, n, low }, publish, () => this.#context.signal)
      : publish(undefined);
    this.#isLater = isPromise(done);
    return chain(
      done,
      ({ epoch, offset, fingerprint, durability }) => [epoch, offset, fingerprint, durability],
    );
  }

  #publish(
    given: Publication,
    turn: Turn | undefined,
    { channel, asker, report }: Found,
    origin: Origin | undefined,
  ): MaybePromise<Published> {
    const { allow, message: schema, publish: hook } = channel.value;
    return chain(refusalOf(allow.publish, { channel, asker, report }), (refusal) => {
      if (refusal !== undefined) throw refusal;
      if (schema === undefined) throw noChannel();
      const arrived = this.#decode(given.data);
      return chain(validate(schema, arrived), (valid) => {
        const changed = hook === undefined ? valid : hook(valid, channelContext(channel, asker));
        return chain(changed, (message) => {
          if (this.#isLater) this.#mustBeWanted();
          const bytes = message === arrived ? withRoom(given.data) : encoded(message);
          return this.#append(channel, bytes, this.#producer(given, turn, origin), turn);
        });
      });
    });
  }

  /** Who was sent away, or has given it up, publishes nothing any more. A connection that is lost and may come back is no matter. */
  #mustBeWanted(): void {
    const { signal } = this.#context;
    if (signal.aborted) throw signal.reason;
  }

  #append(
    channel: NamedChannel,
    bytes: Encoded,
    producer: Producer | undefined,
    turn: Turn | undefined,
  ): MaybePromise<Published> {
    const done = this.#parts.channels.append(channel, bytes, producer);
    if (isPromise(done)) turn?.handedOver();
    return done;
  }

  #producer(
    { n, low, key, age: told }: Publication,
    turn: Turn | undefined,
    origin: Origin | undefined,
  ): Producer | undefined {
    const producer = origin?.producer;
    const { clock, limits } = this.#parts;
    const age = told === undefined
      ? undefined
      : told + clock.now() - this.#since + limits.session + ON_ITS_WAY;
    const { subject } = this.#context.connection;
    if (key !== undefined) return { id: keyedProducer(key, { subject, producer }), n: 1, low: 1, age };
    return producer === undefined || n === 0 ? undefined : { id: producer, n, low: turn?.low ?? low, age };
  }

  #decode(data: Uint8Array): unknown {
    try {
      return decodeMessage(data, this.#parts.limits);
    } catch (error) {
      throw new CallError("BAD_MESSAGE", `The message cannot be decoded: ${(error as Error).message}`);
    }
  }
}

function readPublication(input: unknown): Publication {
  if (!Array.isArray(input) || input.length < 3) throw badInput("an array [channel, n, data, options]");
  const [channel, n, data, options] = input as unknown[];
  if (typeof channel !== "string") throw badInput("a channel that is a string");
  if (!isUint(n)) throw badInput("n that is an unsigned integer");
  if (!(data instanceof Uint8Array)) throw badInput("data that is bytes");
  const { low = n, key, age } = readOptions(options);
  if (!isUint(low) || low > n) throw badInput("low that is at most n");
  if (age !== undefined && !isUint(age)) throw badInput("an age that is an unsigned integer");
  if (key !== undefined && !isKey(key)) { // it is kept with the stream
    throw badInput(`a key of 1 to ${LONGEST_NAME} bytes`);
  }
  return { channel, n, data, low, key, age };
}

function readOptions(
  options: unknown,
): { readonly low?: unknown; readonly key?: unknown; readonly age?: unknown } {
  if (options === undefined || options === null) return {};
  if (typeof options === "number") return { low: options };
  if (!isMap(options)) throw badInput("options that are a map");
  const { low, key, age } = options;
  return { low: low ?? undefined, key: key ?? undefined, age: age ?? undefined };
}

function readHistory(parts: ChannelProcedureParts, input: unknown, context: Context): unknown {
  const { channel: name, query, filter: wanted } = readQuery(input);
  const { channel, asker, report } = find(parts, name, context);
  const filter = filterOf(channel, wanted, parts.limits);
  if (filter instanceof CallError) throw filter;
  const { allow, message } = channel.value;
  return chain(refusalOf(allow.history, { channel, asker, report }), (refusal) => {
    if (refusal !== undefined) throw refusal;
    if (message === undefined) throw noChannel();
    return chain(parts.channels.readFiltered(channel, query, filter), asAnswer);
  });
}

function readQuery(
  input: unknown,
): { channel: string; query: { before?: number; after?: number; limit?: number }; filter: unknown } {
  if (!isMap(input)) throw badInput("a map");
  const { channel, before, after, limit, filter } = input;
  if (typeof channel !== "string") throw badInput("a channel that is a string");
  const query: { before?: number; after?: number; limit?: number } = {};
  for (const [name, value] of Object.entries({ before, after, limit })) {
    if (value === undefined || value === null) continue;
    if (!isUint(value)) throw badInput(`${name} that is an unsigned integer`);
    query[name as "limit"] = value;
  }
  if (query.before !== undefined && query.after !== undefined) throw badInput("before or after, not both");
  return { channel, query, filter };
}

function asAnswer({ epoch, top, oldest, boundary, entries, more, through }: FilteredPage): object {
  return {
    epoch,
    offset: top.offset,
    fingerprint: top.fingerprint,
    oldest,
    more,
    boundary,
    through: through && [through.offset, through.fingerprint],
    entries: entries.map(({ offset, fingerprint, at, data }) => [offset, fingerprint, at, data]),
  };
}

function badInput(expected: string): CallError {
  return new CallError("BAD_INPUT", `Expected ${expected}`);
}
