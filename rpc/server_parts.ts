/**
 * What all connections of one app share.
 *
 * @module
 */
import type { AuthenticateInput, Identity } from "./app.ts";
import type { Clock } from "./clock.ts";
import type { ErrorPlace } from "./context.ts";
import type { HeartbeatRules } from "./heartbeat.ts";
import type { Registered } from "./incoming_call.ts";
import type { KeyedCalls } from "./ledger.ts";
import type { Limits } from "./limits.ts";
import type { NodeChannels } from "./node_channels.ts";
import type { ProcedureDefinition } from "./procedure.ts";
import type { ServerSession } from "./server_session.ts";
import type { Sessions } from "./sessions.ts";
import type { AddressKey } from "./shares.ts";

/** What all connections of one app share. `C` is what a connection is. */
export interface ServerParts<C = unknown> {
  /** Bounds. */
  readonly limits: Limits;
  /** Time. */
  readonly clock: Clock;
  /** When connections beat. */
  readonly heartbeat: HeartbeatRules;
  /** Milliseconds since 1970: expiry is told as a date. */
  readonly date: () => number;
  /** 16 random bytes, not to be guessed. */
  readonly newSession: () => Uint8Array;
  /** Sessions that may be resumed. */
  readonly sessions: Sessions<ServerSession>;
  /** Runs calls with a key. */
  readonly keyed: KeyedCalls;
  /** What clients may call. */
  readonly procedures: ReadonlyMap<string, Registered>;
  /** The channels, where the app has any. */
  readonly channels: NodeChannels | undefined;
  /** Names this node among those that signal. */
  readonly nodeId: string;
  /** What clients offer. */
  readonly offered: ReadonlyMap<string, ProcedureDefinition>;
  /** Asks the program who it is. */
  readonly authenticate: (given: AuthenticateInput) => Identity | Promise<Identity>;
  /** Tells the program of an error. Never throws. */
  readonly report: (error: unknown, place: ErrorPlace) => void;
  /** The program is to be told of a connection. */
  readonly connected: (connection: C) => void;
  /** One that the program was told of has closed. */
  readonly disconnected: (connection: C, end: { code: number; reason: string }) => void;
  /** What to count an address under; itself by default. */
  readonly addressKey?: AddressKey | undefined;
  /** Somebody at this address could not say who it is. */
  readonly authenticationFailed: (address: string) => void;
}
