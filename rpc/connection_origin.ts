/**
 * Whose publications come by a connection, once HELLO has told.
 *
 * @module
 */
import { type Origin, producerName } from "./origin.ts";
import { PublishOrder } from "./publish_order.ts";

/** The identity of a client's publications; names and order are made when it publishes. */
export class ConnectionOrigin implements Origin {
  /** The client's own bytes, as HELLO gave them. */
  id: Uint8Array | undefined;
  readonly #subject: () => string | undefined;
  readonly #concurrency: number;
  #producer: string | undefined;
  #order: PublishOrder | undefined;

  /**
   * @param subject Who it is; the same as long as the connection lives.
   * @param concurrency Calls that run at once.
   */
  constructor(subject: () => string | undefined, concurrency: number) {
    this.#subject = subject;
    this.#concurrency = concurrency;
  }

  /** See {@linkcode Origin.producer}. */
  get producer(): string | undefined {
    if (this.id === undefined) return undefined;
    return this.#producer ??= producerName(this.#subject(), this.id);
  }

  /** See {@linkcode Origin.order}. */
  get order(): PublishOrder {
    return this.#order ??= new PublishOrder(Math.floor(this.#concurrency / 2));
  }
}
