/**
 * What the caller is told of an error, and what the program is told instead.
 *
 * @module
 */
import { CallError } from "./errors.ts";
import type { IncomingCall } from "./incoming_call.ts";
import { ToldError } from "./ledger.ts";
import { asTold } from "./pipeline.ts";

/** Told of what callers are not. */
export type Report = (error: unknown, call: IncomingCall) => void;

/** The error that ends a call which `thrown` broke. Even to look at what was thrown may throw: a revoked proxy does. */
export function told(call: IncomingCall, thrown: unknown, report: Report): CallError | Promise<CallError> {
  try {
    if (call.brokenBy !== undefined && thrown === call.brokenBy) return call.brokenBy;
    if (thrown instanceof ToldError) return thrown.error;
    if (thrown instanceof CallError && thrown.code === "BAD_MESSAGE") return thrown;
    const error = asTold(thrown, call.registered.definition);
    if (error instanceof Promise) return error.then((later) => stripped(call, later, report));
    return stripped(call, error, report);
  } catch (cause) {
    return stripped(call, new CallError("INTERNAL", undefined, { cause }), report);
  }
}

/** NOT_FOUND has a cause where `allow` threw: its caller must not see a difference. */
function stripped(call: IncomingCall, error: CallError, report: Report): CallError {
  if (error.cause === undefined || (error.code !== "INTERNAL" && error.code !== "NOT_FOUND")) return error;
  report(error.cause, call);
  return error.code === "INTERNAL" ? new CallError("INTERNAL") : new CallError(error.code, error.message);
}
