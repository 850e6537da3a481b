/**
 * Pieces that are added to one message faster than they are answered: those that come while one is on its way leave together, as one. So a stream of tokens is as many
 * entries as there are answers, and none of its text is lost or out of order. Those that are too large together land as far as they fit.
 *
 * @module
 */
import { CallError } from "./errors.ts";
import { growthOf, joined } from "./message_pieces.ts";

/** Bytes that wait, at most: one is always admitted. */
const MOST = 64 * 1024;

interface Piece<T> {
  readonly data: Uint8Array;
  readonly done: PromiseWithResolvers<T>;
}

/** Pieces that wait. */
interface Held<T> {
  readonly key: string;
  readonly growth: string;
  readonly pieces: Piece<T>[];
  bytes: number;
  readonly send: (data: Uint8Array) => Promise<T>;
}

/** The pieces of one channel. */
export class Rollup<T> {
  #held: Held<T> | undefined;
  /** How many pieces of each message are on their way. */
  readonly #running = new Map<string, number>();
  /** Another with each thing that leaves, so that nothing is sent again behind it. */
  #turn = 0;

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
    if (growth === "o" || !this.#running.has(key)) {
      this.#turn++;
      const sent = send(piece);
      this.#track(key, sent);
      return sent;
    }
    this.#held ??= { key, growth, pieces: [], bytes: 0, send };
    const done = Promise.withResolvers<T>();
    this.#held.pieces.push({ data: piece, done });
    this.#held.bytes += piece.length;
    return done.promise;
  }

  /** Something else leaves: what waits must be before it, and nothing of that is divided and sent again behind it. */
  giveWay(): void {
    this.flush();
    this.#turn++;
  }

  /** What waits leaves now. */
  flush(): void {
    const turn = ++this.#turn;
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    const tells: (() => void)[] = [];
    const landed = land(held.pieces, { send: held.send, isNewest: () => this.#turn === turn, tells });
    this.#track(held.key, landed);
    void landed.then(() => tells.forEach((tell) => tell())); // when none is on its way any more
  }

  #track(key: string, sent: Promise<unknown>): void {
    this.#running.set(key, (this.#running.get(key) ?? 0) + 1);
    const ended = () => {
      const left = this.#running.get(key)! - 1;
      if (left > 0) this.#running.set(key, left);
      else this.#running.delete(key);
      if (this.#held?.key === key) this.flush();
    };
    sent.then(ended, ended);
  }
}

interface Landing<T> {
  readonly send: (data: Uint8Array) => Promise<T>;
  /** Whether nothing has left since. */
  readonly isNewest: () => boolean;
  /** What tells those who wait. */
  readonly tells: (() => void)[];
}

/**
 * Sends pieces as one; where that is too large the first half and then the other, so that what lands is all up to the first that does not fit. Gives whether all
 * have landed.
 */
async function land<T>(pieces: readonly Piece<T>[], landing: Landing<T>): Promise<boolean> {
  const { send, isNewest, tells } = landing;
  try {
    const published = await send(joined(pieces.map(({ data }) => data)));
    for (const { done } of pieces) tells.push(() => done.resolve(published));
    return true;
  } catch (error) {
    const isTooLarge = error instanceof CallError && error.code === "TOO_LARGE";
    const half = pieces.length >> 1;
    const isDivided = half > 0 && isTooLarge && isNewest();
    const isBegun = isDivided && await land(pieces.slice(0, half), landing);
    if (isBegun && isNewest()) return await land(pieces.slice(half), landing);
    for (const { done } of isDivided ? pieces.slice(half) : pieces) tells.push(() => done.reject(error));
    return false;
  }
}
