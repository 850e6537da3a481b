/**
 * The members that one channel has by this node, and what of that the broker has still to be told: one step at a time, with all that came together meanwhile.
 *
 * @module
 */
import { inTime, type NamedChannel } from "./channel_rules.ts";
import type { Clock } from "./clock.ts";
import { CallError } from "./errors.ts";
import type { MemberData, MemberNews, MemberNode, PresenceAnswer, PresenceStore } from "./presence_store.ts";
import { unavailable } from "./presence_unavailable.ts";

/** A member of this node, as far as the broker is told. */
export interface RoomMember {
  /** Its name. */
  readonly id: string;
  /** Where. */
  readonly channel: NamedChannel;
  /** Counts what its client has told. */
  readonly n: number;
  /** What it tells of itself. */
  readonly member: MemberData;
}

/** What a room needs. `M` is what the node has of a member. */
export interface PresenceRoomParts<M extends RoomMember> {
  /** Time and chance. */
  readonly clock: Pick<Clock, "random" | "setTimeout" | "clearTimeout">;
  /** Where members live. */
  readonly store: PresenceStore;
  /** This node. */
  readonly node: MemberNode;
  /** Members of the channel, at most. */
  readonly most: number;
  /** Tells the program of an error. Never throws. */
  readonly report: (error: unknown) => void;
  /** The channel is full: it was not let in. */
  readonly refused: (one: M) => void;
  /** Nobody is left, and the broker knows. */
  readonly idle: () => void;
}

/** News that are brought at once. */
const MOST_NEWS = 256;
/** Milliseconds that the broker may take. */
const PATIENCE = 10_000;
/** Milliseconds before it is tried again, at most; doubled for each further time. */
const FIRST_WAIT = 100;
const LONGEST_WAIT = 3_000;

/** One channel. */
export class PresenceRoom<M extends RoomMember = RoomMember> {
  /** Who wants to be a member, by name. */
  readonly members: Map<string, M> = new Map();
  readonly #name: string;
  readonly #parts: PresenceRoomParts<M>;
  /** Those of whom the broker is still to be told; with the number of its last word who is a member no more. */
  readonly #news = new Map<string, number>();
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  #isBusy = false;
  #failures = 0;
  #retry: unknown;
  #ended = false;

  /** Nobody is there. */
  constructor(name: string, parts: PresenceRoomParts<M>) {
    this.#name = name;
    this.#parts = parts;
  }

  /** It is a member, with what it tells now. Answered when the broker has that; later news answer for earlier ones. */
  put(one: M): Promise<void> {
    this.members.set(one.id, one);
    return this.#tell(one);
  }

  /** It is a member no more. */
  remove(one: M): Promise<void> {
    this.members.delete(one.id);
    return this.#tell(one);
  }

  /** It is no member here, and should be none of another node. */
  gone(id: string, n: number): Promise<void> {
    return this.#tell({ id, n });
  }

  /** Answered when the broker has the latest of a member. */
  synced(id: string): Promise<void> {
    return this.#waiting.get(id)?.promise ?? Promise.resolve();
  }

  /** The broker may have forgotten all of this node. */
  again(): void {
    for (const { id, n } of this.members.values()) this.#news.set(id, n);
    this.#go();
  }

  /** Nothing is told any more. */
  end(): void {
    this.#ended = true;
    this.#parts.clock.clearTimeout(this.#retry);
    this.#fail([...this.#waiting.keys()], unavailable());
  }

  #tell({ id, n }: Pick<RoomMember, "id" | "n">): Promise<void> {
    this.#news.set(id, n);
    let waiting = this.#waiting.get(id);
    if (waiting === undefined) {
      this.#waiting.set(id, waiting = Promise.withResolvers());
      waiting.promise.catch(() => {}); // who asks is told
    }
    const { promise } = waiting;
    this.#go();
    return promise;
  }

  #go(): void {
    if (this.#isBusy || this.#ended || this.#retry !== undefined) return;
    if (this.#news.size === 0) {
      if (this.members.size === 0) this.#parts.idle();
      return;
    }
    this.#isBusy = true;
    const ids = [...this.#news.keys()].slice(0, MOST_NEWS);
    const news = ids.map((id): MemberNews => {
      const one = this.members.get(id);
      return { id, n: one?.n ?? this.#news.get(id)!, member: one?.member };
    });
    for (const id of ids) this.#news.delete(id);
    void this.#change(news).then((answer) => this.#done(news, answer), (error) => this.#failed(news, error));
  }

  async #change(news: readonly MemberNews[]): Promise<PresenceAnswer> {
    const { clock, store, node, most } = this.#parts;
    await undefined; // what comes in the same turn goes along
    const answer = (async () => await store.change(this.#name, node, { news, most }))();
    const given = await inTime<PresenceAnswer | undefined>(answer, { clock, ms: PATIENCE }, () => undefined);
    if (given === undefined) throw new Error("The broker does not answer");
    return given;
  }

  #done(news: readonly MemberNews[], { refused, isKnown }: PresenceAnswer): void {
    this.#isBusy = false;
    this.#failures = 0;
    for (const id of refused) this.#refuse(id);
    for (const { id } of news) {
      if (this.#news.has(id)) continue; // later news answer for these
      this.#waiting.get(id)?.resolve();
      this.#waiting.delete(id);
    }
    if (!isKnown) this.#tellOthers(news);
    this.#go();
  }

  /** The lease had not held: all but those that were just told may have been taken out. */
  #tellOthers(news: readonly MemberNews[]): void {
    const told = new Set(news.map(({ id }) => id));
    for (const { id, n } of this.members.values()) if (!told.has(id)) this.#news.set(id, n);
  }

  #refuse(id: string): void {
    const one = this.members.get(id);
    const full = new CallError("RESOURCE_EXHAUSTED", `More than ${this.#parts.most} members`, {
      ambiguous: false,
    });
    // It was in, and lost its place to others with a lease that had not held: nobody else hears of it.
    if (one !== undefined && !this.#waiting.has(id)) this.#parts.report(full);
    this.#fail([id], full);
    if (one === undefined) return;
    this.members.delete(id);
    this.#news.delete(id);
    this.#parts.refused(one);
  }

  /**
   * Who waits is told, and what it wanted is tried again: the broker may have it, and must not keep what nobody wants. So is all else: the answer that is lost may
   * have said that the lease had not held, and the next one says that it has.
   */
  #failed(news: readonly MemberNews[], error: unknown): void {
    const { clock, report } = this.#parts;
    this.#isBusy = false;
    if (this.#ended) return;
    if (this.#failures === 0) report(error);
    for (const { id, n } of [...news, ...this.members.values()]) {
      if (!this.#news.has(id)) this.#news.set(id, n);
    }
    this.#fail(news.map(({ id }) => id), unavailable(error));
    const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(this.#failures++, 16));
    this.#retry = clock.setTimeout(() => {
      this.#retry = undefined;
      this.#go();
    }, most / 2 + clock.random() * most / 2);
  }

  #fail(ids: readonly string[], error: CallError): void {
    for (const id of ids) {
      this.#waiting.get(id)?.reject(error);
      this.#waiting.delete(id);
    }
  }
}
