/**
 * Runs the handler of a call that starts, once where it has a key.
 *
 * @module
 */
import { CallError } from "./errors.ts";
import { HandlerContext } from "./handler_context.ts";
import type { IncomingCall } from "./incoming_call.ts";
import type { KeyedCalls } from "./ledger.ts";
import { givenItemCheck, invoke } from "./pipeline.ts";
import type { Streams } from "./streams.ts";
import { type Reporter, told } from "./telling.ts";

/** What it takes to run a handler. */
export interface Invoking {
  /** Streams of the connection. */
  readonly streams: Streams;
  /** Runs calls with a key; `undefined` where keys mean nothing. */
  readonly keyed: KeyedCalls | undefined;
  /** Told of everything that callers are not: the cause behind an `INTERNAL`. */
  readonly reporter: Reporter;
}

/** Gives what the handler gives, or a promise of it. */
export function invokeCall(call: IncomingCall, { streams, keyed, reporter }: Invoking): unknown {
  if (call.itemStream !== undefined) {
    call.items = streams.receiveItems(call.itemStream, call);
    call.items.validate = givenItemCheck(call.procedure);
  }
  const run = () => invoke(call, HandlerContext.of(call));
  if (call.key === undefined || keyed === undefined) return run();
  return keyed.run(call, run, (thrown) => told(call, thrown, reporter));
}

/** What prevents an answer is told as what it is: the call has run. */
export function afterRunning(error: unknown): unknown {
  if (!(error instanceof CallError)) return error;
  return new CallError(error.code, error.message, { retryable: error.retryable, ambiguous: true });
}
