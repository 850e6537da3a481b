/**
 * The replies of calls that run once, in Redis.
 *
 * @module
 */
import type { Claim, Ledger } from "../rpc/broker.ts";
import { BrokerError } from "../rpc/broker.ts";
import type { Clock } from "../rpc/clock.ts";
import type { Commands } from "./commands.ts";
import { bytesOf, textOf } from "./entries.ts";
import { claimKey } from "./keys.ts";
import { RedisReplyError, type RedisSubscriber, type Reply } from "./link.ts";
import { CLAIM, FORGET, RENEW, SETTLE, SETTLE_GONE } from "./scripts.ts";

/** What it is made of. */
export interface LedgerParts {
  /** Where scripts run. */
  readonly commands: Commands;
  /** Where ends are told. */
  readonly subscriber: Pick<RedisSubscriber, "subscribe" | "unsubscribe">;
  /** Time. */
  readonly clock: Pick<Clock, "setTimeout" | "clearTimeout">;
  /** What keys begin with. */
  readonly prefix: string;
  /** Names this node among those that share the ledger. */
  readonly node: string;
}

/** Those here who wait for the call of one key. */
interface Waiting {
  readonly hash: string;
  readonly done: PromiseWithResolvers<Uint8Array | undefined>;
  timer: unknown;
}

/** Milliseconds after which one looks by oneself: the node where a call ran may have died, and its claim is over in silence. */
const LOOK = 1_000;
/** A reply above it is not kept: the call is known to have run. */
const MOST_REPLY = 1_048_576;

/** The ledger of the broker in Redis. Keys go with their time; memory that is full costs replies and new claims. */
export class RedisLedger implements Ledger {
  readonly #parts: LedgerParts;
  readonly #waiting = new Map<string, Waiting>();
  #claims = 0;

  /** Claims nothing yet. */
  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  /** See {@linkcode Ledger.claim}. The room is Redis's memory: who claims much takes it from all. */
  async claim(key: string, hash: string, ms: number): Promise<Claim> {
    const name = this.#name(key);
    const who = `${this.#parts.node} ${++this.#claims}`;
    let reply: Reply;
    try {
      reply = await this.#parts.commands.run({
        script: CLAIM,
        keys: [name],
        args: () => [hash, String(ms), who],
      });
    } catch (error) {
      if (isFull(error)) return { state: "full" };
      throw error;
    }
    const [state, bytes] = reply as readonly string[];
    if (state === "done") return { state, reply: bytesOf(bytes!) };
    if (state === "running") return { state, done: this.#wait(name, hash) };
    return { state: state as "new" | "gone" | "other" };
  }

  /** See {@linkcode Ledger.renew}. */
  async renew(key: string, ms: number): Promise<void> {
    await this.#parts.commands.run({ script: RENEW, keys: [this.#name(key)], args: () => [String(ms)] });
  }

  /** See {@linkcode Ledger.settle}. */
  async settle(key: string, reply: Uint8Array): Promise<void> {
    const { commands } = this.#parts;
    const keys = [this.#name(key)];
    const gone = () => commands.run({ script: SETTLE_GONE, keys, args: () => [] });
    if (reply.byteLength > MOST_REPLY) return void await gone();
    const text = textOf(reply);
    try {
      await commands.run({ script: SETTLE, keys, args: () => [text] });
    } catch (error) {
      if (!isFull(error)) throw error;
      await gone();
    }
  }

  /** See {@linkcode Ledger.forget}. */
  async forget(key: string): Promise<void> {
    await this.#parts.commands.run({ script: FORGET, keys: [this.#name(key)], args: () => [] });
  }

  /** A claim was settled or given back, as a push says. */
  told(name: string): void {
    if (this.#waiting.has(name)) void this.#look(name);
  }

  /** Whatever was told meanwhile may have been missed. */
  uncertain(): void {
    for (const name of this.#waiting.keys()) void this.#look(name);
  }

  /** Nobody waits any more. */
  close(): void {
    for (const name of [...this.#waiting.keys()]) this.#end(name, undefined);
  }

  #name(key: string): string {
    return claimKey(this.#parts.prefix, key);
  }

  #wait(name: string, hash: string): Promise<Uint8Array | undefined> {
    let waiting = this.#waiting.get(name);
    if (waiting === undefined) {
      waiting = { hash, done: Promise.withResolvers(), timer: undefined };
      this.#waiting.set(name, waiting);
      // What ends before this is confirmed is seen by looking.
      this.#parts.subscriber.subscribe(name).then(() => this.told(name), () => {});
      this.#arm(name, waiting);
    }
    return waiting.done.promise;
  }

  #arm(name: string, waiting: Waiting): void {
    this.#parts.clock.clearTimeout(waiting.timer);
    waiting.timer = this.#parts.clock.setTimeout(() => void this.#look(name), LOOK);
  }

  /** Whether it still runs. */
  async #look(name: string): Promise<void> {
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) return;
    try {
      const reply = await this.#parts.commands.send([
        "HMGET",
        name,
        "h",
        "s",
        "r",
      ]) as readonly (string | null)[];
      if (this.#waiting.get(name) !== waiting) return;
      const [hash, settled, kept] = reply;
      if (hash === waiting.hash && settled === null) return this.#arm(name, waiting);
      this.#end(name, hash === waiting.hash && kept !== null ? bytesOf(kept!) : undefined);
    } catch {
      if (this.#waiting.get(name) === waiting) this.#arm(name, waiting);
    }
  }

  #end(name: string, reply: Uint8Array | undefined): void {
    const waiting = this.#waiting.get(name)!;
    this.#waiting.delete(name);
    this.#parts.clock.clearTimeout(waiting.timer);
    this.#parts.subscriber.unsubscribe(name);
    waiting.done.resolve(reply);
  }
}

function isFull(error: unknown): boolean {
  return error instanceof BrokerError && error.cause instanceof RedisReplyError && error.cause.code === "OOM";
}
