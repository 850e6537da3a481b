/**
 * The procedures that the library adds to an app with channels: `@publish`, `@history`, `@message` and `@react`. They are called as any other.
 *
 * @module
 */
import { authorOf } from "./authors.ts";
import type { Producer } from "./broker.ts";
import { allowedChange, type WantedChange } from "./change_access.ts";
import { askedKind } from "./change_kinds.ts";
import { filterOf } from "./channel_filters.ts";
import { type Asker, channelContext, type NamedChannel, noChannel, refusalOf } from "./channel_rules.ts";
import type { Published } from "./channel_types.ts";
import type { Clock } from "./clock.ts";
import type { CallerConnection } from "./context.ts";
import { implement } from "./definition.ts";
import { CallError } from "./errors.ts";
import { asAnswer, badInput, readQuery } from "./history_procedure.ts";
import type { Limits } from "./limits.ts";
import { isKey, LONGEST_NAME } from "./long_names.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { decodeMessage } from "./message_data.ts";
import { isEpoch } from "./message_target.ts";
import { chain } from "./filtered_page.ts";
import { type Encoded, encoded, mayChange, type NodeChannels, withRoom } from "./node_channels.ts";
import { keyedProducer, type Origin, originOf } from "./origin.ts";
import { isPromise } from "./iterating.ts";
import { isMap } from "./options.ts";
import type { Turn } from "./publish_order.ts";
import { react, readReaction } from "./react_procedure.ts";
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
  /** Where it is a change. */
  readonly change: WantedChange | undefined;
}

/**
 * How long a publication may be on its way, beside the time for which its session waits for another connection: until a connection
 * is known to be dead, and until the call starts.
 */
const ON_ITS_WAY = 60_000;

const NOTHING = new Uint8Array(0);

/** The procedures, by name. */
export function channelProcedures(parts: ChannelProcedureParts): [string, ProcedureDefinition][] {
  const errors = { OUT_OF_ORDER: ANYTHING, GONE: ANYTHING };
  const publish = (input: unknown, context: Context) =>
    new Publishing(parts, context).run(readPublication(input));
  const change = (input: unknown, context: Context) => new Publishing(parts, context).run(readChange(input));
  const reaction = (input: unknown, context: Context) => {
    const asked = readReaction(input);
    const wanting = { ...find(parts, asked.channel, context), signal: context.signal };
    return react(parts.channels, asked, wanting);
  };
  const history = (input: unknown, context: Context) => readHistory(parts, input, context);
  return [
    ["@publish", implement("value", { around: [], input: ANYTHING, errors, handler: publish })],
    ["@history", implement("value", { around: [], input: ANYTHING, handler: history })],
    ["@message", implement("value", { around: [], input: ANYTHING, errors, handler: change })],
    ["@react", implement("value", { around: [], input: ANYTHING, errors, handler: reaction })],
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

  run(given: Publication): unknown {
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
    found: Found,
    origin: Origin | undefined,
  ): MaybePromise<Published> {
    const { channel, asker } = found;
    const { message: schema, publish: hook } = channel.value;
    const append = (bytes: Encoded, change: WantedChange | undefined) => {
      if (this.#isLater) this.#mustBeWanted();
      const allowed = change === given.change ? given : { ...given, change };
      return this.#append(found, bytes, { given: allowed, turn, origin });
    };
    return chain(this.#allowed(given, found), (change) => {
      if (change instanceof CallError) throw change;
      if (schema === undefined) throw noChannel();
      if (change?.kind === "delete") return append(withRoom(NOTHING), change);
      const arrived = this.#decode(given.data);
      return chain(validate(schema, arrived), (valid) => {
        const changed = hook === undefined || change?.kind === "append"
          ? valid
          : hook(valid, channelContext(channel, asker));
        return chain(
          changed,
          (message) => append(message === arrived ? withRoom(given.data) : encoded(message), change),
        );
      });
    });
  }

  /** The change, where it is one, or why it may not be. */
  #allowed({ change }: Publication, found: Found): MaybePromise<WantedChange | CallError | undefined> {
    const { allow, changes } = found.channel.value;
    if (change === undefined) return refusalOf(allow.publish, found);
    return changes === undefined ? noChannel() : allowedChange(this.#parts.channels, change, found);
  }

  /** Who was sent away, or has given it up, publishes nothing any more. A connection that is lost and may come back is no matter. */
  #mustBeWanted(): void {
    const { signal } = this.#context;
    if (signal.aborted) throw signal.reason;
  }

  #append(
    { channel, asker }: Found,
    bytes: Encoded,
    { given, turn, origin }: {
      readonly given: Publication;
      readonly turn: Turn | undefined;
      readonly origin: Origin | undefined;
    },
  ): MaybePromise<Published> {
    const producer = this.#producer(given, turn, origin);
    const by = authorOf(asker.connection);
    const done = this.#parts.channels.append(channel, bytes, { producer, by, change: given.change });
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
  return { channel, n, data, low, key, age, change: undefined };
}

function readChange(input: unknown): Publication {
  const publication = readPublication(input);
  const options = (input as unknown[])[3];
  if (!isMap(options)) throw badInput("options that are a map");
  const { change, target, epoch = null } = options;
  const kind = askedKind(change);
  if (kind === undefined) throw badInput("a change that is 1, 2 or 3");
  if (!isUint(target) || target === 0) throw badInput("a target that is an offset");
  if (epoch !== null && !isEpoch(epoch)) throw badInput("an epoch that is a string, not empty");
  return { ...publication, change: { kind, target, epoch: epoch ?? undefined } };
}

function readHistory(parts: ChannelProcedureParts, input: unknown, context: Context): unknown {
  const { channel: name, query, changes, filter: wanted } = readQuery(input);
  const found = find(parts, name, context);
  const filter = filterOf(found.channel, wanted, parts.limits);
  if (filter instanceof CallError) throw filter;
  const { allow, message } = found.channel.value;
  return chain(refusalOf(allow.history, found), (refusal) => {
    if (refusal !== undefined) throw refusal;
    if (message === undefined) throw noChannel();
    const isNow = mayChange(found.channel);
    const page = parts.channels.readFiltered(found.channel, query, { filter, isNow });
    return chain(page, (page) => asAnswer(page, { mayChange: isNow, changes }));
  });
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
