/**
 * Whose publications come by a connection, so that a retry lands once.
 *
 * @module
 */
import type { CallerConnection } from "./context.ts";
import { CallError } from "./errors.ts";
import type { PublishOrder } from "./publish_order.ts";

/** Who publishes by a connection. */
export interface Origin {
  /** The identity of the client, which outlives its connections; `undefined` where it gave none. */
  readonly producer: string | undefined;
  /** Puts its publications in their order. */
  readonly order: PublishOrder | undefined;
  /** Whether it has no connection at the moment, and may come back. */
  readonly isLost: boolean;
}

/** Where a connection keeps it. */
export const ORIGIN: unique symbol = Symbol("origin");

/** A connection by which may be published. */
export interface Originating extends CallerConnection {
  /** Who publishes by it. */
  readonly [ORIGIN]: Origin;
}

/** Who publishes by a connection; `undefined` for those that carry no identity. */
export function originOf(connection: CallerConnection): Origin | undefined {
  return (connection as Partial<Originating>)[ORIGIN];
}

/**
 * The name of a producer: of the client's own 16 random bytes and of who it is, so that nobody finds out, or spoils, what another has published.
 *
 * @param id The bytes of HELLO, as characters.
 */
export function producerName(subject: string | undefined, id: string): string {
  const own = Array.from(id, (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  return subject === undefined ? own : `${own} ${subject}`;
}

/**
 * The name of the producer of one publication that has a key: whose key it is, the subject's or else the client's.
 *
 * @throws {CallError} `BAD_INPUT` where it is nobody's: strangers would share their keys.
 */
export function keyedProducer(
  key: string,
  { subject, producer }: { readonly subject: string | undefined; readonly producer: string | undefined },
): string {
  if (subject === undefined && producer === undefined) {
    throw new CallError("BAD_INPUT", "A key must be somebody's: authenticate gave no subject");
  }
  return JSON.stringify(["key", subject ?? null, subject === undefined ? producer : null, key]);
}
