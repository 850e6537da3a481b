/**
 * Positions as the wire has them.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import type { Limits } from "./limits.ts";
import { ProtocolError } from "./protocol_error.ts";
import { readPayload } from "./reader.ts";

/** The payload of CAUSED: an array of `[channel, epoch, offset, fingerprint]`. No map: a channel may have a name that no key has. */
export function readCaused(limits: Limits): ReadonlyMap<string, Position> {
  const told = readPayload(limits);
  if (!Array.isArray(told)) throw new ProtocolError("payload must be an array");
  return new Map(told.map((one: unknown) => {
    const [channel, ...position] = Array.isArray(one) ? one as unknown[] : [];
    if (typeof channel !== "string") throw new ProtocolError("a position must be that of a channel");
    return [channel, asPosition(position)];
  }));
}

/** `[epoch, offset, fingerprint]`. What is malformed is refused, never taken for "no position": that would lose messages in silence. */
export function asPosition(value: unknown): Position {
  if (!Array.isArray(value) || value.length !== 3) throw new ProtocolError("position must be an array of 3");
  const [epoch, number, fingerprint] = value as unknown[];
  if (typeof epoch !== "string" || !isUint(number) || !isUint(fingerprint)) {
    throw new ProtocolError("position must be an epoch, an offset and a fingerprint");
  }
  return checkPosition({ epoch, offset: number, fingerprint });
}

/** Refuses what no stream has. */
export function checkPosition(position: Position): Position {
  const { epoch, offset, fingerprint } = position;
  if (epoch === "") throw new ProtocolError("position must have an epoch");
  if (fingerprint > 0xffffffff) throw new ProtocolError("a fingerprint has 32 bits");
  if (offset === 0 && fingerprint !== 0) throw new ProtocolError("the fingerprint at offset 0 is 0");
  return position;
}

function isUint(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
