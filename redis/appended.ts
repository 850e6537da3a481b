/**
 * What the script that appends answers.
 *
 * @module
 */
import { type Appended, BrokerError, type Producer } from "../rpc/broker.ts";

/** A state, and what belongs to it: see `APPEND`. */
export type AppendReply = readonly string[];

/**
 * Where a publication landed.
 *
 * @throws {BrokerError} `OUT_OF_ORDER`, `FORGOTTEN`.
 */
export function appended([state, ...rest]: AppendReply, producer: Producer): Appended {
  if (state === "order") {
    const [last] = rest;
    throw new BrokerError(
      "OUT_OF_ORDER",
      last === ""
        ? `The producer is not known, and its publication ${producer.low} is not ${producer.n}`
        : `The producer's next publication is ${Number(last) + 1}, not ${producer.n}`,
    );
  }
  if (state === "forgotten") {
    throw new BrokerError(
      "FORGOTTEN",
      `What became of the producer's publication ${producer.n} is not known any more`,
    );
  }
  const [epoch, offset, fingerprint] = rest as [string, string, string];
  const position = { epoch, offset: Number(offset), fingerprint: Number(fingerprint) };
  return { position, duplicate: state === "known", durability: "redis" };
}
