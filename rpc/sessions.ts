/**
 * The sessions of one node that may be resumed: by id, and those without a connection by age.
 *
 * @module
 */
import { characters } from "./characters.ts";
import type { Clock } from "./clock.ts";
import type { Limits } from "./limits.ts";
import { Shares } from "./shares.ts";

/** What a session is here. */
export interface KeptSession {
  /** The id by which it can be resumed, where it can. */
  newest: string | undefined;
  /** The one before it, as long as its client may not have heard of the newest. */
  former: string | undefined;
  /** Whose it is, for bounds that all share: who signed in, else where it comes from. */
  readonly owner: string;
  /** Bytes that it holds. */
  readonly held: number;
  /** It has waited too long, or another needs its place. It calls {@linkcode Sessions.ended}. */
  expire(): void;
}

/** All sessions of one node that may be resumed. */
export class Sessions<S extends KeptSession> {
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, "session" | "sessions" | "sessionBytes">;
  readonly #newId: () => Uint8Array;
  readonly #byId = new Map<string, S>();
  /** Until when each waits: the one that lost its connection first comes first. */
  readonly #waiting = new Map<S, number>();
  /** Each of them counts as one. */
  readonly #places = new Shares<S>();
  readonly #bytes = new Shares<S>();
  #timer: unknown;
  #connections = 0;
  #closed = false;

  /** Keeps what `limits` allow; `newId` gives 16 random bytes that nobody guesses. */
  constructor(
    clock: Clock,
    limits: Pick<Limits, "session" | "sessions" | "sessionBytes">,
    newId: () => Uint8Array,
  ) {
    this.#clock = clock;
    this.#limits = limits;
    this.#newId = newId;
  }

  /** The number of a connection that has come just now. */
  nextOrder(): number {
    return ++this.#connections;
  }

  /** Those without a connection. */
  get waiting(): Iterable<S> & { readonly size: number } {
    return { size: this.#waiting.size, [Symbol.iterator]: () => this.#waiting.keys() };
  }

  /** The session of an id. */
  find(id: Uint8Array): S | undefined {
    return this.#byId.get(characters(id));
  }

  /**
   * Gives a session its next id. The one that its client has, `by`, is valid as well: that of the WELCOME before or, for a new session, what the
   * client has called it; it may never hear of the new one.
   */
  name(session: S, by?: Uint8Array): Uint8Array {
    this.#forget(session);
    const id = this.#newId();
    this.#byId.set(session.newest = characters(id), session);
    if (by !== undefined) this.#byId.set(session.former = characters(by), session);
    return id;
  }

  /** Its client has the newest id: no other is valid any more. */
  confirmed(session: S): void {
    if (session.former === undefined) return;
    this.#byId.delete(session.former);
    session.former = undefined;
  }

  /** A session has lost its connection and waits for another; or what it holds has changed while it does. */
  waits(session: S): void {
    if (this.#closed) return session.expire();
    const { owner, held } = session;
    if (!this.#waiting.has(session)) {
      this.#waiting.set(session, this.#clock.now() + this.#limits.session);
      this.#places.set(session, owner, 1);
    }
    this.#bytes.set(session, owner, held);
    this.#makeRoom();
    this.#arm();
  }

  /** A session has a connection again. */
  found(session: S): void {
    if (!this.#waiting.delete(session)) return;
    this.#places.delete(session);
    this.#bytes.delete(session);
    if (this.#waiting.size === 0) this.#timer = this.#clock.clearTimeout(this.#timer);
  }

  /** A session is over. */
  ended(session: S): void {
    this.#forget(session);
    this.found(session);
  }

  #forget(session: S): void {
    if (session.newest !== undefined) this.#byId.delete(session.newest);
    if (session.former !== undefined) this.#byId.delete(session.former);
    session.newest = session.former = undefined;
  }

  /** Ends those that wait; from now on none is kept. */
  close(): void {
    this.#closed = true;
    for (const session of [...this.#waiting.keys()]) session.expire();
  }

  /** Who has most loses the oldest it has: nobody can take the room of the others. */
  #makeRoom(): void {
    const [places, bytes] = [this.#places, this.#bytes];
    while (places.size > this.#limits.sessions) places.next!.expire();
    while (bytes.total > this.#limits.sessionBytes) {
      const session = bytes.next!;
      const { held, owner } = session;
      if (held < bytes.weightOf(session)) bytes.set(session, owner, held); // some of it was used since
      else session.expire();
    }
  }

  /** One timer for all: they run out in the order in which they came. */
  #arm(): void {
    if (this.#timer !== undefined) return;
    for (const until of this.#waiting.values()) {
      this.#timer = this.#clock.setTimeout(() => this.#expire(), Math.max(0, until - this.#clock.now()));
      return;
    }
  }

  #expire(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const [session, until] of this.#waiting) {
      if (until > now) break;
      session.expire();
    }
    this.#arm();
  }
}
