/**
 * Publications of one client to one channel, in the order of their numbers: a large one arrives in fragments and later than those made
 * after it, and a check of the program may take its time.
 *
 * @module
 */
import { CallError } from "./errors.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { isPromise } from "./iterating.ts";

/** Which publication. */
export interface Numbered {
  /** The channel. */
  readonly channel: string;
  /** 1, 2, 3… for each channel. */
  readonly n: number;
  /** The lowest number for which the client has no answer and still wants one. */
  readonly low: number;
}

/** One channel of the client. */
interface Row {
  /** The number whose turn it is. */
  next: number;
  /** What is under way of it, unless it was given up. */
  busy: Run | undefined;
  readonly waiting: Map<number, Waiting>;
}

/** A publication that is under way. */
interface Run {
  readonly n: number;
  /** Aborts when its call is broken off: its check may never end. */
  readonly signal: (() => AbortSignal) | undefined;
  /** Whether somebody waits for it, and so listens to that. */
  isWatched: boolean;
}

interface Waiting {
  readonly start: () => void;
  readonly refuse: (error: CallError) => void;
}

/** Channels that are remembered while nothing waits in them. */
const MOST_ROWS = 256;
/** Bytes of one, beside its name. */
const ROW_BYTES = 100;

/** The order of one client's publications. */
export class PublishOrder {
  /** The one that was used longest ago first. */
  readonly #rows = new Map<string, Row>();
  readonly #most: number;
  #waiting = 0;
  #held = 0;
  #hasForgotten = false;

  /**
   * @param most Publications that wait for those before them, of all channels together. Each takes the place of a call that runs, and
   * those before them need a place too: less than there are places.
   */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes that it keeps: names, about. What waits is counted where calls are. */
  get held(): number {
    return this.#held;
  }

  /**
   * Runs `act` when all numbers before are over. At once, and without a promise, when they are.
   *
   * @param act Is given the lowest number that may still be on its way: its own, when its turn has come.
   * @param signal Of its call. Asked for only when another waits for it.
   * @throws {CallError} `OUT_OF_ORDER` when too many wait, and when it is not known whether one before it has landed.
   */
  run<T>(
    numbered: Numbered,
    act: (low: number) => MaybePromise<T>,
    signal?: () => AbortSignal,
  ): MaybePromise<T> {
    const { n, low } = numbered;
    const row = this.#row(numbered);
    if (low > row.next) this.#advance(row, low);
    if (n > row.next && row.busy !== undefined) this.#watch(row, row.busy);
    if (n < row.next || n === row.busy?.n) return act(low); // a retry: the broker knows it
    if (n === row.next) return this.#start(row, act, signal);
    if (this.#waiting >= this.#most || row.waiting.has(n)) throw outOfOrder();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const start = () => {
      try {
        resolve(n === row.next ? this.#start(row, act, signal) : act(low));
      } catch (error) {
        reject(error);
      }
    };
    const waiting = { start, refuse: reject };
    row.waiting.set(n, waiting);
    this.#waiting++;
    // Who gives it up wants its place for others; a higher `low` may never come.
    signal?.().addEventListener("abort", () => {
      if (row.waiting.get(n) !== waiting) return;
      row.waiting.delete(n);
      this.#waiting--;
      reject(outOfOrder());
    }, { once: true });
    return promise;
  }

  #row({ channel, n, low }: Numbered): Row {
    const known = this.#rows.get(channel);
    if (known !== undefined) {
      if (this.#rows.size > MOST_ROWS / 2) {
        this.#rows.delete(channel);
        this.#rows.set(channel, known);
      }
      return known;
    }
    // Some before it may have landed, and the answers are on their way: by the next time the client knows.
    if (this.#hasForgotten && low < n) throw outOfOrder();
    const row = { next: low, busy: undefined, waiting: new Map() };
    this.#rows.set(channel, row);
    this.#held += ROW_BYTES + channel.length;
    if (this.#rows.size > MOST_ROWS) this.#forgetIdle(row);
    return row;
  }

  #forgetIdle(but: Row): void {
    for (const [channel, row] of this.#rows) {
      if (row.busy !== undefined || row.waiting.size > 0 || row === but) continue;
      this.#rows.delete(channel);
      this.#held -= ROW_BYTES + channel.length;
      this.#hasForgotten = true;
      if (this.#rows.size <= MOST_ROWS) return;
    }
  }

  #start<T>(
    row: Row,
    act: (low: number) => MaybePromise<T>,
    signal: (() => AbortSignal) | undefined,
  ): MaybePromise<T> {
    const run = row.busy = { n: row.next, signal, isWatched: false };
    let result: MaybePromise<T>;
    try {
      result = act(run.n);
    } catch (error) {
      this.#failed(row, run, error);
      throw error;
    }
    if (!isPromise(result)) {
      this.#ended(row, run);
      return result;
    }
    result.then(() => this.#ended(row, run), (error) => this.#failed(row, run, error));
    if (row.waiting.size > 0) this.#watch(row, run);
    return result;
  }

  /** Somebody waits for it: whoever gives it up must not keep him waiting. */
  #watch(row: Row, run: Run): void {
    if (run.isWatched || run.signal === undefined) return;
    run.isWatched = true;
    const signal = run.signal();
    const isBrokenOff = () => this.#comesAgain(row, run);
    if (signal.aborted) isBrokenOff();
    else signal.addEventListener("abort", isBrokenOff, { once: true });
  }

  /**
   * One that may or may not have landed comes again; nothing may pass it. One that was refused is over, and so is one of which nobody will ever know:
   * its client does not send it again, and those behind it would wait for ever.
   */
  #failed(row: Row, run: Run, error: unknown): void {
    if (mayComeAgain(error)) this.#comesAgain(row, run);
    else this.#ended(row, run);
  }

  /** Those that wait come again behind it; or without it, where its client has given it up: a broken off call does not tell. */
  #comesAgain(row: Row, run: Run): void {
    if (row.busy !== run) return; // it was passed by
    row.busy = undefined;
    const waiting = [...row.waiting.values()];
    row.waiting.clear();
    this.#waiting -= waiting.length;
    for (const { refuse } of waiting) refuse(outOfOrder());
  }

  #ended(row: Row, run: Run): void {
    if (row.busy !== run) return;
    row.busy = undefined;
    this.#advance(row, Math.max(row.next, run.n + 1));
  }

  #advance(row: Row, next: number): void {
    row.next = next;
    if (row.busy !== undefined && row.busy.n < next) row.busy = undefined; // its client waits no longer
    for (const [n, { start }] of row.waiting) {
      if (n >= next) continue;
      row.waiting.delete(n); // whoever gave it up has gone on without it
      this.#waiting--;
      start();
    }
    const waiting = row.waiting.get(next);
    if (waiting === undefined || row.busy !== undefined) return;
    row.waiting.delete(next);
    this.#waiting--;
    waiting.start();
  }
}

/** Whether the client sends it again: the answer says so, or its time on this connection was over. */
function mayComeAgain(error: unknown): boolean {
  if (!(error instanceof CallError)) return false;
  return error.retryable || error.code === "DEADLINE" || error.code === "DISCONNECTED";
}

/** A publication before this one has not landed, or it is not known whether it has: this one has not. */
export function outOfOrder(): CallError {
  return new CallError("OUT_OF_ORDER", "A publication before this one is missing: this one did not land", {
    declared: true,
    retryable: true,
  });
}
