/**
 * What the channels of a connection are made of, and whose they are.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { CallerConnection } from "./context.ts";
import type { Limits } from "./limits.ts";
import type { NodeChannels } from "./node_channels.ts";
import type { Outbox } from "./outbox.ts";
import type { ProtocolError } from "./protocol_error.ts";
import type { Transport } from "./transport.ts";

/** What the channels of all connections share. */
export interface ChannelParts {
  /** Time. */
  readonly clock: Clock;
  /** Bounds. */
  readonly limits: Limits;
  /** Milliseconds since 1970. */
  readonly date: () => number;
  /** The channels of the node. */
  readonly channels: NodeChannels;
  /** Names the node among those that signal. */
  readonly node: string;
}

/** The connection they belong to. */
export interface ChannelOwner {
  /** What rules and hooks see of it. */
  readonly connection: CallerConnection;
  /** What `authenticate` gave. */
  readonly context: object;
  /** Whose it is, among those whose work counts. */
  readonly owner: string;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** What carries them. */
  readonly transport: Transport;
  /** Tells the program of an error. Never throws. */
  readonly report: (error: unknown) => void;
  /** The connection is to be closed. */
  readonly fault: (error: ProtocolError) => void;
}
