/**
 * Maps and errors inside messages, read with care since they come from outside.
 *
 * @module
 */
import type { Failure } from "./caller.ts";
import { Flag } from "./kinds.ts";
import type { Limits } from "./limits.ts";
import { isKey, LONGEST_NAME } from "./long_names.ts";
import { ProtocolError } from "./protocol_error.ts";
import { readName, readPayload, readUint } from "./reader.ts";
import { isUint } from "./uint.ts";

/** A map as decoded. */
export type WireMap = Readonly<Record<string, unknown>>;

/** `code, flags, payload` of ERROR and FAIL. */
export function readFailure(limits: Limits): Failure {
  const code = readName("code", limits);
  const flags = readUint("flags");
  const payload = readPayload(limits);
  const declared = (flags & Flag.DECLARED) !== 0;
  return { code, flags, payload: declared ? payload : asMap(payload, "the payload of an error") };
}

/** Whether it is a map: no array, bytes or date. */
export function isMap(value: unknown): value is WireMap {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array);
}

/** What has to be a map. */
export function asMap(value: unknown, what: string): WireMap {
  if (!isMap(value)) throw new ProtocolError(`${what} must be a map`);
  return value;
}

/** Takes an unsigned integer out of a map of options. */
export function optionalUint(map: WireMap, key: string): number | undefined {
  const value = map[key];
  if (value === undefined || value === null) return undefined;
  if (!isUint(value)) throw new ProtocolError(`${key} must be an unsigned integer`);
  return value;
}

/** Takes a boolean out of a map of options: `false` where it is not there. */
export function optionalFlag(map: WireMap, key: string): boolean {
  const value = map[key];
  if (value === undefined || value === null) return false;
  if (typeof value !== "boolean") throw new ProtocolError(`${key} must be a boolean`);
  return value;
}

/** Takes a string of at most 255 bytes, and not empty, out of a map of options. */
export function optionalName(map: WireMap, key: string): string | undefined {
  const value = map[key];
  if (value === undefined || value === null) return undefined;
  if (!isKey(value)) {
    throw new ProtocolError(`${key} must be a string of 1 to ${LONGEST_NAME} bytes`);
  }
  return value;
}
