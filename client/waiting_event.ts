/**
 * What has come of a channel and waits for the program.
 *
 * @module
 */
import type { ChannelEvent, EventHandler } from "./channel_types.ts";
import type { Position } from "../rpc/broker.ts";
import type { Payload } from "./payload.ts";

/** What waits for the program. A `skip` only moves the position. */
export type Waiting =
  | { readonly type: "message"; readonly data: Payload; readonly position: Position }
  | Exclude<ChannelEvent<never>, { readonly type: "message" }>
  | { readonly type: "skip"; readonly position: Position };

/** Takes no events: who listens to signals alone. */
export const NO_EVENTS: EventHandler<unknown> = () => {};
