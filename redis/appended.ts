/**
 * What the script that appends answers.
 *
 * @module
 */
import { type Appended, BrokerError, type Producer } from "../rpc/broker.ts";

/** Why a change was not made. */
const REFUSALS = {
  MISSING: "The message is not there",
  GONE: "The message was deleted",
  TOO_LARGE: "The message would have more bytes than it may",
  STALE: "There are other reactions than were expected",
  WRONG_TYPE: "A piece is a text that is added to a text, or bytes that are to bytes",
};

/** A state, and what belongs to it: see `APPEND`. */
export type AppendReply = readonly string[];

/**
 * Where it landed.
 *
 * @throws {BrokerError} Why it did not.
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
  if (state === "refused") {
    const [why] = rest as [keyof typeof REFUSALS];
    throw new BrokerError(why, REFUSALS[why]);
  }
  const [epoch, offset, fingerprint] = rest as [string, string, string];
  const position = { epoch, offset: Number(offset), fingerprint: Number(fingerprint) };
  return { position, duplicate: state === "known", durability: "redis" };
}
