/**
 * Scripts on their way to Redis: bounded in number, bytes and time, and in the order in which they were given, also where some have to be sent again.
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
  /** Commands of one {@linkcode Kind} that may wait for an answer. */
  readonly most: number;
  /** Characters that they may have together. */
  readonly mostBytes: number;
  /** Reads that are on their way at once: their answers are large. */
  readonly mostReads: number;
  /** Time. */
  readonly clock: Pick<Clock, "now" | "setTimeout" | "clearTimeout" | "random">;
}

/**
 * What a command is about. Each kind has bounds of its own: a flood of signals or reads must not have publications refused. A `signal` is sent at most once,
 * and waits a second at most; everything else may be run again where its answer was lost.
 */
export type Kind = "append" | "read" | "signal" | "key";

/** A script with what it is given. */
export interface Job {
  /** What runs. */
  readonly script: Script;
  /** Its keys. */
  readonly keys: readonly string[];
  /** Its arguments, asked for at each sending. */
  args(): readonly string[];
  /** Whether an answer says that it came too early, and is to be sent again behind those before it. */
  isEarly?(reply: Reply): boolean;
  /** @default "key" */
  readonly kind?: Kind;
}

/** What the server says when it has not run a command, and may run it later. */
export const LATER: readonly string[] = [
  "LOADING",
  "READONLY",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "TRYAGAIN",
  "BUSY",
  "NOREPLICAS",
];

/** What it says when it has not run a script, and will not: it looks at memory and disk before the first step that writes. */
const REFUSED = ["NOSCRIPT", "OOM", "MISCONF"];

/** What a server says that has become a replica of another. */
const REPLICA = ["READONLY", "MASTERDOWN"];
/** Milliseconds for which each answer may be such a one. A master that is to be followed by another keeps its connections, so somebody has to leave it. */
const MOST_REPLICA = 1_000;

/** Milliseconds until what came too early is sent again: a random time between these. */
const PAUSE = { least: 10, most: 100 };
/** Milliseconds that a signal may take: it is of the moment. */
const MOMENT = 1_000;

/** One command, from the asking to the answer. */
interface Pending {
  readonly send: () => Promise<Reply>;
  readonly job: Job | undefined;
  readonly kind: Kind;
  /** Whether it is on its way. Then it takes room, also where nobody waits for it any more: a server that is slow must not be sent ever more. */
  isSent: boolean;
  /** Whether a sending of it was lost, or ended half done: it may have run, or run yet, whatever becomes of the next. */
  wasLost: boolean;
  /** Gives its room back. */
  leave(): void;
  end(outcome: { readonly reply: Reply } | { readonly error: unknown }): void;
}

/** The commands of one broker. */
export class Commands {
  readonly #link: RedisLink;
  readonly #options: CommandsOptions;
  readonly #scripts = new Map<Script, string>();
  /** Those that were not answered, in the order in which they were given. */
  readonly #pending = new Set<Pending>();
  /** How much of each kind they are. */
  readonly #used: Readonly<Record<Kind, { count: number; bytes: number }>> = {
    append: { count: 0, bytes: 0 },
    read: { count: 0, bytes: 0 },
    signal: { count: 0, bytes: 0 },
    key: { count: 0, bytes: 0 },
  };
  /** Reads that are on their way. */
  #reads = 0;
  /** Reads that are not. */
  readonly #unread = new Set<Pending>();
  /** Some of them, the next one last. They may have ended meanwhile. To ask the set for its first one each time would cost what was taken from it before. */
  #nextReads: Pending[] = [];
  /** Set while something is to be sent again: nothing overtakes it. */
  #isHeld = false;
  #isMissingScripts = false;
  /** Whether that was done just now. */
  #wasLoadedAgain = false;
  /** Since when the server has answered as a replica does, and in no other way. */
  #replicaSince: number | undefined;
  #timer: unknown;
  #closed = false;

  /** Sends nothing yet. */
  constructor(link: RedisLink, options: CommandsOptions) {
    this.#link = link;
    this.#options = options;
  }

  /** Makes scripts known to the server, on each connection before anything else. */
  async load(scripts: readonly Script[]): Promise<void> {
    for (const script of scripts) this.#scripts.set(script, await script.sha);
    await Promise.all(this.#loading());
  }

  /** There is a connection: another server may be behind it, which knows no script. */
  connected(): void {
    this.#replicaSince = undefined;
    this.#loadAgain();
  }

  #loadAgain(): void {
    for (const loaded of this.#loading()) loaded.catch(() => {}); // NOSCRIPT says the same later
  }

  /**
   * Runs a script. Those that are given one after the other run in that order, and those of one turn share a write. Where the connection is lost it is sent again,
   * within the same time, unless it is a signal.
   *
   * @throws {BrokerError} `UNAVAILABLE`.
   */
  run(job: Job): Promise<Reply> {
    const bytes = job.args().reduce((sum, { length }) => sum + length, 0);
    return this.#bounded(bytes, job, () => this.#evaluate(job));
  }

  /**
   * Sends a command, once.
   *
   * @throws {BrokerError} `UNAVAILABLE`.
   */
  send(args: readonly string[]): Promise<Reply> {
    return this.#bounded(0, undefined, () => this.#link.command(args));
  }

  /** Ends what was not answered, and takes nothing any more. */
  close(): void {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
    for (const pending of [...this.#pending]) pending.end({ error: unavailable("The broker is closed") });
  }

  #loading(): Promise<Reply>[] {
    return [...this.#scripts.keys()].map(({ source }) => this.#link.command(["SCRIPT", "LOAD", source]));
  }

  /** Bounds a command in time, and all of its kind in number and bytes. */
  #bounded(bytes: number, job: Job | undefined, send: () => Promise<Reply>): Promise<Reply> {
    const { clock, timeout, most, mostBytes } = this.#options;
    if (this.#closed) return Promise.reject(new UndoneError("The broker is closed: nothing was done"));
    const kind = job?.kind ?? "key";
    const used = this.#used[kind];
    if (used.count >= most || (used.count > 0 && used.bytes + bytes > mostBytes)) {
      return Promise.reject(new UndoneError("Too much waits for Redis: nothing was done"));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const pending: Pending = {
      send,
      job,
      kind,
      isSent: false,
      wasLost: false,
      leave: () => {
        used.count--;
        used.bytes -= bytes;
      },
      end: (outcome) => {
        if (!this.#pending.delete(pending)) return;
        clock.clearTimeout(deadline);
        this.#unread.delete(pending);
        if (!pending.isSent) pending.leave();
        if ("reply" in outcome) resolve(outcome.reply);
        else reject(asBrokerError(outcome.error, !pending.wasLost && !pending.isSent));
      },
    };
    const ms = kind === "signal" ? Math.min(timeout, MOMENT) : timeout;
    const late = () => pending.end({ error: unavailable(`Redis did not answer in ${ms} ms`) });
    const deadline = clock.setTimeout(late, ms);
    used.count++;
    used.bytes += bytes;
    this.#pending.add(pending);
    if (job === undefined || this.#maySend(pending)) this.#send(pending);
    else if (kind === "read") this.#unread.add(pending);
    return promise;
  }

  #maySend({ kind, isSent }: Pending): boolean {
    return !isSent && !this.#isHeld && (kind !== "read" || this.#reads < this.#options.mostReads);
  }

  #send(pending: Pending): void {
    const { job, kind } = pending;
    pending.isSent = true;
    this.#unread.delete(pending);
    if (kind === "read") this.#reads++;
    const arrived = () => {
      pending.isSent = false;
      if (kind === "read") this.#reads--;
      if (!this.#pending.has(pending)) pending.leave();
    };
    pending.send().then((reply) => {
      arrived();
      if (job !== undefined) this.#replicaSince = undefined; // replicas run no script of ours
      if (job?.isEarly?.(reply)) this.#again(pending, "early");
      else pending.end({ reply });
      this.#sendReads();
    }, (error) => {
      arrived();
      const why = job === undefined ? undefined : whyAgain(error, kind);
      if (mayHaveRun(error)) pending.wasLost = true;
      if (why === undefined) pending.end({ error });
      else this.#again(pending, why);
      if (error instanceof RedisReplyError && REPLICA.includes(error.code)) this.#leaveReplica();
      this.#sendReads();
    });
  }

  #sendReads(): void {
    const { mostReads } = this.#options;
    while (!this.#isHeld && this.#reads < mostReads && this.#unread.size > 0) {
      if (this.#nextReads.length === 0) this.#nextReads = [...this.#unread].reverse();
      const next = this.#nextReads.pop()!;
      if (this.#unread.has(next)) this.#send(next);
    }
  }

  /** It may be one for a moment, while it is told so. Then the next connection may lead to the master; its pace is that of connections. */
  #leaveReplica(): void {
    const now = this.#options.clock.now();
    this.#replicaSince ??= now;
    if (now - this.#replicaSince < MOST_REPLICA) return;
    this.#replicaSince = undefined;
    this.#link.drop("the server has become a replica");
  }

  /** It is to be sent again, and nothing before it: what comes now waits behind it. */
  #again(pending: Pending, why: "lost" | "early" | "no script"): void {
    if (!this.#pending.has(pending)) return;
    if (pending.kind === "read") this.#unread.add(pending);
    if (why === "no script") this.#isMissingScripts = true;
    if (this.#isHeld || this.#closed) return;
    this.#isHeld = true;
    const { clock } = this.#options;
    const goOn = () => this.#goOn();
    if (why === "lost") return void this.#link.ready().then(goOn, goOn);
    const isFirst = why === "no script" && !this.#wasLoadedAgain; // who may not load scripts any more is told so each time
    const pause = isFirst ? 0 : PAUSE.least + clock.random() * (PAUSE.most - PAUSE.least);
    this.#timer = clock.setTimeout(goOn, pause);
  }

  /** Sends all that waits, in order. */
  #goOn(): void {
    this.#isHeld = false;
    if (this.#closed) return;
    if (this.#isMissingScripts) this.#loadAgain();
    this.#wasLoadedAgain = this.#isMissingScripts;
    this.#isMissingScripts = false;
    for (const pending of [...this.#pending]) if (this.#maySend(pending)) this.#send(pending);
  }

  async #evaluate({ script, keys, args }: Job): Promise<Reply> {
    return await this.#link.command([
      "EVALSHA",
      this.#scripts.get(script)!,
      String(keys.length),
      ...keys,
      ...args(),
    ]);
  }
}

/** Why a command is to be sent again, if it is. A signal that may have been heard is not. */
function whyAgain(error: unknown, kind: Kind): "lost" | "early" | "no script" | undefined {
  if (error instanceof RedisLostError) return kind === "signal" && error.sent ? undefined : "lost";
  if (!(error instanceof RedisReplyError)) return undefined;
  if (error.code === "NOSCRIPT") return "no script";
  return LATER.includes(error.code) ? "early" : undefined;
}

/** Whether it has run, or may run yet, though this is its answer. */
function mayHaveRun(error: unknown): boolean {
  if (error instanceof RedisLostError) return error.sent;
  return !(error instanceof RedisReplyError && [...LATER, ...REFUSED].includes(error.code));
}

/** Whether it was done is not known, or it was not. */
export function unavailable(message: string, cause?: unknown): BrokerError {
  return caused(new BrokerError("UNAVAILABLE", message), cause);
}

/** An `UNAVAILABLE` that is certain: it was not done, and will not be. */
export class UndoneError extends BrokerError {
  /** Makes one. */
  constructor(message: string, cause?: unknown) {
    super("UNAVAILABLE", message);
    caused(this, cause);
  }
}

function caused<T extends Error>(error: T, cause: unknown): T {
  if (cause !== undefined) error.cause = cause;
  return error;
}

function asBrokerError(error: unknown, isUndone: boolean): BrokerError {
  const message = error instanceof Error ? error.message : String(error);
  const cause = error instanceof BrokerError ? error.cause : error;
  return isUndone ? new UndoneError(message, cause) : unavailable(message, cause);
}
