/**
 * Positions as the wire has them.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import type { Limits } from "./limits.ts";
import { isText } from "./long_names.ts";
import { ProtocolError } from "./protocol_error.ts";
import { readPayload } from "./reader.ts";
import { isUint } from "./uint.ts";

/** The payload of CAUSED: an array of `[channel, epoch, offset, fingerprint]`. No map: a channel may have a name that no key has. */
export function readCaused(limits: Limits): ReadonlyMap<string, Position> {
  const told = readPayload(limits);
  if (!Array.isArray(told)) throw new ProtocolError("payload must be an array");
  return new Map(told.map((one: unknown) => {
    const [channel, ...position] = Array.isArray(one) ? one as unknown[] : [];
    if (typeof channel !== "string") throw noPosition();
    return [channel, asPosition(position)];
  }));
}

/** `[epoch, offset, fingerprint]`. What is malformed is refused, never taken for "no position": that would lose messages in silence. */
export function asPosition(value: unknown): Position {
  if (!Array.isArray(value) || value.length !== 3) throw noPosition();
  const [epoch, offset, fingerprint] = value as unknown[];
  return checkPosition({ epoch, offset, fingerprint });
}

/** Refuses what no stream has. */
export function checkPosition(position: PositionLike): Position {
  if (isPosition(position)) return position;
  throw noPosition();
}

function noPosition(): ProtocolError {
  return new ProtocolError("position must be an epoch, an offset and a fingerprint");
}

/** Something with the members of a position. */
export type PositionLike = { readonly [Name in keyof Position]?: unknown };

/** Whether it is a position that a stream can have. */
export function isPosition(position: PositionLike): position is Position {
  const { epoch, offset, fingerprint } = position;
  return isText(epoch) && epoch !== "" && isUint(offset) && isUint(fingerprint) &&
    fingerprint <= 0xffffffff && (offset > 0 || fingerprint === 0);
}
