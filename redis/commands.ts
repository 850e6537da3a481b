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
  /** Its arguments; `age` is set when it is sent again and may have run: so many milliseconds ago it was sent first. */
  args(age: number | undefined): readonly string[];
}

/** What the server says when it has not run a command, and may run it later. */
const LATER = ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS"];

/** Milliseconds until a command that came too early is sent again, at most; a random part of it is waited. */
const PAUSE = 200;

/** One command, from its first sending to its answer. */
interface Pending {
  isOver: boolean;
  /** Set while it waits to be sent again. */
  wake: (() => void) | undefined;
  timer: unknown;
}

/** The commands of one broker. */
export class Commands {
  readonly #link: RedisLink;
  readonly #options: CommandsOptions;
  readonly #names = new Map<Script, string>();
  /** Those that were not answered, in their order: ends each. */
  readonly #pending = new Map<Pending, (error: BrokerError) => void>();
  #bytes = 0;
  /** Whether a connection is waited for. */
  #isWaiting = false;
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
   * Runs a script. Those of one turn share a write, and run in their order. Where the connection is lost it is sent again, within the same time.
   *
   * @throws {BrokerError} `UNAVAILABLE`.
   */
  run(job: Job): Promise<Reply> {
    const first = job.args(undefined);
    return this.#bounded(bytesIn(first), (pending) => this.#untilAnswered(pending, job, first));
  }

  /**
   * Sends a command, once.
   *
   * @throws {BrokerError} `UNAVAILABLE`.
   */
  send(args: readonly string[]): Promise<Reply> {
    return this.#bounded(bytesIn(args), () => this.#link.command(args));
  }

  /** Ends what was not answered, and takes nothing any more. */
  close(): void {
    this.#closed = true;
    for (const end of [...this.#pending.values()]) end(unavailable("The broker is closed"));
  }

  /** Bounds a command in time, and all of them in number and bytes. */
  #bounded(bytes: number, send: (pending: Pending) => Promise<Reply>): Promise<Reply> {
    const { clock, timeout, most, mostBytes } = this.#options;
    if (this.#closed) return Promise.reject(unavailable("The broker is closed: nothing was done"));
    const { size } = this.#pending;
    if (size >= most || (size > 0 && this.#bytes + bytes > mostBytes)) {
      return Promise.reject(unavailable("Too much waits for Redis: nothing was done"));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const pending: Pending = { isOver: false, wake: undefined, timer: undefined };
    const end = (settle: () => void) => {
      if (pending.isOver) return;
      pending.isOver = true;
      clock.clearTimeout(deadline);
      clock.clearTimeout(pending.timer);
      this.#pending.delete(pending);
      this.#bytes -= bytes;
      settle();
      pending.wake?.();
    };
    const fail = (error: unknown) => end(() => reject(asBrokerError(error)));
    const late = () => fail(unavailable(`Redis did not answer in ${timeout} ms`));
    const deadline = clock.setTimeout(late, timeout);
    this.#bytes += bytes;
    this.#pending.set(pending, fail);
    send(pending).then((reply) => end(() => resolve(reply)), fail);
    return promise;
  }

  async #untilAnswered(pending: Pending, job: Job, first: readonly string[]): Promise<Reply> {
    const { clock } = this.#options;
    const since = clock.now();
    let mayHaveRun = false;
    for (let args = first;;) {
      try {
        return await this.#evaluate(job, args);
      } catch (error) {
        const isLost = error instanceof RedisLostError;
        const isEarly = error instanceof RedisReplyError && LATER.includes(error.code);
        if (!isLost && !isEarly) throw error;
        mayHaveRun ||= isLost && error.sent;
        if (!pending.isOver) await this.#again(pending, isLost);
        if (pending.isOver) throw error;
      }
      args = job.args(mayHaveRun ? Math.ceil(clock.now() - since) : undefined);
    }
  }

  /** Waits for a connection, or for a server that has come too early. */
  #again(pending: Pending, isLost: boolean): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      pending.wake = () => {
        pending.wake = undefined;
        resolve();
      };
      if (isLost) this.#await();
      else pending.timer = clock.setTimeout(pending.wake, PAUSE * clock.random());
    });
  }

  /** Waits for a connection once for all: in a long outage those that have ended leave nothing behind. */
  #await(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const wake = () => {
      this.#isWaiting = false;
      for (const { wake } of [...this.#pending.keys()]) wake?.();
    };
    this.#link.ready().then(wake, wake);
  }

  async #evaluate({ script, keys }: Job, args: readonly string[]): Promise<Reply> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await this.#link.command(["EVALSHA", this.#names.get(script)!, ...rest]);
    } catch (error) {
      if (!(error instanceof RedisReplyError) || error.code !== "NOSCRIPT") throw error;
      return await this.#link.command(["EVAL", script.source, ...rest]);
    }
  }
}

/** Whether it was done is not known, or it was not. */
export function unavailable(message: string, cause?: unknown): BrokerError {
  const error = new BrokerError("UNAVAILABLE", message);
  if (cause !== undefined) error.cause = cause;
  return error;
}

function bytesIn(args: readonly string[]): number {
  return args.reduce((sum, { length }) => sum + length, 0);
}

function asBrokerError(error: unknown): BrokerError {
  if (error instanceof BrokerError) return error;
  return unavailable(error instanceof Error ? error.message : String(error), error);
}
