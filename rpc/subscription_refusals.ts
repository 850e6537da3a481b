/**
 * How a client hears that a subscription is refused, or is over.
 *
 * @module
 */
import { writeUnsubscribed } from "./channel_messages.ts";
import { CloseCode } from "./close.ts";
import { CallError } from "./errors.ts";
import type { Outbox } from "./outbox.ts";
import { writeMessage } from "./outbox_parts.ts";
import { ProtocolError } from "./protocol_error.ts";

/** Whom it concerns. */
export interface RefusedClient {
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Tells the program of an error. Never throws. */
  readonly report: (error: unknown) => void;
  /** The connection is to be closed. */
  readonly fault: (error: ProtocolError) => void;
}

/** Refused in a row before the peer is taken for one that does not listen. */
const MOST_REFUSED = 1_024;

/** The refusals of one connection. */
export class SubscriptionRefusals {
  readonly #client: RefusedClient;
  #inARow = 0;

  /** None yet. */
  constructor(client: RefusedClient) {
    this.#client = client;
  }

  /** One was not. */
  accepted(): void {
    this.#inARow = 0;
  }

  /** It is refused, which counts: a client has to listen. */
  refuse(sub: number, error: CallError): void {
    if (++this.#inARow > MOST_REFUSED) {
      return this.#client.fault(new ProtocolError("Too many subscriptions", CloseCode.LIMIT));
    }
    this.tell(sub, error);
  }

  /** It is over. What the program says of it may be too large for the client, or no text that can be encoded: then the code alone is told. */
  tell(sub: number, error: CallError): void {
    try {
      this.#write(sub, error);
    } catch (cause) {
      this.#client.report(cause);
      const { code, retryable, ambiguous } = error;
      this.#write(sub, new CallError(code, "", { retryable, ambiguous }));
    }
  }

  #write(sub: number, error: CallError): void {
    writeMessage(this.#client.outbox, () => writeUnsubscribed(sub, error));
  }
}

/** Too many, or too much. */
export function tooMuch(message: string): CallError {
  return new CallError("RESOURCE_EXHAUSTED", message);
}

/** What a client is told of a subscription: a rule that failed may know better in a moment. */
export function asRefusal({ code, message, retryable }: CallError): CallError {
  if (code !== "INTERNAL") return new CallError(code, message, { retryable, ambiguous: false });
  return new CallError("UNAVAILABLE", "Whether the client may subscribe cannot be said now");
}
