/**
 * Keeps one connection to Redis: connects, notices that it is gone or silent, and connects again with growing waits.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import { type Client, type Connection, errorOf } from "./connection.ts";
import { type LinkOptions, RedisLostError, RedisReplyError } from "./link.ts";

/** Who uses a kept connection. */
export interface KeptFor {
  /** There is a connection. */
  opened(connection: Connection): void;
  /** A connection that was open is gone. */
  lost(error: RedisLostError): void;
  /** A push. */
  message(channel: string, payload: string): void;
}

/** The first wait between two attempts is a random time up to this, each later one up to twice as long, and none longer than the second. */
const WAIT = 50;
const MOST_WAIT = 2_000;
/** A connection that lived this long was a good one: the waits begin anew. */
const STABLE = 5_000;

/** Keeps a connection until it is closed. */
export class Keeper {
  readonly #client: Client;
  readonly #for: KeptFor;
  readonly #clock: Clock;
  readonly #patience: number;
  readonly #pulse: number;
  /** The connection that opens or is open. */
  #connection: Connection | undefined;
  #open = false;
  #openedAt = 0;
  #trouble: RedisLostError | undefined;
  #failures = 0;
  /** The next attempt, the deadline of this one, or the next question for a sign of life. */
  #timer: unknown;
  /** Questions for a sign of life that have passed without one. */
  #silent = 0;
  #closed = false;
  /** Every connection that is closing. */
  readonly #closing = new Set<Promise<void>>();

  constructor(client: Client, kept: KeptFor, clock: Clock, { patience = 5_000, pulse = 1_000 }: LinkOptions) {
    this.#client = client;
    this.#for = kept;
    this.#clock = clock;
    this.#patience = patience;
    this.#pulse = pulse;
    this.#connect();
  }

  /** The connection, while it is open. */
  get current(): Connection | undefined {
    return this.#open ? this.#connection : undefined;
  }

  /** See {@linkcode RedisLink.trouble}. */
  get trouble(): RedisLostError | undefined {
    return this.#trouble;
  }

  /** Something was answered: a connection with much to answer gives signs of life before the answer to the PING. */
  heard(): void {
    this.#silent = 0;
  }

  /** This connection is gone, says whoever sees it first. */
  gone(connection: Connection, reason: unknown): void {
    if (this.#connection !== connection) return;
    const wasOpen = this.#open;
    const lost = lostBy(reason, this.#client);
    if (!wasOpen) this.#trouble = lost;
    this.#leave();
    const lived = wasOpen ? this.#clock.now() - this.#openedAt : 0;
    if (lived >= STABLE) this.#failures = 0;
    const most = Math.min(MOST_WAIT, WAIT * 2 ** Math.min(this.#failures++, 30));
    this.#timer = this.#clock.setTimeout(() => this.#connect(), this.#clock.random() * most);
    if (wasOpen) this.#for.lost(lost);
  }

  /** Leaves the connection that there is, if it is open. */
  drop(reason: string): void {
    const { current } = this;
    if (current) this.gone(current, new RedisLostError(`Redis: ${reason}`, true));
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#leave();
    await Promise.all(this.#closing);
  }

  #leave(): void {
    this.#clock.clearTimeout(this.#timer);
    const connection = this.#connection;
    this.#connection = undefined;
    this.#open = false;
    if (!connection) return;
    const closing = connection.close().catch(() => {}).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #connect(): void {
    const connection: Connection = this.#client.connect({
      lost: (error) => this.gone(connection, error),
      message: (channel, payload) => {
        if (this.#connection !== connection) return;
        this.#silent = 0;
        this.#for.message(channel, payload);
      },
    });
    this.#connection = connection;
    const late = new RedisLostError(`Redis: no connection within ${this.#patience} ms`, false);
    this.#timer = this.#clock.setTimeout(() => this.gone(connection, late), this.#patience);
    connection.open().then(() => this.#opened(connection), (error) => this.gone(connection, error));
  }

  #opened(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#open = true;
    this.#trouble = undefined;
    this.#openedAt = this.#clock.now();
    this.#silent = 0;
    this.#clock.clearTimeout(this.#timer);
    this.#listen(connection);
    this.#for.opened(connection);
  }

  /**
   * Asks for a sign of life, since a link that swallows everything closes no socket, and since Bun's client does not tell of a loss. Counts
   * questions, not milliseconds: a program that was blocked has not read what came.
   */
  #listen(connection: Connection): void {
    const beat = () => {
      if (this.#silent * this.#pulse >= this.#patience) {
        const silent = new RedisLostError(`Redis: no answer for ${this.#patience} ms`, true);
        return this.gone(connection, silent);
      }
      this.#timer = this.#clock.setTimeout(beat, this.#pulse);
      if (this.#silent++ > 0) return;
      connection.ping().then(() => this.heard(), (error) => {
        if (errorOf(error, this.#client) instanceof RedisReplyError) this.heard();
        else this.gone(connection, error);
      });
    };
    this.#timer = this.#clock.setTimeout(beat, this.#pulse);
  }
}

function lostBy(reason: unknown, client: Client): RedisLostError {
  const error = errorOf(reason, client);
  return error instanceof RedisLostError
    ? error
    : new RedisLostError(`Redis: ${error.message}`, true, { cause: error });
}
