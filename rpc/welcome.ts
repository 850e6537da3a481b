/**
 * What WELCOME tells whoever gets a session of its own: the same for all connections of a server, so it is encoded once.
 *
 * @module
 */
import { encode } from "../msgpack/encoder.ts";
import { tellServer } from "./greeting.ts";
import type { Limits } from "./limits.ts";

/** What is told where the authentication has no end, by limits: with a session that is kept, and with one that is not. */
const encoded = new WeakMap<Limits, { kept?: Uint8Array; lost?: Uint8Array }>();

/** The payload. Shared: nobody writes to it. */
export function freshWelcome(limits: Limits, isKept: boolean, expires: number | undefined): Uint8Array {
  if (expires !== undefined) return encode({ resumed: false, ...tellServer(limits, isKept), expires });
  let known = encoded.get(limits);
  if (known === undefined) encoded.set(limits, known = {});
  return known[isKept ? "kept" : "lost"] ??= encode({ resumed: false, ...tellServer(limits, isKept) });
}
