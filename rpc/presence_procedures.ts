/**
 * The procedures that the library adds to an app whose channels have presence: `@enter`, `@leave` and `@members`. They are called as any other.
 *
 * @module
 */
import type { ChannelProcedureParts } from "./channel_procedures.ts";
import { type NamedChannel, noChannel, refusalOf } from "./channel_rules.ts";
import type { CallerConnection } from "./context.ts";
import { implement } from "./definition.ts";
import { CallError } from "./errors.ts";
import { isPromise } from "./iterating.ts";
import { decodeMessage, encodeMessage } from "./message_data.ts";
import type { NodePresence } from "./node_presence.ts";
import { oneWayName } from "./one_way.ts";
import { isMap } from "./options.ts";
import { originOf } from "./origin.ts";
import type { PresenceDefinition } from "./presence_definition.ts";
import type { Entering } from "./presence_members.ts";
import { toldMember } from "./presence_messages.ts";
import type { ProcedureDefinition } from "./procedure.ts";
import { ANYTHING, type Schema, validate } from "./schema.ts";
import { asRefusal } from "./subscription_refusals.ts";
import { isUint } from "./uint.ts";

/** The context of a handler. */
interface Context {
  readonly connection: CallerConnection;
  readonly signal: AbortSignal;
}

/** A channel with presence, and who asks for it. */
interface Found {
  readonly presence: NodePresence;
  readonly channel: NamedChannel;
  readonly definition: PresenceDefinition;
}

/** The procedures, by name; none where no channel has presence. */
export function presenceProcedures(parts: ChannelProcedureParts): [string, ProcedureDefinition][] {
  if (parts.channels.presence === undefined) return [];
  const made = (handler: (input: unknown, context: Context) => unknown) =>
    implement("value", { around: [], input: ANYTHING, handler });
  return [
    ["@enter", made((input, context) => enter(parts, input, context))],
    ["@leave", made((input, context) => leave(parts, input, context))],
    ["@members", made((input, context) => members(parts, input, context))],
  ];
}

/** `[channel, n, data]`, or `[channel, n]` where members are only counted. Answers the name of the member. */
async function enter(parts: ChannelProcedureParts, input: unknown, context: Context): Promise<string> {
  const { name, n, data } = readNews(input);
  const { presence, channel, definition } = find(parts, name);
  const origin = originOf(context.connection);
  if (origin === undefined) throw badInput("a connection: who calls without one is not there");
  const { connection } = context;
  const id = memberName(presence, connection);
  const may = async () => {
    const { memberBytes } = parts.limits;
    if (data.length > memberBytes) throw tooMuch(memberBytes);
    await mustBeAllowed(parts, channel, "presence", context);
    const own = definition.schema === undefined ? NOTHING : await valid(parts, definition.schema, data);
    if (own.length > memberBytes) throw tooMuch(memberBytes);
    if (context.signal.aborted) throw context.signal.reason;
    return { user: connection.subject, data: own };
  };
  const who: Entering = {
    id,
    holder: connection.id,
    asker: { connection, context: { ...context } }, // without its call
    get isLost() {
      return origin.isLost;
    },
  };
  await presence.members.entering(channel, who, { n, may, signal: context.signal });
  return id;
}

/** `[channel, n]`. */
async function leave(parts: ChannelProcedureParts, input: unknown, { connection }: Context): Promise<void> {
  const { name, n } = readNews(input);
  const { presence, channel } = find(parts, name);
  const id = memberName(presence, connection);
  await presence.members.leave(channel, { id, holder: connection.id }, n);
}

/** `{ channel, after, limit }`. */
async function members(parts: ChannelProcedureParts, input: unknown, context: Context): Promise<object> {
  if (!isMap(input)) throw badInput("a map");
  const { channel: name, after, limit } = input;
  if (typeof name !== "string") throw badInput("a channel that is a string");
  if (after !== undefined && after !== null && typeof after !== "string") {
    throw badInput("after that is a string");
  }
  if (limit !== undefined && limit !== null && !isUint(limit)) {
    throw badInput("a limit that is an unsigned integer");
  }
  const { presence, channel } = find(parts, name);
  await mustBeAllowed(parts, channel, "members", context);
  const page = await presence.page(channel, { after: after ?? undefined, limit: limit ?? undefined });
  const { count, more, members } = page;
  return { count, more, members: members.map(toldMember) };
}

function find({ channels }: ChannelProcedureParts, name: string): Found {
  const channel = channels.find(name);
  const definition = channel?.value.presence;
  if (channel === undefined || definition === undefined) throw noChannel();
  return { presence: channels.presence!, channel, definition };
}

/** Refused in the words of a subscription: what a rule cannot say now is `UNAVAILABLE`. */
async function mustBeAllowed(
  parts: ChannelProcedureParts,
  channel: NamedChannel,
  to: "presence" | "members",
  context: Context,
): Promise<void> {
  const { connection } = context;
  const refusal = refusalOf(channel.value.allow[to], {
    channel,
    asker: { connection, context },
    report: (error) => parts.report(error, { connection, channel: channel.name }),
  });
  const no = isPromise(refusal) ? await refusal : refusal;
  if (no !== undefined) throw asRefusal(no);
}

async function valid(
  { limits }: ChannelProcedureParts,
  schema: Schema,
  data: Uint8Array,
): Promise<Uint8Array> {
  let arrived: unknown;
  try {
    arrived = decodeMessage(data, limits);
  } catch (error) {
    throw new CallError("BAD_MESSAGE", `The data cannot be decoded: ${(error as Error).message}`);
  }
  const given = validate(schema, arrived);
  const value = isPromise(given) ? await given : given;
  return value === arrived ? data.slice() : encodeMessage(value).slice(); // of its own size: it is kept
}

/** The name of the member that a client is: its secret is not told, and the same one has the same name when it comes back. */
function memberName({ nodeId }: NodePresence, connection: CallerConnection): string {
  return oneWayName(originOf(connection)?.producer ?? `${nodeId} ${connection.id}`);
}

function readNews(input: unknown): { name: string; n: number; data: Uint8Array } {
  if (!Array.isArray(input)) throw badInput("an array [channel, n, data]");
  const [name, n, data = NOTHING] = input as unknown[];
  if (typeof name !== "string") throw badInput("a channel that is a string");
  if (!isUint(n)) throw badInput("n that is an unsigned integer");
  if (!(data instanceof Uint8Array)) throw badInput("data that is bytes");
  return { name, n, data };
}

function badInput(expected: string): CallError {
  return new CallError("BAD_INPUT", `Expected ${expected}`);
}

function tooMuch(most: number): CallError {
  return new CallError("TOO_LARGE", `The data of a member may have ${most} bytes`);
}

const NOTHING = new Uint8Array(0);
