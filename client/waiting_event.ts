/**
 * What has come of a channel and waits for the program.
 *
 * @module
 */
import type { ChannelEvent, EventHandler } from "./channel_types.ts";
import type { Position } from "../rpc/broker.ts";
import type { ReactionSummary } from "../rpc/interactions.ts";
import type { Payload } from "./payload.ts";

/** What waits for the program. A `skip` only moves the position. */
export type Waiting =
  | { readonly type: "message"; readonly data: Payload; readonly position: Position }
  | Exclude<ChannelEvent<never>, { readonly type: "message" }>
  | { readonly type: "skip"; readonly position: Position };

/** Takes no events: who listens to signals alone. */
export const NO_EVENTS: EventHandler<unknown> = () => {};

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
