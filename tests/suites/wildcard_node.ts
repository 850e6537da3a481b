/**
 * A server of one pattern whose wildcards a test plays message by message: whether a board may be subscribed to is for the test to say.
 */
import { MemoryBroker } from "../../brokers/memory.ts";
import { channel } from "../../mod.ts";
import type { Limits } from "../../rpc/limits.ts";
import { ChannelNode } from "./channel_node.ts";
import { ManualClock } from "./manual_clock.ts";
import { anything } from "./pair.ts";

/** The only pattern there is. */
export const PATTERN = "board/:id";

/** A server with the broker in memory, and the names that its rule was asked about, in their order. */
export function makeWildcardNode(
  limits: Partial<Limits> = {},
  subscribe: (channel: string) => boolean | Promise<boolean> = () => true,
) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const broker = new MemoryBroker({
    clock,
    date: () => 1_000_000 + clock.now(),
    random: (bytes) => bytes.fill(7),
  });
  const allow = {
    subscribe: ({ channel }: { channel: string }) => {
      asked.push(channel);
      return subscribe(channel);
    },
  };
  const node = new ChannelNode<MemoryBroker>({
    broker,
    clock,
    limits,
    channels: { [PATTERN]: channel({ message: anything, history: { messages: 10 }, allow }) },
  } as never);
  return { clock, broker, node, asked };
}
