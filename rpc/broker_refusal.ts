/**
 * What whoever publishes is told of a broker that did not append, and surely will not.
 *
 * @module
 */
import type { BrokerError } from "./broker.ts";
import { CallError } from "./errors.ts";
import { outOfOrder } from "./publish_order.ts";

/** The error; `undefined` where it is not known what became of it. */
export function refusalOfBroker({ code, message }: BrokerError): CallError | undefined {
  switch (code) {
    case "OUT_OF_ORDER":
      return outOfOrder();
    case "MISSING":
      return noMessage();
    case "GONE":
      return new CallError("GONE", "The message was deleted", { declared: true });
    case "TOO_LARGE":
      return new CallError("TOO_LARGE", message);
    case "STALE":
      return new CallError("STALE", message, { declared: true, retryable: true });
    case "WRONG_TYPE":
      return new CallError("BAD_INPUT", message);
    default:
      return undefined;
  }
}

/** The answer to a message that is not there. */
export function noMessage(): CallError {
  return new CallError("NOT_FOUND", "There is no such message, or it is not kept any more");
}
