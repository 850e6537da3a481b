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

/** What a publication is given when it may go on. */
export interface Turn {
  /** The lowest number that may still be on its way: its own, when nothing before it is. */
  readonly low: number;
  /**
   * The broker has been told of it, and keeps the order from here on: the next one may start before this one is answered. One that is over at once need
   * not say so.
   */
  handedOver(): void;
}

/** One channel of the client. From `low` to `next` everything is on its way or over; above `next` some may be, where one before them comes again. */
class Row {
  /** The lowest number that is not over. */
  low: number;
  /** The number whose turn it is. */
  next: number;
  /** The one that is checked, unless it was given up. */
  starting: Run | undefined;
  /** Those that the broker has, and has not answered. */
  readonly sent = new Map<number, Run>();
  /** Numbers above `low` that are over: at most {@linkcode SPAN}. */
  readonly over = new Set<number>();
  readonly waiting = new Map<number, Waiting>();
  /** Set while the broker has not answered some before one that was refused: it would take nothing that leaves that one out. */
  #isBroken = false;

  constructor(low: number) {
    this.low = this.next = low;
  }

  get isIdle(): boolean {
    return this.starting === undefined && this.sent.size === 0 && this.waiting.size === 0;
  }

  /** Whether it may start now. */
  mayStart(n: number): boolean {
    return n === this.next && this.starting === undefined && n < this.low + SPAN && !this.#isBroken;
  }

  /** Whether it has started before. */
  knows(n: number): boolean {
    return n < this.next || n === this.starting?.n || this.sent.has(n) || this.over.has(n);
  }

  /** It is not on its way any more. Gives whether it was. */
  drop(run: Run): boolean {
    if (this.starting === run) this.starting = undefined;
    else if (this.sent.get(run.n) === run) this.sent.delete(run.n);
    else return false; // it was passed by
    if (this.sent.size === 0) this.#isBroken = false;
    return true;
  }

  /** It is over, and has landed or not. */
  end(n: number, hasLanded: boolean): void {
    if (!hasLanded && this.sent.size > 0) this.#isBroken = true;
    if (n === this.low) this.low++;
    else this.over.add(n);
    this.skip();
  }

  /** Goes to the next number that has not started. */
  skip(): void {
    while (this.next < this.low || this.sent.has(this.next) || this.over.has(this.next)) this.next++;
    while (this.over.size > 0 && this.over.delete(this.low)) this.low++;
  }

  /** All below this are over: whoever waits for their answers has none any more. */
  pass(low: number): void {
    this.low = low;
    this.next = Math.max(this.next, low);
    if (this.starting !== undefined && this.starting.n < low) this.starting = undefined;
    for (const numbers of [this.sent, this.over]) {
      for (const n of numbers.keys()) if (n < low) numbers.delete(n);
    }
    if (this.sent.size === 0) this.#isBroken = false;
    this.skip();
  }
}

interface Waiting {
  readonly start: () => void;
  readonly refuse: (error: CallError) => void;
}

/** A publication that is under way. */
class Run implements Turn {
  readonly n: number;
  /** Aborts when its call is broken off: its check may never end. */
  readonly signal: (() => AbortSignal) | undefined;
  /** Whether somebody waits for it, and so listens to that. */
  isWatched = false;
  readonly #row: Row;
  readonly #goOn: (row: Row) => void;

  constructor(n: number, row: Row, goOn: (row: Row) => void, signal: (() => AbortSignal) | undefined) {
    this.n = n;
    this.signal = signal;
    this.#row = row;
    this.#goOn = goOn;
  }

  get low(): number {
    return Math.min(this.n, this.#row.low);
  }

  handedOver(): void {
    const row = this.#row;
    if (row.starting !== this) return; // it was passed by, or broken off
    row.starting = undefined;
    row.sent.set(this.n, this);
    row.skip();
    this.#goOn(row);
  }
}

/** From the lowest number without an answer to those that may start: brokers remember as many results. */
const SPAN = 64;
/** Channels that are remembered while nothing waits in them. */
const MOST_ROWS = 256;
/** Bytes of one, beside its name: about. */
const ROW_BYTES = 600;

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
   * Runs `act` when all numbers before are over, or the broker has been told of them. At once, and without a promise, when they are.
   *
   * @param act Is given its turn.
   * @param signal Of its call. Asked for only when another waits for it.
   * @throws {CallError} `OUT_OF_ORDER` when too many wait, and when it is not known whether one before it has landed.
   */
  run<T>(
    numbered: Numbered,
    act: (turn: Turn) => MaybePromise<T>,
    signal?: () => AbortSignal,
  ): MaybePromise<T> {
    const { n, low } = numbered;
    const row = this.#row(numbered);
    if (low > row.low) this.#pass(row, low);
    if (row.knows(n)) return act(again(low));
    if (row.mayStart(n)) return this.#start(row, act, signal);
    if (row.starting !== undefined) this.#watch(row, row.starting);
    if (this.#waiting >= this.#most || row.waiting.has(n)) throw outOfOrder();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const start = () => {
      try {
        resolve(row.mayStart(n) ? this.#start(row, act, signal) : act(again(low)));
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
    const row = new Row(low);
    this.#rows.set(channel, row);
    this.#held += ROW_BYTES + channel.length;
    if (this.#rows.size > MOST_ROWS) this.#forgetIdle(row);
    return row;
  }

  #forgetIdle(but: Row): void {
    for (const [channel, row] of this.#rows) {
      if (!row.isIdle || row === but) continue;
      this.#rows.delete(channel);
      this.#held -= ROW_BYTES + channel.length;
      this.#hasForgotten = true;
      if (this.#rows.size <= MOST_ROWS) return;
    }
  }

  #start<T>(
    row: Row,
    act: (turn: Turn) => MaybePromise<T>,
    signal: (() => AbortSignal) | undefined,
  ): MaybePromise<T> {
    const run = row.starting = new Run(row.next, row, this.#goOn, signal);
    let result: MaybePromise<T>;
    try {
      result = act(run);
    } catch (error) {
      this.#failed(row, run, error);
      throw error;
    }
    if (!isPromise(result)) {
      this.#ended(row, run, true);
      return result;
    }
    result.then(() => this.#ended(row, run, true), (error) => this.#failed(row, run, error));
    if (row.starting === run && row.waiting.size > 0) this.#watch(row, run);
    return result;
  }

  /** Somebody waits for what is checked: whoever gives it up must not keep him waiting. What the broker has it answers. */
  #watch(row: Row, run: Run): void {
    if (run.isWatched || run.signal === undefined) return;
    run.isWatched = true;
    const signal = run.signal();
    const isBrokenOff = () => {
      if (row.starting === run) this.#comesAgain(row, run);
    };
    if (signal.aborted) isBrokenOff();
    else signal.addEventListener("abort", isBrokenOff, { once: true });
  }

  /**
   * One that may or may not have landed comes again; nothing may pass it. One that was refused is over, and so is one of which nobody will ever know:
   * its client does not send it again, and those behind it would wait for ever.
   */
  #failed(row: Row, run: Run, error: unknown): void {
    if (mayComeAgain(error)) this.#comesAgain(row, run);
    else this.#ended(row, run, false);
  }

  /**
   * Those that wait come again behind it; or without it, where its client has given it up: a broken off call does not tell. Those that the broker has been
   * told of since are no matter: it takes them where this one has landed, and refuses them otherwise.
   */
  #comesAgain(row: Row, run: Run): void {
    if (!row.drop(run)) return;
    row.next = Math.min(row.next, run.n);
    const waiting = [...row.waiting.values()];
    row.waiting.clear();
    this.#waiting -= waiting.length;
    for (const { refuse } of waiting) refuse(outOfOrder());
  }

  #ended(row: Row, run: Run, hasLanded: boolean): void {
    if (!row.drop(run)) return;
    row.end(run.n, hasLanded);
    this.#goOn(row);
  }

  /** Whoever gave up those before has gone on without them. */
  #pass(row: Row, low: number): void {
    row.pass(low);
    for (const n of [...row.waiting.keys()]) if (n < low) this.#take(row, n)?.start();
    this.#goOn(row);
  }

  /** Starts what waited for its turn. */
  readonly #goOn = (row: Row): void => {
    if (row.waiting.size > 0 && row.mayStart(row.next)) this.#take(row, row.next)?.start();
  };

  #take(row: Row, n: number): Waiting | undefined {
    const waiting = row.waiting.get(n);
    if (waiting === undefined) return undefined;
    row.waiting.delete(n);
    this.#waiting--;
    return waiting;
  }
}

/** The turn of one that has started before: the broker knows it. */
function again(low: number): Turn {
  return { low, handedOver: () => {} };
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
