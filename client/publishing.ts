/**
 * What a client publishes to one channel: numbered, in order, sent again with the same number until it is answered.
 *
 * @module
 */
import type { Published } from "../rpc/channel_types.ts";
import type { Clock } from "../rpc/clock.ts";
import { CallError } from "../rpc/errors.ts";
import { isPosition } from "../rpc/positions.ts";
import type { PublishCallOptions } from "./channel_types.ts";

/** Publications that have no answer yet, of one channel: the server remembers the results of so many. */
const MOST_SENT = 64;
/** Waits before something is sent again on the same connection, in milliseconds, double from the first to the last, of which a random part is waited. */
const FIRST_WAIT = 100;
const LAST_WAIT = 5_000;

/** What all channels of a client share: how much they may hold together. */
export interface OutboxSize {
  /** Publications. */
  count: number;
  /** Their bytes. */
  bytes: number;
  /** Bounds of both. */
  readonly most: { readonly count: number; readonly bytes: number };
}

/** What publishing needs of its client. */
export interface PublishingParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Calls a procedure of the library. */
  readonly call: (name: string, input: unknown) => PromiseLike<unknown>;
  /** What waits here, and elsewhere. */
  readonly size: OutboxSize;
}

interface Entry {
  /** Its number; 0 where a key names it. */
  readonly n: number;
  readonly key: string | undefined;
  readonly data: Uint8Array;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: unknown) => void;
  /** Whether it is on its way now. */
  isSent: boolean;
  /** Whether it may have landed: it was on its way, and nobody said that it was refused. */
  mayHaveLanded: boolean;
  /** Forgets timer and signal. */
  release: () => void;
}

/** The publications of one channel that have no answer. */
export class Publishing {
  readonly #channel: string;
  readonly #parts: PublishingParts;
  /** In the order of their numbers; those with a key stand anywhere. */
  readonly #entries: Entry[] = [];
  #last = 0;
  #connected = false;
  #failures = 0;
  #retry: unknown;

  /** For the channel of this name. */
  constructor(channel: string, parts: PublishingParts) {
    this.#channel = channel;
    this.#parts = parts;
  }

  /** Publishes what is encoded already; `data` belongs to it from now on. */
  publish(data: Uint8Array, { signal, timeout, key }: PublishCallOptions): Promise<Published> {
    if (timeout !== undefined && !(timeout >= 0)) {
      return Promise.reject(new TypeError(`Cannot publish: timeout ${timeout} is no time`));
    }
    if (signal?.aborted) {
      return Promise.reject(
        new CallError("CANCELLED", undefined, { ambiguous: false, cause: signal.reason }),
      );
    }
    const { size, clock } = this.#parts;
    // One is always admitted where there is nothing.
    if (size.count > 0 && (size.count >= size.most.count || size.bytes + data.length > size.most.bytes)) {
      return Promise.reject(
        new CallError(
          "RESOURCE_EXHAUSTED",
          `Cannot publish: ${size.count} publications of ${size.bytes} bytes wait for their answer`,
        ),
      );
    }
    size.count++;
    size.bytes += data.length;
    return new Promise((resolve, reject) => {
      const entry: Entry = {
        n: key === undefined ? ++this.#last : 0,
        key,
        data,
        resolve,
        reject,
        isSent: false,
        mayHaveLanded: false,
        release: () => {
          clock.clearTimeout(timer);
          signal?.removeEventListener("abort", abort);
        },
      };
      const abort = () => this.#giveUp(entry, "CANCELLED", signal?.reason);
      const timer = timeout === undefined || timeout === Infinity
        ? undefined
        : clock.setTimeout(() => this.#giveUp(entry, "DEADLINE"), timeout);
      signal?.addEventListener("abort", abort, { once: true });
      this.#entries.push(entry);
      this.#send();
    });
  }

  /** There is a connection: what waits is sent, what is on its way goes on or fails by itself. */
  connected(): void {
    this.#connected = true;
    this.#sendNow();
  }

  /** There is none. */
  disconnected(): void {
    this.#connected = false;
    this.#stopRetry();
  }

  /** There will be none any more. */
  end(error: CallError): void {
    this.disconnected();
    for (const entry of [...this.#entries]) this.#reject(entry, error.code, { message: error.message });
  }

  /** Sends what may be sent, lowest number first. */
  #send(): void {
    if (!this.#connected || this.#retry !== undefined) return;
    const sent = this.#entries.slice(0, MOST_SENT);
    for (const entry of sent) if (!entry.isSent) this.#sendOne(entry);
  }

  #sendNow(): void {
    this.#stopRetry();
    this.#send();
  }

  #sendOne(entry: Entry): void {
    entry.isSent = true;
    const mayHaveLanded = entry.mayHaveLanded;
    entry.mayHaveLanded = true;
    this.#parts.call("@publish", this.#input(entry)).then(
      (answer) => this.#answered(entry, answer),
      (error) => this.#failed(entry, error, mayHaveLanded),
    );
  }

  /** `[channel, n, data, options]`. */
  #input({ n, key, data }: Entry): unknown[] {
    if (key !== undefined) return [this.#channel, n, data, { key }];
    const low = this.#entries.find((other) => other.n > 0)!.n;
    return low === n ? [this.#channel, n, data] : [this.#channel, n, data, low];
  }

  #answered(entry: Entry, answer: unknown): void {
    entry.isSent = false;
    const published = readPublished(answer);
    if (published === undefined) {
      return this.#reject(entry, "BAD_MESSAGE", { message: "The answer to a publication makes no sense" });
    }
    if (!this.#remove(entry)) return;
    this.#failures = 0;
    entry.resolve(published);
    this.#send();
  }

  #failed(entry: Entry, error: unknown, mayHaveLandedBefore: boolean): void {
    entry.isSent = false;
    if (!this.#entries.includes(entry)) return;
    const isAmbiguous = error instanceof CallError && error.ambiguous;
    if (!isAmbiguous) entry.mayHaveLanded = mayHaveLandedBefore;
    if (mayBeSentAgain(error) || (!this.#connected && isRefusal(error))) return this.#retryLater();
    if (!this.#remove(entry)) return;
    entry.reject(mayHaveLandedBefore ? asAmbiguous(error) : error);
    this.#send();
  }

  #retryLater(): void {
    if (!this.#connected || this.#retry !== undefined) return;
    const { clock } = this.#parts;
    const bound = Math.min(LAST_WAIT, FIRST_WAIT * 2 ** Math.min(this.#failures++, 16));
    this.#retry = clock.setTimeout(() => this.#sendNow(), clock.random() * bound);
  }

  #stopRetry(): void {
    this.#parts.clock.clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  /** The program waits no longer. */
  #giveUp(entry: Entry, code: string, cause?: unknown): void {
    this.#reject(entry, code, { cause });
    this.#send();
  }

  #reject(entry: Entry, code: string, { message, cause }: { message?: string; cause?: unknown }): void {
    if (!this.#remove(entry)) return;
    entry.reject(new CallError(code, message, { ambiguous: entry.mayHaveLanded, cause }));
  }

  #remove(entry: Entry): boolean {
    const at = this.#entries.indexOf(entry);
    if (at < 0) return false;
    this.#entries.splice(at, 1);
    const { size } = this.#parts;
    size.count--;
    size.bytes -= entry.data.length;
    entry.release();
    return true;
  }
}

/** Whether it may be the connection that was refused, not the publication: the next may bring a better token. */
function isRefusal(error: unknown): boolean {
  return error instanceof CallError && (error.code === "UNAUTHENTICATED" || error.code === "FORBIDDEN");
}

/** Whether another attempt may tell: the server asks for it, or the answer was lost on the way. */
function mayBeSentAgain(error: unknown): boolean {
  if (!(error instanceof CallError)) return false;
  return error.retryable || error.code === "DISCONNECTED" || error.code === "DEADLINE";
}

/** A refusal speaks of the last attempt alone: an earlier one, of which nothing is known, may have landed. */
function asAmbiguous(error: unknown): unknown {
  if (!(error instanceof CallError)) return error;
  const { code, message, retryable, declared, data, cause } = error;
  return new CallError(code, message, { ambiguous: true, retryable, declared, data, cause });
}

/** `[epoch, offset, fingerprint, durability]`. */
function readPublished(answer: unknown): Published | undefined {
  if (!Array.isArray(answer)) return undefined;
  const [epoch, offset, fingerprint, durability] = answer as unknown[];
  if (typeof durability !== "string") return undefined;
  const position = { epoch, offset, fingerprint };
  return isPosition(position) ? { ...position, durability } : undefined;
}
