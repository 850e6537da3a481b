/**
 * Replies of calls with keys that the ledger could not be told of.
 *
 * @module
 */
import { BrokerError, type Ledger } from "./broker.ts";
import type { Clock } from "./clock.ts";
import { Retries } from "./retries.ts";

/** What they need. */
export interface UnsettledParts {
  /** Who is told. */
  readonly ledger: Pick<Ledger, "settle">;
  /** Time. */
  readonly clock: Pick<Clock, "now" | "setTimeout" | "clearTimeout">;
  /** Told of each that could not be kept. */
  readonly report: (error: unknown) => void;
}

/** What a call with a key came to. */
export interface Reply {
  /** Of its procedure and input. */
  readonly hash: string;
  /** As it is kept. */
  readonly kept: Uint8Array;
}

/** Replies that may wait for a ledger that is away. */
const MOST = 1_024;

/** The replies that one node has and its ledger does not. */
export class Unsettled {
  readonly #parts: UnsettledParts;
  readonly #replies = new Map<string, Reply>();
  readonly #retries: Retries;

  /** None yet. */
  constructor(parts: UnsettledParts) {
    this.#parts = parts;
    this.#retries = new Retries({
      clock: parts.clock,
      most: MOST,
      givenUp: (key) => {
        this.#replies.delete(key);
        parts.report(new Error("A call with a key has run, and the ledger could not be told of it"));
      },
    });
  }

  /** The reply of a call that has run, whether or not the ledger still knows its claim. */
  get(key: string): Reply | undefined {
    return this.#replies.get(key);
  }

  /** Tells the ledger until it knows, for `ms` at most; of too many the oldest is given up. */
  add(key: string, reply: Reply, ms: number): void {
    this.#replies.set(key, reply);
    this.#retries.add(key, ms, () => this.#settle(key, reply));
  }

  /** Tells the ledger once more, for `ms` at most, and gives up what it does not know then. */
  async flush(ms: number): Promise<void> {
    await this.#retries.flush(ms);
  }

  /** Gives all up. */
  end(): void {
    this.#retries.end();
  }

  async #settle(key: string, reply: Reply): Promise<void> {
    try {
      await this.#parts.ledger.settle(key, reply.kept);
    } catch (error) {
      if (!isTaken(error)) throw error;
      this.#parts.report(error);
    }
    if (this.#replies.get(key) === reply) this.#replies.delete(key);
  }
}

/** Whether somebody else has the key: it is of no use to try again. */
export function isTaken(error: unknown): boolean {
  return error instanceof BrokerError && error.code === "TAKEN";
}
