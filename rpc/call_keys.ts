/**
 * Whose the key of a call is, and which call it is of.
 *
 * @module
 */
import type { CallerConnection } from "./context.ts";
import type { IncomingCall } from "./incoming_call.ts";
import { originOf } from "./origin.ts";

/** Whose keys they are: who signed in, or the client as long as it runs, or the session. Nobody gets the reply of somebody else. */
export function scopeOf(connection: CallerConnection, node: string): string | undefined {
  const { id, subject } = connection;
  if (subject !== undefined) return `subject ${subject}`;
  const origin = originOf(connection);
  if (origin === undefined) return undefined; // a call in process, or by POST
  return origin.producer === undefined ? `session ${node} ${id}` : `client ${origin.producer}`;
}

/**
 * Of the procedure and the input: two multiplicative hashes of 32 bits, enough to notice that a program uses a key for two calls, and no
 * proof against who wants them to collide, since the keys are its own.
 */
export function hashOf({ registered, bytes, start, end }: IncomingCall): string {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (let at = start; at < end; at++) {
    a = Math.imul(a ^ bytes[at]!, 2654435761);
    b = Math.imul(b ^ bytes[at]!, 1597334677);
  }
  return `${registered.name} ${end - start} ${(a >>> 0).toString(36)} ${(b >>> 0).toString(36)}`;
}
