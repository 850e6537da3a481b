/**
 * What the program and the broker do for clients beside calls: rules, hooks, reads. Whatever has not ended counts, whether or not anybody waits for it still: a
 * client that asks and goes at once, or comes again on another connection, must not have any amount of work done at the same time.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Of what connections left behind, so many times what one may have under way: who comes back at once finds room beside its own hooks. */
const MOST_LEFT = 8;

/** The work of all connections of a node. */
export class NodeWork {
  readonly #clock: Pick<Clock, "setTimeout" | "clearTimeout">;
  readonly #timers = new Set<unknown>();
  /** What has no connection any more, by whose it was. */
  readonly #left = new Map<string, number>();
  #ended = false;

  /** None yet. */
  constructor(clock: Pick<Clock, "setTimeout" | "clearTimeout">) {
    this.#clock = clock;
  }

  /** A timer that ends with the node, so that nothing that hangs keeps its process alive. */
  setTimeout(run: () => void, ms: number): unknown {
    if (this.#ended) return undefined;
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  /** Ends one. */
  clearTimeout(timer: unknown): undefined {
    this.#timers.delete(timer);
    this.#clock.clearTimeout(timer);
    return undefined;
  }

  /** What connections of this owner have left behind. */
  left(owner: string): number {
    return this.#left.get(owner) ?? 0;
  }

  /** It goes on without a connection. */
  outlives(owner: string, work: PromiseLike<unknown>): void {
    this.#left.set(owner, this.left(owner) + 1);
    const done = () => {
      const left = this.left(owner) - 1;
      if (left > 0) this.#left.set(owner, left);
      else this.#left.delete(owner);
    };
    work.then(done, done);
  }

  /** Nobody waits for anything any more. */
  end(): void {
    this.#ended = true;
    for (const timer of this.#timers) this.#clock.clearTimeout(timer);
    this.#timers.clear();
  }
}

/** The work of one connection. */
export class ClientWork {
  readonly #node: NodeWork;
  readonly #owner: () => string;
  readonly #most: number;
  readonly #counted = new Set<PromiseLike<unknown>>();
  /** What is bounded by other means while there is a connection. */
  readonly #noted = new Set<PromiseLike<unknown>>();
  #ended = false;

  /**
   * @param owner Whose connection it is.
   * @param most What may be under way at once.
   */
  constructor(node: NodeWork, owner: () => string, most: number) {
    this.#node = node;
    this.#owner = owner;
    this.#most = most;
  }

  /** Whether so much is under way that nothing more may begin. */
  get isFull(): boolean {
    return this.#counted.size >= this.#most || this.isLeftFull;
  }

  /** Whether connections before this one have left so much behind. */
  get isLeftFull(): boolean {
    return this.#node.left(this.#owner()) >= MOST_LEFT * this.#most;
  }

  /** Counts until it has ended. */
  counted<T>(work: Promise<T>): Promise<T> {
    this.#keep(this.#counted, work);
    return work;
  }

  /** Counts when the connection has gone. */
  noted<T>(work: Promise<T>): Promise<T> {
    this.#keep(this.#noted, work);
    return work;
  }

  /** The connection has gone. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const work of [...this.#counted, ...this.#noted]) this.#node.outlives(this.#owner(), work);
    this.#counted.clear();
    this.#noted.clear();
  }

  #keep(all: Set<PromiseLike<unknown>>, work: PromiseLike<unknown>): void {
    if (this.#ended) return this.#node.outlives(this.#owner(), work);
    if (all.has(work)) return; // it is asked for again while it is under way
    all.add(work);
    const done = () => void all.delete(work);
    work.then(done, done);
  }
}
