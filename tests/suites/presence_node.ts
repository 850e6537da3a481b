/**
 * Servers whose presence a test drives, each a node of its own, with one broker and one clock that stands still.
 */
import { channel } from "../../mod.ts";
import { MemoryBroker } from "../../brokers/memory.ts";
import type { Broker } from "../../rpc/broker.ts";
import { decode, encode } from "../../msgpack/mod.ts";
import { Kind } from "../../rpc/kinds.ts";
import { ChannelNode, type ChannelNodeOptions, type Line } from "./channel_node.ts";
import { ManualClock } from "./manual_clock.ts";
import { anything } from "./pair.ts";

/** Whoever enters may, and is told whole up to 4. */
export const presence = channel({ presence: { data: anything, members: 4 } });

let nodes = 0;

/** A broker that has the test's clock. */
export function brokerOf(clock: ManualClock): MemoryBroker {
  let n = 0;
  return new MemoryBroker({
    clock,
    date: () => 1_000_000 + clock.now(),
    random: (bytes) => bytes.fill(++n),
    report: (error) => {
      throw error;
    },
  });
}

/** A node with `board/:id`, and whatever else is given. */
export function presenceNode<B extends Broker = MemoryBroker>(
  options: Partial<ChannelNodeOptions<B>> = {},
): ChannelNode<B> {
  const clock = options.clock ?? new ManualClock();
  const id = ++nodes;
  let sessions = 0;
  return new ChannelNode<B>({
    channels: { "board/:id": presence },
    ...options,
    clock,
    broker: options.broker ?? brokerOf(clock) as unknown as B,
    surroundings: {
      newSession: () => new Uint8Array(16).fill(++sessions).fill(id, 0, 1),
      ...options.surroundings,
    },
  } as ChannelNodeOptions<B>);
}

/** What a client is told of presence, short. */
export interface Heard {
  readonly version: number;
  readonly count: number;
  readonly from?: number;
  readonly sample?: true;
  readonly more?: true;
  /** `user data` of each, sorted. */
  readonly members?: readonly unknown[];
  readonly set?: readonly unknown[];
  /** How many. */
  readonly gone?: number;
  readonly code?: string;
}

/** HELLO of a client that is the same on every connection. */
export function as(name: string): { producer: Uint8Array; resumable: boolean } {
  const producer = new Uint8Array(16);
  producer.set(new TextEncoder().encode(name).subarray(0, 16));
  return { producer, resumable: true };
}

/** Data of members, in short. */
function data(members: unknown): unknown[] | undefined {
  if (!Array.isArray(members)) return undefined;
  const all = (members as [string, string | null, Uint8Array][]).map(([, , data]) =>
    data.length === 0 ? "-" : decode(data)
  );
  return all.sort();
}

/** WATCHED and PRESENCE that came to a line. */
export function heard(line: Line): Heard[] {
  return line.takeOf(Kind.WATCHED, Kind.PRESENCE).map((message) => {
    const value = message.at(-1) as Record<string, unknown>;
    const { epoch: _, members, set, gone, message: __, flags: ___, ...rest } = value;
    return {
      ...rest,
      ...(members === undefined ? {} : { members: data(members) }),
      ...(set === undefined ? {} : { set: data(set) }),
      ...(gone === undefined ? {} : { gone: (gone as unknown[]).length }),
    } as unknown as Heard;
  });
}

/** WATCH. */
export function watch(line: Line, n = 1, options: unknown = null, name = "board/7"): void {
  line.send([Kind.WATCH, n, name, options]);
}

/** `@enter`. */
export function enter(line: Line, n: number, value: unknown, name = "board/7"): number {
  return line.call("@enter", [name, n, encode(value)]);
}

/** `@leave`. */
export function leave(line: Line, n: number, name = "board/7"): number {
  return line.call("@leave", [name, n]);
}
