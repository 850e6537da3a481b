/**
 * What answers calls at the end of a connection that a test makes.
 */
import { BULK } from "../../rpc/bulk_code.ts";
import { Callee } from "../../rpc/callee.ts";
import type { CalleeParts } from "../../rpc/callee_parts.ts";
import type { Clock } from "../../rpc/clock.ts";
import type { Registered } from "../../rpc/incoming_call.ts";
import type { Limits } from "../../rpc/limits.ts";
import type { PeerOwner } from "../../rpc/peer_parts.ts";

/** Answers with these procedures, on a connection that is called `test`. */
export function answering(
  procedures: ReadonlyMap<string, Registered>,
  { clock, limits, context = () => ({}) }: { clock: Clock; limits: Limits; context?: () => object },
): PeerOwner {
  const connection = { id: "test", address: "", subject: undefined, close: () => {} };
  const parts: CalleeParts = { clock, limits, procedures, connection, context, offered: () => ({}) };
  return { makeCallee: (peer) => new Callee(parts, peer), bulk: BULK };
}
