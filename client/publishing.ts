/**
 * What a client publishes to one channel: numbered, in order, sent again with the same number until it is answered.
 *
 * @module
 */
import type { Published } from "../rpc/channel_types.ts";
import type { Clock } from "../rpc/clock.ts";
import { CallError, isReceived } from "../rpc/errors.ts";
import { isPosition } from "../rpc/positions.ts";
import { changeOnWire, type SendingOptions } from "./changes.ts";
import { type OutboxSize, refusal } from "./outbox.ts";

/** Publications that have no answer yet, of one channel: the server remembers the results of so many. */
const MOST_SENT = 64;
/**
 * Milliseconds after the first sending that may have landed in which a publication is sent again: safely less than the 10 minutes for which the server
 * remembers what has landed. Later it would land a second time.
 */
const LONGEST_RETRY = 420_000;
/** Waits before something is sent again on the same connection, in milliseconds, double from the first to the last, of which a random part is waited. */
const FIRST_WAIT = 100;
const LAST_WAIT = 5_000;

const NEVER: Moment = { now: 0, date: 0 };

/** What publishing needs of its client. */
export interface PublishingParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Calls a procedure of the library. */
  readonly call: (name: string, input: unknown) => PublishCall;
  /** What waits here, and elsewhere. */
  readonly size: OutboxSize;
}

/** A call that may be given up. */
export interface PublishCall extends PromiseLike<unknown> {
  /** Tells the server that nobody waits for it any more. */
  cancel?(): void;
}

/** One publication, as who conflates them sees it. */
export interface Carried {
  /** Whether it has left: then it keeps its number and its place. */
  isSent: boolean;
  /** Gives it up. */
  giveUp(code: string, cause?: unknown): void;
}

/** A moment by the clock that never goes back, and by the one that counts sleep. */
interface Moment {
  readonly now: number;
  readonly date: number;
}

interface Entry {
  /**
   * Its number, given when it is sent first: one that is given up before leaves no gap, for which the server would keep those behind it waiting.
   * 0 until then, and where a key names it.
   */
  n: number;
  /** The lowest number without an answer, as it was told with the latest sending. */
  low: number;
  readonly key: string | undefined;
  readonly change: SendingOptions["change"];
  readonly data: Uint8Array;
  readonly carried: Carried | undefined;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: unknown) => void;
  /** Sendings that are on their way now. */
  readonly calls: Set<PublishCall>;
  /** Sendings that may have landed: nobody said that they were refused. */
  uncertain: number;
  /** When the first of them left, on both clocks. */
  since: Moment;
  /** Forgets timer and signal. */
  release: () => void;
}

/** The publications of one channel that have no answer. */
export class Publishing {
  readonly #channel: string;
  readonly #parts: PublishingParts;
  /** In the order of their numbers; those with a key stand anywhere. */
  readonly #entries: Entry[] = [];
  /** Numbers that were given up, or never left, above the lowest one without an answer: the server may wait for them. */
  #gaps: number[] = [];
  #last: number;
  #connected = false;
  #failures = 0;
  #retry: unknown;

  /** For the channel of this name; its numbers begin above `last`. */
  constructor(channel: string, parts: PublishingParts, last = 0) {
    this.#channel = channel;
    this.#parts = parts;
    this.#last = last;
  }

  /** The highest number that it has given. */
  get last(): number {
    return this.#last;
  }

  /** Whether everything has its answer. */
  get isIdle(): boolean {
    return this.#entries.length === 0;
  }

  /** Publishes what is encoded already; `data` belongs to it from now on. `carried` is told of it. */
  publish(data: Uint8Array, options: SendingOptions, carried?: Carried): Promise<Published> {
    const { signal, timeout, key, change } = options;
    const { size, clock } = this.#parts;
    const refused = refusal(size, data.length, options);
    if (refused !== undefined) return Promise.reject(refused);
    return new Promise((resolve, reject) => {
      const entry: Entry = {
        n: 0,
        low: 0,
        key,
        change,
        data,
        carried,
        resolve,
        reject,
        calls: new Set(),
        uncertain: 0,
        since: NEVER,
        release: () => {
          clock.clearTimeout(timer);
          signal?.removeEventListener("abort", abort);
          if (carried !== undefined) carried.giveUp = () => {};
        },
      };
      const abort = () => this.#giveUp(entry, "CANCELLED", signal?.reason);
      signal?.addEventListener("abort", abort, { once: true }); // before anything is kept: it may be none
      const timer = timeout === undefined || timeout === Infinity
        ? undefined
        : clock.setTimeout(() => this.#giveUp(entry, "DEADLINE"), timeout);
      if (carried !== undefined) carried.giveUp = (code, cause) => this.#giveUp(entry, code, cause);
      size.count++;
      size.bytes += data.length;
      this.#entries.push(entry);
      this.send();
    });
  }

  /** There is a connection: what waits is sent, what is on its way goes on or fails by itself. */
  connected(): void {
    this.#connected = true;
    this.#sendNow();
    // A call that had not left may go out in another session, as it was made: there nobody knows what was answered since.
    const first = this.#lowest;
    if (first !== undefined && first.calls.size > 0 && first.low < first.n) this.#sendOne(first);
  }

  /** There is none. */
  disconnected(): void {
    this.#connected = false;
    this.#parts.size.waiting.delete(this);
    this.#stopRetry();
  }

  /** There will be none any more. */
  end(error: CallError): void {
    this.disconnected();
    for (const entry of [...this.#entries]) this.#reject(entry, error.code, { message: error.message });
  }

  /** Sends what may be sent, lowest number first. */
  send(): void {
    if (!this.#connected || this.#retry !== undefined) return;
    for (const entry of this.#entries.slice(0, MOST_SENT)) this.#dropOld(entry);
    for (const entry of this.#entries.slice(0, MOST_SENT)) {
      if (entry.calls.size > 0) continue;
      if (!this.#hasRoom) {
        this.#parts.size.waiting.add(this);
        break;
      }
      this.#sendOne(entry);
    }
    this.#closeGaps();
  }

  get #hasRoom(): boolean {
    const { sent, mostSent } = this.#parts.size;
    return sent < Math.max(1, mostSent());
  }

  #sendNow(): void {
    this.#stopRetry();
    this.send();
  }

  #sendOne(entry: Entry): void {
    if (entry.n === 0 && entry.key === undefined) entry.n = ++this.#last;
    if (entry.carried !== undefined) entry.carried.isSent = true;
    this.#findHole(entry);
    const input = this.#input(entry);
    if (entry.uncertain++ === 0) entry.since = this.#moment();
    const call = this.#parts.call(entry.change === undefined ? "@publish" : "@message", input);
    entry.calls.add(call);
    this.#parts.size.sent++;
    const isOver = () => {
      entry.calls.delete(call);
      this.#parts.size.sent--;
    };
    call.then(
      (answer) => {
        isOver();
        this.#answered(entry, answer);
        this.#giveWay();
      },
      (error) => {
        isOver();
        this.#failed(entry, error);
        this.#giveWay();
      },
    );
  }

  /** Some right before it may be over while one below them is not: a server to which this is another session does not know that, and would wait for them. */
  #findHole({ n }: Entry): void {
    let before = 0;
    for (const other of this.#entries) if (other.n > before && other.n < n) before = other.n;
    if (before > 0 && before < n - 1 && !this.#gaps.includes(n - 1)) this.#gaps.push(n - 1);
  }

  /** There is room for another sending, of the channel that has waited for the longest. */
  #giveWay(): void {
    const { waiting } = this.#parts.size;
    for (const other of waiting) {
      if (!this.#hasRoom) break;
      waiting.delete(other);
      other.send();
    }
    this.send();
  }

  /** `[channel, n, data, options]`. */
  #input(entry: Entry): unknown[] {
    const { n, key, data, change } = entry;
    const what = changeOnWire(change);
    const input: unknown[] = [this.#channel, n, data];
    if (key === undefined) entry.low = this.#lowest!.n;
    const low = key !== undefined || entry.low === n ? undefined : entry.low;
    // A call may leave much later than it is made: its age is read when it is encoded.
    const age = () => Math.ceil(this.#age(entry));
    if (entry.uncertain > 0) {
      input.push({
        ...what,
        low,
        key,
        get age() {
          return age();
        },
      });
    } else if (key !== undefined || what !== undefined) input.push({ ...what, low, key });
    else if (low !== undefined) input.push(low);
    return input;
  }

  #moment(): Moment {
    const { clock } = this.#parts;
    return { now: clock.now(), date: clock.date?.() ?? 0 };
  }

  /** Milliseconds since it may have landed. A clock that was set counts too much: then it is not sent again, although it might. */
  #age({ since }: Entry): number {
    const { now, date } = this.#moment();
    return Math.max(0, now - since.now, date - since.date);
  }

  /** Ends what cannot be sent again any more. */
  #dropOld(entry: Entry): void {
    if (entry.uncertain === 0 || entry.calls.size > 0 || this.#age(entry) <= LONGEST_RETRY) return;
    this.#reject(entry, "UNAVAILABLE", {
      message: "It is not known whether the publication has landed, and too late to send it again",
    });
    this.#leavesGap(entry);
  }

  /** The lowest number without an answer. */
  get #lowest(): Entry | undefined {
    return this.#entries.find(({ n }) => n > 0);
  }

  /** The server may keep the lowest waiting for one that does not come any more: it comes again, and tells that it is the lowest. */
  #closeGaps(): void {
    const first = this.#lowest;
    if (this.#gaps.length === 0) return;
    const isKept = first !== undefined && first.calls.size > 0 &&
      this.#gaps.some((n) => n >= first.low && n < first.n);
    this.#gaps = first === undefined ? [] : this.#gaps.filter((n) => n > first.n);
    if (isKept) this.#sendOne(first);
  }

  #answered(entry: Entry, answer: unknown): void {
    const published = readPublished(answer);
    if (published === undefined) {
      return this.#reject(entry, "BAD_MESSAGE", { message: "The answer to a publication makes no sense" });
    }
    if (!this.#remove(entry)) return;
    this.#failures = 0;
    entry.resolve(published);
  }

  #failed(entry: Entry, error: unknown): void {
    const isAmbiguous = error instanceof CallError && error.ambiguous;
    if (!isAmbiguous) entry.uncertain--;
    if (!this.#entries.includes(entry) || entry.calls.size > 0) return; // the other sending tells
    if (mayBeSentAgain(error) || (!this.#connected && isRefusal(error))) return this.#retryLater();
    if (!this.#remove(entry)) return;
    if (!isReceived(error)) this.#leavesGap(entry);
    entry.reject(entry.uncertain > 0 ? asAmbiguous(error) : error);
  }

  #leavesGap({ n }: Entry): void {
    if (n > 0) this.#gaps.push(n);
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
    this.#leavesGap(entry);
    for (const call of entry.calls) call.cancel?.();
    this.send();
  }

  #reject(entry: Entry, code: string, { message, cause }: { message?: string; cause?: unknown }): void {
    if (!this.#remove(entry)) return;
    entry.reject(new CallError(code, message, { ambiguous: entry.uncertain > 0, cause }));
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
export function asAmbiguous<E>(error: E): E | CallError {
  if (!(error instanceof CallError)) return error;
  const { code, message, retryable, declared, data, cause } = error;
  return new CallError(code, message, { ambiguous: true, retryable, declared, data, cause });
}

/** Reads `[epoch, offset, fingerprint, durability]`; `undefined` where it is none. */
export function readPublished(answer: unknown): Published | undefined {
  if (!Array.isArray(answer)) return undefined;
  const [epoch, offset, fingerprint, durability] = answer as unknown[];
  if (typeof durability !== "string") return undefined;
  const position = { epoch, offset, fingerprint };
  return isPosition(position) ? { ...position, durability } : undefined;
}
