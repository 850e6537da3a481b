/**
 * Asks the program who is at the other end of a connection, and says how one is closed that it does not want.
 *
 * @module
 */
import type { Identity, RequestCopy } from "./app.ts";
import { CloseCode } from "./close.ts";
import type { CallerConnection } from "./context.ts";
import type { CallError } from "./errors.ts";
import { identify } from "./identity.ts";
import type { MaybePromise } from "./maybe_promise.ts";

/** How a connection is closed whose client is not wanted. */
export type Refusal = readonly [code: number, reason: string];

/** Who asks. */
export interface Stranger {
  /** Where errors happen. */
  readonly connection: CallerConnection;
  /** The request of its handshake. */
  readonly request: RequestCopy;
  /** Its token, if it has one. */
  readonly token: string | undefined;
  /** Aborted when nobody waits for the answer any more; made where the program takes its time. */
  readonly signal: () => AbortSignal;
}

/** Gives who it is, or how it is refused. */
export function authenticate(
  parts: Parameters<typeof identify>[0],
  { connection, request, token, signal }: Stranger,
): MaybePromise<Identity | Refusal> {
  try {
    const identity = identify(parts, { given: { request, token }, place: { connection }, signal });
    return identity instanceof Promise ? identity.catch(refusalOf) : identity;
  } catch (error) {
    return refusalOf(error);
  }
}

/** Whether it is one. */
export function isRefusal(answer: Identity | Refusal): answer is Refusal {
  return Array.isArray(answer);
}

function refusalOf(error: unknown): Refusal {
  const { code } = error as CallError;
  if (code === "FORBIDDEN") return [CloseCode.FORBIDDEN, "forbidden"];
  if (code === "INTERNAL") return [CloseCode.SERVER_FAULT, "internal error"];
  if (code === "DEADLINE") return [CloseCode.UNAUTHENTICATED, "not authenticated in time"];
  return [CloseCode.UNAUTHENTICATED, "not authenticated"];
}
