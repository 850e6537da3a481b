/**
 * The replies of calls that run once, in Redis.
 *
 * @module
 */
import type { Claim, Ledger } from "../rpc/broker.ts";
import { BrokerError } from "../rpc/broker.ts";
import type { Clock } from "../rpc/clock.ts";
import { Retries } from "../rpc/retries.ts";
import { type Commands, unavailable, UndoneError } from "./commands.ts";
import { bytesOf, textOf } from "./entries.ts";
import { backKey, claimKey } from "./keys.ts";
import { CLAIM, FIND, FORGET, FORGOTTEN, RENEW, SETTLE, SETTLE_GONE } from "./ledger_scripts.ts";
import { RedisReplyError, type RedisSubscriber, type Reply } from "./link.ts";
import type { Script } from "./scripts.ts";

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
  /** When it was seen first that nobody has the key. */
  missingSince: number | undefined;
}

/** A claim of this node. */
interface Own {
  /** Its key in Redis. */
  readonly name: string;
  /** As it says in Redis. */
  readonly who: string;
  readonly hash: string;
  readonly ms: number;
  /** When it is over. */
  until: number;
  /** Whether its call still runs. */
  isRunning: boolean;
}

/** Milliseconds after which one looks by oneself: the node where a call ran may have died, and its claim is over in silence. */
const LOOK = 1_000;
/** Milliseconds that a claim whose time is over is remembered: its call may end all the same, as when the process was held still. */
const LATE = 3_600_000;
/** Claims that are written anew at once: there may be many, and others wait for Redis as well. */
const ANEW = 256;
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
  /** How often claims had to be written anew. */
  #losses = 0;

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
    const until = this.#parts.clock.now() + ms;
    const own = { name, who: `${this.#parts.node} ${++this.#claims}`, hash, ms, until, isRunning: true };
    const [state, bytes] = await this.#claim(own);
    if (state === "done") return { state, reply: bytesOf(bytes!) };
    if (state === "running") return { state, done: this.#wait(name, hash) };
    if (state === "back") throw unavailable("The claim was given back before it came");
    if (state === "new") this.#hold(own, ms);
    return { state: state as "new" | "gone" | "full" | "other" };
  }

  /**
   * Full memory refuses a claim before the key is looked at, so what is known of it is asked for. What may be claimed all the same is given back; where that
   * cannot be it leaves no mark, which would fill memory further.
   */
  async #claim(own: Own): Promise<readonly string[]> {
    let mayBeClaimed = false;
    try {
      return await this.#run(CLAIM, own, own.hash, String(own.ms)) as readonly string[];
    } catch (error) {
      mayBeClaimed = !(error instanceof UndoneError);
      if (!isFull(error)) throw error;
      const found = await this.#run(FIND, own, own.hash) as readonly string[];
      if (found[0] === "new") mayBeClaimed = false; // it is, and runs
      return found;
    } finally {
      if (mayBeClaimed) this.#giveBack(own);
    }
  }

  /** See {@linkcode Ledger.renew}. Where Redis has lost the claim it is written anew. */
  async renew(key: string, ms: number): Promise<void> {
    const own = this.#own.get(this.#name(key));
    if (own === undefined) return;
    this.#hold(own, ms);
    await this.#renew(own, ms);
  }

  /** See {@linkcode Ledger.settle}. Where Redis has lost the claim it is written anew, with its reply. Where it fails it may be tried again. */
  async settle(key: string, reply: Uint8Array): Promise<void> {
    const own = this.#own.get(this.#name(key));
    if (own === undefined) return;
    own.isRunning = false;
    const isKept = await this.#settle(own, reply) !== -1;
    if (this.#own.get(own.name) === own) this.#own.delete(own.name);
    if (!isKept) {
      throw new BrokerError(
        "TAKEN",
        "The claim of a call was lost, and somebody else has its key: it may run twice",
      );
    }
  }

  async #settle(own: Own, reply: Uint8Array): Promise<Reply> {
    const about = [own.hash, String(own.ms)];
    const gone = () => this.#run(SETTLE_GONE, own, ...about);
    if (reply.byteLength > MOST_REPLY) return await gone();
    try {
      return await this.#run(SETTLE, own, ...about, textOf(reply));
    } catch (error) {
      if (!isFull(error)) throw error;
      return await gone();
    }
  }

  /** See {@linkcode Ledger.forget}. Where it fails it is tried again here. */
  async forget(key: string): Promise<void> {
    const own = this.#own.get(this.#name(key));
    if (own === undefined) return;
    this.#own.delete(own.name);
    try {
      await this.#forget(own);
    } catch (error) {
      this.#giveBack(own);
      throw error;
    }
  }

  /** A claim was settled or given back, as a push says. */
  told(name: string, what: string): void {
    if (this.#waiting.has(name)) void this.#look(name, what === FORGOTTEN);
  }

  /** Whatever was told meanwhile may have been missed, and claims may have been lost: whoever waits for them would run their calls again. */
  uncertain(): void {
    void this.#writeAnew();
    for (const name of this.#waiting.keys()) void this.#look(name);
  }

  /** Tries once more what could not be done, for `ms` at most. */
  async flush(ms: number): Promise<void> {
    await this.#back.flush(ms);
  }

  /** Nobody waits any more. */
  close(): void {
    this.#back.end();
    for (const name of [...this.#waiting.keys()]) this.#end(name, undefined);
  }

  #name(key: string): string {
    return claimKey(this.#parts.prefix, key);
  }

  /** Remembers that it is ours. */
  #hold(own: Own, ms: number): void {
    const now = this.#parts.clock.now();
    own.until = now + ms;
    this.#own.delete(own.name);
    this.#own.set(own.name, own);
    for (const [other, { until }] of this.#own) {
      if (until + LATE > now) break;
      this.#own.delete(other);
    }
  }

  async #run(script: Script, { name, who }: Own, ...about: readonly string[]): Promise<Reply> {
    const args = [who, ...about];
    return await this.#parts.commands.run({ script, keys: [name, backKey(name, who)], args: () => args });
  }

  async #renew(own: Own, ms: number): Promise<void> {
    await this.#run(RENEW, own, own.hash, String(ms));
  }

  async #forget(own: Own): Promise<void> {
    await this.#run(FORGET, own, String(own.ms));
  }

  /** In the background, until it has worked or the claim is over anyway. */
  #giveBack(own: Own): void {
    if (this.#back.size < MOST_BACK) this.#back.add(own.who, own.ms, () => this.#forget(own));
  }

  /** Claims of calls that run, or whose replies were not taken yet, so many at a time. What fails is for the next renewal. */
  async #writeAnew(): Promise<void> {
    const loss = ++this.#losses;
    const now = this.#parts.clock.now();
    const lost = [...this.#own.values()].filter(({ until }) => until > now);
    for (let at = 0; at < lost.length && loss === this.#losses; at += ANEW) {
      const some = lost.slice(at, at + ANEW).filter((own) => this.#own.get(own.name) === own);
      const done = await Promise.allSettled(some.map((own) => this.#renew(own, own.ms)));
      if (done.some(({ status }) => status === "rejected")) return;
    }
  }

  #wait(name: string, hash: string): Promise<Uint8Array | undefined> {
    let waiting = this.#waiting.get(name);
    if (waiting === undefined) {
      waiting = { hash, done: Promise.withResolvers(), timer: undefined, missingSince: undefined };
      this.#waiting.set(name, waiting);
      // What ends before this is confirmed is seen by looking.
      this.#parts.subscriber.subscribe(name).then(() => this.#look(name), () => {});
      this.#arm(name, waiting);
    }
    return waiting.done.promise;
  }

  #arm(name: string, waiting: Waiting): void {
    this.#parts.clock.clearTimeout(waiting.timer);
    waiting.timer = this.#parts.clock.setTimeout(() => void this.#look(name), LOOK);
  }

  /** Whether it still runs. Where nobody has the key, and it was not given back, Redis may have lost it: who runs it has the time to say so. */
  async #look(name: string, isGivenBack = false): Promise<void> {
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) return;
    let found: readonly (string | null)[] | undefined;
    try {
      found = await this.#parts.commands.send(["HMGET", name, "h", "s", "r"]) as typeof found;
    } catch { /* Redis is away: looked at again */ }
    if (this.#waiting.get(name) !== waiting) return;
    if (found === undefined) return this.#arm(name, waiting);
    const [hash, settled, kept] = found;
    if (hash === null && !isGivenBack && this.#mayComeBack(waiting)) return this.#arm(name, waiting);
    waiting.missingSince = undefined;
    if (hash !== waiting.hash) return this.#end(name, undefined);
    if (settled === null) return this.#arm(name, waiting);
    this.#end(name, readable(kept!));
  }

  #mayComeBack(waiting: Waiting): boolean {
    const now = this.#parts.clock.now();
    waiting.missingSince ??= now;
    return now - waiting.missingSince < LOOK / 2;
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
