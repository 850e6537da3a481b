/**
 * Whose publications come by a connection, once HELLO has told.
 *
 * @module
 */
import type { Limits } from "./limits.ts";
import { type Origin, producerName } from "./origin.ts";
import { PublishOrder } from "./publish_order.ts";

/** A client that publishes. */
export interface Publishing {
  /** Who signed in. */
  readonly subject: string | undefined;
  /** Its own bytes, as HELLO gave them. */
  readonly producer: string | undefined;
  /** Whether it has no connection at the moment. */
  readonly isLost: boolean;
}

/** The identity of a client's publications; names and order are made when it publishes. */
export class ConnectionOrigin implements Origin {
  readonly #client: Publishing;
  readonly #limits: Pick<Limits, "calls" | "concurrency">;
  #producer: string | undefined;
  #order: PublishOrder | undefined;

  /**
   * @param client Who it is; the same as long as the connection lives.
   * @param limits Calls at all, and that run at once: publications that wait for others take half of them at most.
   */
  constructor(client: Publishing, limits: Pick<Limits, "calls" | "concurrency">) {
    this.#client = client;
    this.#limits = limits;
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

  /** See {@linkcode Origin.isLost}. */
  get isLost(): boolean {
    return this.#client.isLost;
  }

  /** See {@linkcode Origin.order}. */
  get order(): PublishOrder {
    const { calls, concurrency } = this.#limits;
    return this.#order ??= new PublishOrder(Math.floor(Math.min(calls, concurrency) / 2));
  }
}
