/**
 * What HELLO and WELCOME carry in their payloads: read with care, since they come from outside.
 *
 * @module
 */
import { characters } from "./characters.ts";
import { asMap, optionalUint, type WireMap } from "./options.ts";
import { DEFAULT_LIMITS, LEAST_MESSAGE, type Limits, type PeerLimits, peerLimits } from "./limits.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { ToldOfStream } from "./sender.ts";
import { isUint } from "./uint.ts";

/** What HELLO says. */
export interface Hello {
  /** The token, if the first message carries it. */
  readonly token: string | undefined;
  /** What the client accepts. */
  readonly limits: PeerLimits;
  /** What it calls itself, as long as it runs: 16 random bytes, as characters, which take a sixth of the memory. */
  readonly producer: string | undefined;
  /** Whether it acknowledges, and wants its session kept. */
  readonly resumable: boolean;
  /** What it will call the session that this HELLO opens, should WELCOME be lost: 16 random bytes of its own. */
  readonly opening: Uint8Array | undefined;
  /** How many units of streams have come to it in the session, END and FAIL among them. */
  readonly units: number;
  /** What it has of the streams that are sent to it. */
  readonly streams: ReadonlyMap<number, ToldOfStream>;
}

/** What WELCOME says. */
export interface Welcome {
  /** Whether the session goes on. */
  readonly resumed: boolean;
  /** Milliseconds that the session is kept without a connection; 0 for not at all. */
  readonly window: number;
  /** How many units of streams have come to the server in the session, END and FAIL among them. */
  readonly units: number;
  /** What the server has of the streams that are sent to it, when the session goes on. */
  readonly streams: ReadonlyMap<number, ToldOfStream>;
  /** Milliseconds between heartbeats. */
  readonly heartbeat: number;
  /** Milliseconds after a heartbeat. */
  readonly grace: number;
  /** What the server accepts. */
  readonly limits: PeerLimits;
  /** Milliseconds that the authentication holds; `undefined` for no end. */
  readonly expires: number | undefined;
}

/** What a side accepts that tells nothing. */
const ASSUMED: PeerLimits = peerLimits(DEFAULT_LIMITS);

/** Reads HELLO's payload. */
export function readHello(payload: WireMap): Hello {
  return {
    token: optionalString(payload, "token"),
    limits: readLimits(payload["limits"]),
    producer: readProducer(payload),
    resumable: payload["resumable"] === true,
    opening: optionalBytes(payload, "opening"),
    units: optionalUint(payload, "units") ?? 0,
    streams: readStreams(payload["streams"]),
  };
}

/** Reads WELCOME's payload. */
export function readWelcome(payload: WireMap): Welcome {
  return {
    resumed: payload["resumed"] === true,
    window: optionalUint(payload, "window") ?? 0,
    units: optionalUint(payload, "units") ?? 0,
    streams: readStreams(payload["streams"]),
    heartbeat: optionalUint(payload, "heartbeat") ?? DEFAULT_LIMITS.heartbeat,
    grace: optionalUint(payload, "grace") ?? DEFAULT_LIMITS.grace,
    limits: readLimits(payload["limits"]),
    expires: optionalUint(payload, "expires"),
  };
}

/** What a server tells of itself. */
export function tellServer(limits: Limits, resumable: boolean): object {
  const { heartbeat, grace, session } = limits;
  return { heartbeat, grace, limits: toldLimits(limits), window: resumable ? session : undefined };
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

function readProducer(payload: WireMap): string | undefined {
  const told = optionalBytes(payload, "producer");
  return told && characters(told);
}

/** Takes 16 bytes out of a map. */
function optionalBytes(map: WireMap, key: string): Uint8Array | undefined {
  const told = map[key];
  if (told === undefined || told === null) return undefined;
  if (told instanceof Uint8Array && told.length === 16) return told;
  throw new ProtocolError(`${key} must have 16 bytes`);
}

const NO_STREAMS: ReadonlyMap<number, ToldOfStream> = new Map();

/** `[stream, n, limit, flags, stream, n, ...]`. */
function readStreams(told: unknown): ReadonlyMap<number, ToldOfStream> {
  if (told === undefined || told === null) return NO_STREAMS;
  const streams = new Map<number, ToldOfStream>();
  if (!Array.isArray(told) || told.length % 4 !== 0 || !told.every(isUint)) {
    throw new ProtocolError("streams must be unsigned integers, four for each");
  }
  for (let at = 0; at < told.length; at += 4) {
    const [id, n, limit, flags] = told.slice(at, at + 4) as [number, number, number, number];
    streams.set(id, { n, limit, stopped: (flags & 1) !== 0 });
  }
  return streams;
}

function readLimits(told: unknown): PeerLimits {
  if (told === undefined || told === null) return ASSUMED;
  const { message, messages, window, calls, streams } = ASSUMED;
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
