/**
 * Pieces that are added to one message faster than they are answered: those that come while one is on its way leave together, as one. So a stream of tokens is as many
 * entries as there are answers, and none of its text is lost or out of order.
 *
 * @module
 */
import { growthOf, joined } from "./message_pieces.ts";

/** Bytes that wait, at most: one is always admitted. */
const MOST = 64 * 1024;

/** Pieces that wait. */
interface Held<T> {
  readonly key: string;
  readonly growth: string;
  readonly pieces: Uint8Array[];
  bytes: number;
  readonly send: (data: Uint8Array) => Promise<T>;
  readonly done: PromiseWithResolvers<T>;
}

/** The pieces of one channel. */
export class Rollup<T> {
  #held: Held<T> | undefined;
  /** How many pieces of each message are on their way. */
  readonly #running = new Map<string, number>();

  /** Whether nothing waits or is on its way. */
  get isIdle(): boolean {
    return this.#held === undefined && this.#running.size === 0;
  }

  /**
   * Adds a piece: it is sent at once where none of the same message is on its way.
   *
   * @param key Names the message, and in whose name the piece is added.
   * @param send Sends a piece, perhaps of several.
   */
  add(key: string, piece: Uint8Array, send: (data: Uint8Array) => Promise<T>): Promise<T> {
    const held = this.#held;
    const growth = growthOf(piece);
    const fits = held?.key === key && held.growth === growth && held.bytes + piece.length <= MOST;
    if (!fits) this.flush();
    if (growth === "o" || !this.#running.has(key)) return this.#send(key, piece, send);
    this.#held ??= { key, growth, pieces: [], bytes: 0, send, done: Promise.withResolvers() };
    this.#held.pieces.push(piece);
    this.#held.bytes += piece.length;
    return this.#held.done.promise;
  }

  /** What waits leaves now: something comes that must not pass it. */
  flush(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    held.done.resolve(this.#send(held.key, joined(held.pieces), held.send));
  }

  #send(key: string, data: Uint8Array, send: (data: Uint8Array) => Promise<T>): Promise<T> {
    const sent = send(data);
    this.#running.set(key, (this.#running.get(key) ?? 0) + 1);
    const ended = () => {
      const left = this.#running.get(key)! - 1;
      if (left > 0) this.#running.set(key, left);
      else this.#running.delete(key);
      if (this.#held?.key === key) this.flush();
    };
    sent.then(ended, ended);
    return sent;
  }
}
