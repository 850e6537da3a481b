/**
 * Scripts on their way to Redis: bounded in number, bytes and time, and sent again where the connection was lost.
 *
 * @module
 */
import { BrokerError } from "../rpc/broker.ts";
import type { Clock } from "../rpc/clock.ts";
import { type RedisLink, RedisLostError, RedisReplyError, type Reply } from "./link.ts";
import type { Script } from "./scripts.ts";

/** What it takes. */
export interface CommandsOptions {
  /** Milliseconds that an answer may take, with all that is sent again. */
  readonly timeout: number;
  /** Commands that may wait for an answer. */
  readonly most: number;
  /** Characters that they may have together. */
  readonly mostBytes: number;
  /** Time. */
  readonly clock: Pick<Clock, "now" | "setTimeout" | "clearTimeout" | "random">;
}

/** A script with what it is given. */
export interface Job {
  /** What runs. */
  readonly script: Script;
  /** Its keys. */
  readonly keys: readonly string[];
  /** Its arguments; `age` is set when it is sent again: so many milliseconds ago it was sent first. */
  args(age: number | undefined): readonly string[];
}

/** What the server says when it has not run a command, and may run it later. */
const LATER = ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS"];

/** Milliseconds until something is sent again, at most; a random part of it is waited. */
const PAUSE = 200;

/** The commands of one broker. */
export class Commands {
  readonly #link: RedisLink;
  readonly #options: CommandsOptions;
  readonly #names = new Map<Script, string>();
  /** Those that wait for an answer: ends each. */
  readonly #waiting = new Set<(error: BrokerError) => void>();
  #count = 0;
  #bytes = 0;
  #closed = false;

  /** Sends nothing yet. */
  constructor(link: RedisLink, options: CommandsOptions) {
    this.#link = link;
    this.#options = options;
  }

  /** Makes scripts known to the server. Others find it out by themselves. */
  async load(scripts: readonly Script[]): Promise<void> {
    for (const script of scripts) this.#names.set(script, await script.sha);
    await Promise.all(scripts.map(({ source }) => this.#link.command(["SCRIPT", "LOAD", source])));
  }

  /**
   * Runs a script. Those of one turn share a write, and run in their order.
   *
   * @throws {BrokerError} `UNAVAILABLE`.
   */
  run(job: Job): Promise<Reply> {
    return this.#bounded((isOver) => this.#until(isOver, (age) => this.#evaluate(job, job.args(age))));
  }

  /**
   * Sends a command, once.
   *
   * @throws {BrokerError} `UNAVAILABLE`.
   */
  send(args: readonly string[]): Promise<Reply> {
    return this.#bounded(() => this.#write(args));
  }

  /** Ends what waits, and takes nothing any more. */
  close(): void {
    this.#closed = true;
    for (const end of this.#waiting) end(unavailable("The broker is closed"));
    this.#waiting.clear();
  }

  /** Ends a command at its deadline, whatever the client does. */
  #bounded(send: (isOver: () => boolean) => Promise<Reply>): Promise<Reply> {
    if (this.#closed) return Promise.reject(unavailable("The broker is closed: nothing was done"));
    const { clock, timeout } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    let isOver = false;
    const end = (settle: () => void) => {
      if (isOver) return;
      isOver = true;
      clock.clearTimeout(timer);
      this.#waiting.delete(stop);
      settle();
    };
    const stop = (error: unknown) => end(() => reject(asBrokerError(error)));
    const timer = clock.setTimeout(() => stop(unavailable(`Redis did not answer in ${timeout} ms`)), timeout);
    this.#waiting.add(stop);
    send(() => isOver).then((reply) => end(() => resolve(reply)), stop);
    return promise;
  }

  async #until(isOver: () => boolean, send: (age: number | undefined) => Promise<Reply>): Promise<Reply> {
    const { clock } = this.#options;
    const since = clock.now();
    for (let age: number | undefined;; age = Math.ceil(clock.now() - since)) {
      try {
        return await send(age);
      } catch (error) {
        const again = error instanceof RedisLostError ||
          (error instanceof RedisReplyError && LATER.includes(error.code));
        if (!again || isOver()) throw error;
        await this.#pause();
        if (isOver()) throw error;
      }
    }
  }

  #pause(): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => void clock.setTimeout(resolve, PAUSE * clock.random()));
  }

  async #evaluate({ script, keys }: Job, args: readonly string[]): Promise<Reply> {
    const rest = [String(keys.length), ...keys, ...args];
    const name = this.#names.get(script)!;
    try {
      return await this.#write(["EVALSHA", name, ...rest]);
    } catch (error) {
      if (!(error instanceof RedisReplyError) || error.code !== "NOSCRIPT") throw error;
      return await this.#write(["EVAL", script.source, ...rest]);
    }
  }

  /** What the client has not answered counts, though nobody waits for it any more: it may still hold it. */
  #write(args: readonly string[]): Promise<Reply> {
    const { most, mostBytes } = this.#options;
    const bytes = args.reduce((sum, { length }) => sum + length, 0);
    const isFull = this.#count > 0 && (this.#count >= most || this.#bytes + bytes > mostBytes);
    if (isFull) return Promise.reject(unavailable("Too much waits for Redis: nothing was done"));
    this.#count++;
    this.#bytes += bytes;
    const done = () => {
      this.#count--;
      this.#bytes -= bytes;
    };
    const reply = this.#link.command(args);
    reply.then(done, done);
    return reply;
  }
}

/** Whether it was done is not known, or it was not. */
export function unavailable(message: string, cause?: unknown): BrokerError {
  const error = new BrokerError("UNAVAILABLE", message);
  if (cause !== undefined) error.cause = cause;
  return error;
}

function asBrokerError(error: unknown): BrokerError {
  if (error instanceof BrokerError) return error;
  return unavailable(error instanceof Error ? error.message : String(error), error);
}
