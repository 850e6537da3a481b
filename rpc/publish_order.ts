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
  /** Whether that one is under way. */
  isBusy: boolean;
  readonly waiting: Map<number, Waiting>;
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
   * @throws {CallError} `OUT_OF_ORDER` when too many wait, and when it is not known whether one before it has landed.
   */
  run<T>(numbered: Numbered, act: (low: number) => MaybePromise<T>): MaybePromise<T> {
    const { n, low } = numbered;
    const row = this.#row(numbered);
    if (low > row.next) this.#advance(row, low);
    if (n < row.next || (n === row.next && row.isBusy)) return act(low); // a retry: the broker knows it
    if (n === row.next) return this.#start(row, act);
    if (this.#waiting >= this.#most || row.waiting.has(n)) throw outOfOrder();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const start = () => {
      try {
        resolve(n === row.next ? this.#start(row, act) : act(low));
      } catch (error) {
        reject(error);
      }
    };
    row.waiting.set(n, { start, refuse: reject });
    this.#waiting++;
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
    const row = { next: low, isBusy: false, waiting: new Map() };
    this.#rows.set(channel, row);
    this.#held += ROW_BYTES + channel.length;
    if (this.#rows.size > MOST_ROWS) this.#forgetIdle(row);
    return row;
  }

  #forgetIdle(but: Row): void {
    for (const [channel, row] of this.#rows) {
      if (row.isBusy || row.waiting.size > 0 || row === but) continue;
      this.#rows.delete(channel);
      this.#held -= ROW_BYTES + channel.length;
      this.#hasForgotten = true;
      if (this.#rows.size <= MOST_ROWS) return;
    }
  }

  #start<T>(row: Row, act: (low: number) => MaybePromise<T>): MaybePromise<T> {
    row.isBusy = true;
    const n = row.next;
    let result: MaybePromise<T>;
    try {
      result = act(n);
    } catch (error) {
      this.#failed(row, n, error);
      throw error;
    }
    if (!isPromise(result)) {
      this.#ended(row, n);
      return result;
    }
    result.then(() => this.#ended(row, n), (error) => this.#failed(row, n, error));
    return result;
  }

  /**
   * One that may or may not have landed comes again; nothing may pass it. One that was refused is over, and so is one of which nobody will ever know:
   * its client does not send it again, and those behind it would wait for ever.
   */
  #failed(row: Row, n: number, error: unknown): void {
    const comesAgain = error instanceof CallError && error.ambiguous && error.retryable;
    if (!comesAgain) return this.#ended(row, n);
    row.isBusy = false;
    const waiting = [...row.waiting.values()];
    row.waiting.clear();
    this.#waiting -= waiting.length;
    for (const { refuse } of waiting) refuse(outOfOrder());
  }

  #ended(row: Row, n: number): void {
    row.isBusy = false;
    this.#advance(row, Math.max(row.next, n + 1));
  }

  #advance(row: Row, next: number): void {
    row.next = next;
    for (const [n, { start }] of row.waiting) {
      if (n >= next) continue;
      row.waiting.delete(n); // whoever gave it up has gone on without it
      this.#waiting--;
      start();
    }
    const waiting = row.waiting.get(next);
    if (waiting === undefined || row.isBusy) return;
    row.waiting.delete(next);
    this.#waiting--;
    waiting.start();
  }
}

/** A publication before this one has not landed, or it is not known whether it has: this one has not. */
export function outOfOrder(): CallError {
  return new CallError("OUT_OF_ORDER", "A publication before this one is missing: this one did not land", {
    declared: true,
    retryable: true,
  });
}
