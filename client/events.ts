/**
 * Events of messages and of what changes them, as a program gets them.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import type { ChannelEvent } from "./channel_types.ts";
import type { ReactionSummary } from "../rpc/interactions.ts";
import type { Payload } from "./payload.ts";

/** The event of a message, or of a change. Programs whose channel declares no changes are sent none, and their types know none. */
export function eventOf(
  data: unknown,
  { position, data: { change } }: { readonly position: Position; readonly data: Payload },
): ChannelEvent<unknown> {
  if (change === undefined) return { type: "message", data, position };
  const { kind: type, target, by } = change;
  const event: ChannelEvent<unknown, "changes" | "reactions"> = type === "edit"
    ? { type, target, data, position, by }
    : type === "append"
    ? { type, target, piece: data, position, by }
    : type === "delete"
    ? { type, target, position, by }
    : { type: "reactions", target, summary: data as ReactionSummary, position };
  return event as unknown as ChannelEvent<unknown>;
}
