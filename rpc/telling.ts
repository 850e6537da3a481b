/**
 * What the caller is told of an error, and what the program is told instead.
 *
 * @module
 */
import { CallError } from "./errors.ts";
import type { IncomingCall } from "./incoming_call.ts";
import { ToldError } from "./kept_reply.ts";
import { asTold } from "./pipeline.ts";

/** Told of what callers are not. */
export interface Reporter {
  /** A handler failed for a reason that its caller is not told. */
  failed(error: unknown, call: IncomingCall): void;
}

/** The error that ends a call which `thrown` broke. Even to look at what was thrown may throw: a revoked proxy does. */
export function told(
  call: IncomingCall,
  thrown: unknown,
  reporter: Reporter,
): CallError | Promise<CallError> {
  try {
    if (call.brokenBy !== undefined && thrown === call.brokenBy) return call.brokenBy;
    if (thrown instanceof ToldError) return thrown.error;
    if (thrown instanceof CallError && thrown.code === "BAD_MESSAGE") return thrown;
    const error = asTold(thrown, call.registered.definition);
    if (error instanceof Promise) return error.then((later) => stripped(call, later, reporter));
    return stripped(call, error, reporter);
  } catch (cause) {
    return stripped(call, new CallError("INTERNAL", undefined, { cause }), reporter);
  }
}

/** NOT_FOUND has a cause where `allow` threw: its caller must not see a difference. */
function stripped(call: IncomingCall, error: CallError, reporter: Reporter): CallError {
  if (error.cause === undefined || (error.code !== "INTERNAL" && error.code !== "NOT_FOUND")) return error;
  reporter.failed(error.cause, call);
  return error.code === "INTERNAL" ? new CallError("INTERNAL") : new CallError(error.code, error.message);
}
