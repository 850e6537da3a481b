/**
 * The replies of calls that run once, in Redis.
 *
 * @module
 */
import type { Claim, Ledger } from "../rpc/broker.ts";
import { BrokerError } from "../rpc/broker.ts";
import type { Clock } from "../rpc/clock.ts";
import { Retries } from "../rpc/retries.ts";
import type { Commands } from "./commands.ts";
import { bytesOf, textOf } from "./entries.ts";
import { claimKey } from "./keys.ts";
import { CLAIM, FORGET, RENEW, SETTLE, SETTLE_GONE } from "./ledger_scripts.ts";
import { RedisReplyError, type RedisSubscriber, type Reply } from "./link.ts";

/** What it is made of. */
export interface LedgerParts {
  /** Where scripts run. */
  readonly commands: Pick<Commands, "run" | "send">;
  /** Where ends are told. */
  readonly subscriber: Pick<RedisSubscriber, "subscribe" | "unsubscribe">;
  /** Time. */
  readonly clock: Pick<Clock, "now" | "setTimeout" | "clearTimeout">;
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

/** A claim of this node. */
interface Own {
  /** As it says in Redis. */
  readonly who: string;
  readonly ms: number;
  /** When it is over, whether or not it was settled. */
  readonly until: number;
}

/** Milliseconds after which one looks by oneself: the node where a call ran may have died, and its claim is over in silence. */
const LOOK = 1_000;
/** A reply above it is not kept: the call is known to have run. */
const MOST_REPLY = 1_048_576;
/** Claims that may wait to be given back: as many as commands may wait for Redis. In a long outage the first are those that it may have got. */
const MOST_BACK = 16_384;

/** The ledger of the broker in Redis. Keys go with their time; memory that is full costs replies and new claims. */
export class RedisLedger implements Ledger {
  readonly #parts: LedgerParts;
  readonly #waiting = new Map<string, Waiting>();
  /** What was claimed here and neither settled nor given back, in the order of their ends. */
  readonly #own = new Map<string, Own>();
  readonly #back: Retries;
  #claims = 0;

  /** Claims nothing yet. */
  constructor(parts: LedgerParts) {
    this.#parts = parts;
    this.#back = new Retries({ clock: parts.clock, most: MOST_BACK });
  }

  /**
   * See {@linkcode Ledger.claim}. The room is Redis's memory: who claims much takes it from all. One whose answer is lost runs nowhere, and is given back as
   * soon as Redis is there again.
   */
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
      this.#giveBack(name, who, ms); // full memory, too, may have refused a second sending
      if (isFull(error)) return { state: "full" };
      throw error;
    }
    const [state, bytes] = reply as readonly string[];
    if (state === "done") return { state, reply: bytesOf(bytes!) };
    if (state === "running") return { state, done: this.#wait(name, hash) };
    if (state === "new") this.#hold(name, who, ms);
    return { state: state as "new" | "gone" | "other" };
  }

  /** See {@linkcode Ledger.renew}. */
  async renew(key: string, ms: number): Promise<void> {
    const name = this.#name(key);
    const own = this.#own.get(name);
    if (own === undefined) return;
    this.#hold(name, own.who, ms);
    await this.#parts.commands.run({ script: RENEW, keys: [name], args: () => [own.who, String(ms)] });
  }

  /** See {@linkcode Ledger.settle}. Where it fails it may be tried again for as long as the claim had. */
  async settle(key: string, reply: Uint8Array): Promise<void> {
    const name = this.#name(key);
    const own = this.#own.get(name);
    if (own === undefined) return;
    const { who } = own;
    this.#hold(name, who, own.ms);
    await this.#settle(name, who, reply);
    if (this.#own.get(name)?.who === who) this.#own.delete(name);
  }

  async #settle(name: string, who: string, reply: Uint8Array): Promise<void> {
    const { commands } = this.#parts;
    const gone = () => commands.run({ script: SETTLE_GONE, keys: [name], args: () => [who] });
    if (reply.byteLength > MOST_REPLY) return void await gone();
    const text = textOf(reply);
    try {
      await commands.run({ script: SETTLE, keys: [name], args: () => [who, text] });
    } catch (error) {
      if (!isFull(error)) throw error;
      await gone();
    }
  }

  /** See {@linkcode Ledger.forget}. Where it fails it is tried again here. */
  async forget(key: string): Promise<void> {
    const name = this.#name(key);
    const own = this.#own.get(name);
    if (own === undefined) return;
    this.#own.delete(name);
    try {
      await this.#forget(name, own.who);
    } catch (error) {
      this.#giveBack(name, own.who, own.ms);
      throw error;
    }
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
    this.#back.end();
    for (const name of [...this.#waiting.keys()]) this.#end(name, undefined);
  }

  #name(key: string): string {
    return claimKey(this.#parts.prefix, key);
  }

  /** Remembers whose it is, until it is over. */
  #hold(name: string, who: string, ms: number): void {
    const now = this.#parts.clock.now();
    this.#own.delete(name);
    this.#own.set(name, { who, ms, until: now + ms });
    for (const [other, { until }] of this.#own) {
      if (until > now) break;
      this.#own.delete(other);
    }
  }

  async #forget(name: string, who: string): Promise<void> {
    await this.#parts.commands.run({ script: FORGET, keys: [name], args: () => [who] });
  }

  /** In the background, until it has worked or the claim is over anyway. */
  #giveBack(name: string, who: string, ms: number): void {
    if (this.#back.size < MOST_BACK) this.#back.add(who, ms, () => this.#forget(name, who));
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
    let found: readonly (string | null)[] | undefined;
    try {
      found = await this.#parts.commands.send(["HMGET", name, "h", "s", "r"]) as typeof found;
    } catch { /* Redis is away: looked at again */ }
    if (this.#waiting.get(name) !== waiting) return;
    if (found === undefined) return this.#arm(name, waiting);
    const [hash, settled, kept] = found;
    if (hash !== waiting.hash) return this.#end(name, undefined);
    if (settled === null) return this.#arm(name, waiting);
    this.#end(name, readable(kept!));
  }

  /** Never throws: whoever waits is told first, whatever becomes of the subscription. */
  #end(name: string, reply: Uint8Array | undefined): void {
    const waiting = this.#waiting.get(name)!;
    this.#waiting.delete(name);
    this.#parts.clock.clearTimeout(waiting.timer);
    waiting.done.resolve(reply);
    try {
      this.#parts.subscriber.unsubscribe(name);
    } catch { /* a push that comes all the same is nobody's */ }
  }
}

/** What is no reply is `undefined`: who waits asks again, and is told what is wrong. */
function readable(kept: string | null): Uint8Array | undefined {
  try {
    return kept === null ? undefined : bytesOf(kept);
  } catch {
    return undefined;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof BrokerError && error.cause instanceof RedisReplyError && error.cause.code === "OOM";
}
