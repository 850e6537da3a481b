/**
 * Whose publications come by a connection, once HELLO has told.
 *
 * @module
 */
import { type Origin, producerName } from "./origin.ts";
import { PublishOrder } from "./publish_order.ts";

/** A client that publishes. */
export interface Publishing {
  /** Who signed in. */
  readonly subject: string | undefined;
  /** Its own bytes, as HELLO gave them. */
  readonly producer: string | undefined;
}

/** The identity of a client's publications; names and order are made when it publishes. */
export class ConnectionOrigin implements Origin {
  readonly #client: Publishing;
  readonly #concurrency: number;
  #producer: string | undefined;
  #order: PublishOrder | undefined;

  /**
   * @param client Who it is; the same as long as the connection lives.
   * @param concurrency Calls that run at once.
   */
  constructor(client: Publishing, concurrency: number) {
    this.#client = client;
    this.#concurrency = concurrency;
  }

  /** Bytes held for it. */
  get held(): number {
    return this.#order?.held ?? 0;
  }

  /** See {@linkcode Origin.producer}. */
  get producer(): string | undefined {
    const { subject, producer } = this.#client;
    if (producer === undefined) return undefined;
    return this.#producer ??= producerName(subject, producer);
  }

  /** See {@linkcode Origin.order}. */
  get order(): PublishOrder {
    return this.#order ??= new PublishOrder(Math.floor(this.#concurrency / 2));
  }
}
