/**
 * What a client is told while the broker is away.
 *
 * @module
 */
import { CallError } from "./errors.ts";

/** It is tried again, so it may come to be all the same. */
export function unavailable(cause?: unknown): CallError {
  return new CallError("UNAVAILABLE", "Who is there cannot be changed now", {
    retryable: true,
    ambiguous: true,
    cause,
  });
}
