import type { CallError } from "./errors.ts";
import type { Sender } from "./sender.ts";

/** The byte streams that one message names: they begin when it has left, and never when it does not leave. */
export class NamedStreams {
  readonly #senders: Sender[] = [];

  /** Adds one. */
  add(sender: Sender): void {
    this.#senders.push(sender);
  }

  /** All of the message has left. */
  start(): void {
    for (const sender of this.#senders) sender.start();
  }

  /** Nobody waits for them any more, though the message has left. */
  stop(error: CallError): void {
    for (const sender of this.#senders) sender.stop(error);
  }

  /** The message does not leave: their numbers are not used, and their sources are told. */
  withdraw(): void {
    for (const sender of this.#senders) sender.withdraw();
  }
}

/** What a message names that names none. */
export const NO_STREAMS: NamedStreams = new NamedStreams();
