/**
 * Code that is loaded when it is first needed, and asked for again when that fails.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import { CallError } from "../rpc/errors.ts";

/** Where code comes from: it is there, or what loads it, which may have it from before. */
export type Source<Code extends object> = Code | Loader<Code>;
/** Loads code. */
export type Loader<Code extends object> = () => Code | Promise<Code>;

/** What waits for code. */
export interface Waiter<Code> {
  /** It is there. */
  run(code: Code): void;
  /** It will not come. */
  fail(error: CallError): void;
}

/** The first wait before code is asked for again, in milliseconds; it doubles. */
const FIRST_WAIT = 250;
/** So long it is asked for again, in milliseconds, before what waits is told. The next use begins anew. */
const PATIENCE = 30_000;

/** One part of the client. */
export class Late<Code extends object> {
  /** The code, when it is there. */
  code: Code | undefined;
  readonly #load: Loader<Code> | undefined;
  readonly #clock: Clock;
  readonly #found: ((code: Code) => void) | undefined;
  readonly #waiting = new Set<Waiter<Code>>();
  #ended: CallError | undefined;
  /** When it was asked for, while it is. */
  #since: number | undefined;
  #failures = 0;
  #retry: unknown;
  /** How often it was asked for; what an earlier time comes to does not matter. */
  #asked = 0;
  #patience: unknown;

  /** Loads nothing yet. `found` is told before those who wait. */
  constructor(clock: Clock, source: Source<Code>, found?: (code: Code) => void) {
    this.#clock = clock;
    this.#found = found;
    if (typeof source === "function") this.#load = source;
    else this.have(source);
  }

  /** Whether anything waits for it. */
  get isAwaited(): boolean {
    return this.#waiting.size > 0;
  }

  /** Asks for the code, if it is not there. */
  load(): void {
    if (this.code !== undefined || this.#ended !== undefined || this.#since !== undefined) return;
    this.#since = this.#clock.now();
    this.#ask();
  }

  /** Waits for the code, until what it returns is called. */
  wait(waiter: Waiter<Code>): () => void {
    this.#waiting.add(waiter);
    queueMicrotask(() => this.#ended === undefined ? this.load() : this.#giveUp(this.#ended));
    return () => void this.#waiting.delete(waiter);
  }

  /** There is a network: what could not be loaded is asked for at once. */
  hurry(): void {
    if (this.#retry !== undefined) this.#ask();
  }

  /** Nobody needs it any more. */
  end(error: CallError): void {
    this.#ended = error;
    this.#giveUp(error);
  }

  #ask(): void {
    this.#clock.clearTimeout(this.#retry);
    this.#retry = undefined;
    const n = ++this.#asked;
    const failed = (cause: unknown) => {
      if (n === this.#asked) this.#failed(cause);
    };
    try {
      const found = this.#load!();
      if (!(found instanceof Promise)) return this.have(found);
      this.#patience = this.#clock.setTimeout(() => failed("nothing came"), PATIENCE);
      found.then((code) => this.have(code), failed);
    } catch (error) {
      failed(error);
    }
  }

  /** It is there. */
  have(code: Code): void {
    if (this.#ended !== undefined || this.code !== undefined) return;
    this.code = code;
    this.#stop();
    this.#found?.(code);
    for (const waiter of [...this.#waiting]) if (this.#waiting.delete(waiter)) run(waiter, code);
  }

  #failed(cause: unknown): void {
    this.#stop();
    const left = this.#since! + PATIENCE - this.#clock.now();
    if (left > 0) {
      const wait = FIRST_WAIT * 2 ** this.#failures++;
      this.#retry = this.#clock.setTimeout(() => this.#ask(), Math.min(wait, left));
      return;
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#giveUp(new CallError("UNAVAILABLE", `A part of the client cannot be loaded: ${why}`, { cause }));
  }

  #giveUp(error: CallError): void {
    this.#stop();
    this.#since = undefined;
    this.#failures = 0;
    for (const waiter of [...this.#waiting]) if (this.#waiting.delete(waiter)) waiter.fail(error);
  }

  /** Nothing is asked for now. */
  #stop(): void {
    this.#asked++;
    this.#clock.clearTimeout(this.#patience);
    this.#clock.clearTimeout(this.#retry);
    this.#retry = undefined;
  }
}

/** One that fails must not take those behind it along. */
function run<Code>(waiter: Waiter<Code>, code: Code): void {
  try {
    waiter.run(code);
  } catch (error) {
    waiter.fail(error instanceof CallError ? error : new CallError("INTERNAL", undefined, { cause: error }));
  }
}
