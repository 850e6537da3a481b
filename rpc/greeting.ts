/**
 * What HELLO and WELCOME carry in their payloads: read with care, since they come from outside.
 *
 * @module
 */
import { asMap, optionalUint, type WireMap } from "./dispatch.ts";
import { DEFAULT_LIMITS, type Limits, type PeerLimits, peerLimits } from "./limits.ts";
import { ProtocolError } from "./protocol_error.ts";

/** What HELLO says. */
export interface Hello {
  /** The token, if the first message carries it. */
  readonly token: string | undefined;
  /** What the client accepts. */
  readonly limits: PeerLimits;
}

/** What WELCOME says. */
export interface Welcome {
  /** Whether the session goes on. */
  readonly resumed: boolean;
  /** Milliseconds between heartbeats. */
  readonly heartbeat: number;
  /** Milliseconds after a heartbeat. */
  readonly grace: number;
  /** What the server accepts. */
  readonly limits: PeerLimits;
  /** Milliseconds that the authentication holds; `undefined` for no end. */
  readonly expires: number | undefined;
}

/** Less than this is no limit but an attempt to make the other side send one byte a frame. */
const LEAST_MESSAGE = 1024;

/** Reads HELLO's payload. */
export function readHello(payload: WireMap): Hello {
  return { token: optionalString(payload, "token"), limits: readLimits(payload["limits"]) };
}

/** Reads WELCOME's payload. */
export function readWelcome(payload: WireMap): Welcome {
  return {
    resumed: payload["resumed"] === true,
    heartbeat: optionalUint(payload, "heartbeat") ?? DEFAULT_LIMITS.heartbeat,
    grace: optionalUint(payload, "grace") ?? DEFAULT_LIMITS.grace,
    limits: readLimits(payload["limits"]),
    expires: optionalUint(payload, "expires"),
  };
}

/** What a server tells of its limits. */
export function toldLimits({ message, window, calls, streams, depth, keys, messages }: Limits): object {
  return { message, window, calls, streams, depth, keys, messages };
}

/** Takes a string out of a map. */
export function optionalString(map: WireMap, key: string): string | undefined {
  const value = map[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw new ProtocolError(`${key} must be a string`);
  return value;
}

function readLimits(told: unknown): PeerLimits {
  const { message, messages, window, calls, streams } = peerLimits(DEFAULT_LIMITS);
  if (told === undefined || told === null) return { message, messages, window, calls, streams };
  const map = asMap(told, "limits");
  const limits = {
    message: optionalUint(map, "message") ?? message,
    messages: Math.max(1, optionalUint(map, "messages") ?? messages),
    window: optionalUint(map, "window") ?? window,
    calls: optionalUint(map, "calls") ?? calls,
    streams: optionalUint(map, "streams") ?? streams,
  };
  if (limits.message < LEAST_MESSAGE) {
    throw new ProtocolError(`limits.message must be at least ${LEAST_MESSAGE}`);
  }
  return limits;
}
