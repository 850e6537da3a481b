/**
 * Presence in server code.
 *
 * @module
 */
import type { Broker } from "./broker.ts";
import type { ChannelDefinition } from "./channel_definition.ts";
import type { NamedChannel } from "./channel_rules.ts";
import type { ChannelGroup } from "./channel_types.ts";
import type { Limits } from "./limits.ts";
import { decodeMessage } from "./message_data.ts";
import type { MembersQuery, ServerPresence } from "./member_types.ts";
import { NodePresence, type NodePresenceParts } from "./node_presence.ts";
import { isUint } from "./uint.ts";

/** The presence of a node, if any of its channels has some. */
export function presenceOf(
  { groups, broker, ...parts }: Omit<NodePresenceParts, "store"> & {
    readonly groups: readonly ChannelGroup[];
    readonly broker: Broker;
  },
): NodePresence | undefined {
  const channels = groups.flatMap((group) => Object.values(group)) as unknown as ChannelDefinition[];
  if (channels.every(({ presence }) => presence === undefined)) return undefined;
  const { presence: store } = broker;
  if (store === undefined) throw new TypeError("Cannot use presence: the broker keeps no members");
  return new NodePresence({ ...parts, store });
}

/** The presence of one channel. */
export function serverPresence(
  channel: NamedChannel,
  { presence, limits }: { readonly presence: NodePresence | undefined; readonly limits: Limits },
): ServerPresence<unknown> {
  const page = (query: MembersQuery) => {
    if (presence === undefined || channel.value.presence === undefined) {
      throw new TypeError(`There is no presence in "${channel.name}"`);
    }
    checkMembersQuery(query);
    return presence.page(channel, query);
  };
  return {
    get: async (query = {}) => {
      const { count, members, more } = await page(query);
      return {
        count,
        members: members.map(({ id, user, data }) => ({
          id,
          user,
          data: decodeMessage(data.slice(), limits),
        })),
        next: more ? members.at(-1)?.id : undefined,
      };
    },
    count: async () => (await page({ limit: 1 })).count,
  };
}

/**
 * Refuses a query that is none.
 *
 * @throws {TypeError} If it is none.
 */
export function checkMembersQuery({ after, limit }: MembersQuery): void {
  if (after !== undefined && typeof after !== "string") {
    throw new TypeError("Cannot read the members: after must be the id of one");
  }
  if (limit !== undefined && !isUint(limit)) {
    throw new TypeError("Cannot read the members: limit must be a whole number of at least 0");
  }
}
