/**
 * The signals of one connection on their way to the broker: in the order in which they came, whatever rules and schemas take. What has to wait is bounded; what does
 * not fit is lost, as a signal may be.
 *
 * @module
 */
import { isPromise } from "./iterating.ts";
import type { MaybePromise } from "./maybe_promise.ts";

/** Signals that wait for a rule or a schema, at most, and their bytes; one always may. */
const MOST = { count: 64, bytes: 256 * 1024 };

interface Waiting {
  readonly bytes: number;
  /** Sends it; `undefined` while it is not known, and where it is not to be sent. */
  send: (() => void) | undefined;
  isKnown: boolean;
}

/** The signals of one connection. */
export class SignalLine {
  #waiting: Waiting[] = [];
  #bytes = 0;
  #ended = false;

  /** Whether one of so many bytes has to be lost. */
  isFull(bytes: number): boolean {
    const { length } = this.#waiting;
    return this.#ended || length >= MOST.count || (length > 0 && this.#bytes + bytes > MOST.bytes);
  }

  /**
   * Takes the next one.
   *
   * @param bytes What it holds while it waits.
   * @param sending What sends it, or `undefined` for one that is not to be sent. Must not reject.
   */
  add(bytes: number, sending: MaybePromise<(() => void) | undefined>): void {
    if (!isPromise(sending) && this.#waiting.length === 0) return sending?.();
    const waiting: Waiting = { bytes, send: undefined, isKnown: false };
    this.#waiting.push(waiting);
    this.#bytes += bytes;
    const know = (send: (() => void) | undefined) => {
      waiting.send = send;
      waiting.isKnown = true;
      this.#flush();
    };
    if (isPromise(sending)) void sending.then(know);
    else know(sending);
  }

  /** Nothing is sent any more. */
  end(): void {
    this.#ended = true;
    this.#waiting = [];
  }

  #flush(): void {
    while (this.#waiting[0]?.isKnown) {
      const { bytes, send } = this.#waiting.shift()!;
      this.#bytes -= bytes;
      send?.();
    }
  }
}
