/**
 * Reads who is there, page by page, while changes go on: what is pushed meanwhile is held, and follows.
 *
 * @module
 */
import { Asking, type AskingParts } from "./asking.ts";
import type {
  MemberData,
  PresencePage,
  PresencePlace,
  PresencePush,
  PresenceStore,
} from "./presence_store.ts";

/** Members of one read. */
const PAGE = 1_000;
/** Changes that are held; with more it is read anew. */
const MOST_HELD = 10_000;
/** Milliseconds that a push may come later than the answer to a read that has seen it. */
const LATE_PUSH = 1_000;

/** Everybody, as of one version. */
export interface Everybody extends PresencePlace {
  /** By their names. */
  readonly members: Map<string, MemberData>;
}

/** One reading of a channel, until it fits what is pushed. */
export class PresenceReading {
  readonly #channel: string;
  readonly #store: PresenceStore;
  readonly #parts: AskingParts;
  readonly #asking: Asking;
  readonly #done: (everybody: Everybody) => void;
  #held: PresencePush[] = [];
  #heldChanges = 0;
  #members = new Map<string, MemberData>();
  #epoch = "";
  #first = 0;
  #last = 0;
  #isRead = false;
  #timer: unknown;

  /** Reads from now on, and calls `done` once. What is pushed from the call of the constructor on belongs to {@linkcode PresenceReading.hold}. */
  constructor(
    channel: string,
    { store, asking }: { readonly store: PresenceStore; readonly asking: AskingParts },
    done: (everybody: Everybody) => void,
  ) {
    this.#channel = channel;
    this.#store = store;
    this.#parts = asking;
    this.#asking = new Asking(asking);
    this.#done = done;
  }

  /** Begins. */
  start(): void {
    this.#parts.clock.clearTimeout(this.#timer);
    this.#isRead = false;
    this.#members = new Map();
    this.#epoch = "";
    this.#page("");
  }

  /** Something was pushed. */
  hold(push: PresencePush): void {
    this.#held.push(push);
    this.#heldChanges += push.changes.length;
    if (this.#heldChanges > MOST_HELD) return this.again();
    if (this.#isRead) this.#join();
  }

  /** What is read may be old: from the beginning. */
  again(): void {
    this.#held = [];
    this.#heldChanges = 0;
    this.start();
  }

  /** Nobody wants it any more. */
  stop(): void {
    this.#asking.stop();
    this.#parts.clock.clearTimeout(this.#timer);
  }

  #page(after: string): void {
    this.#asking.ask(
      () => this.#store.read(this.#channel, { after, limit: PAGE }),
      (page) => this.#took(page, after === ""),
    );
  }

  #took({ epoch, version, members, more }: PresencePage, isFirst: boolean): void {
    if (isFirst) {
      this.#epoch = epoch;
      this.#first = version;
    } else if (epoch !== this.#epoch) return this.again();
    this.#last = version;
    for (const { id, user, data } of members) this.#members.set(id, { user, data });
    if (more && members.length > 0) return this.#page(members.at(-1)!.id);
    this.#isRead = true;
    this.#join();
    if (!this.#isRead) return;
    // A page has seen what was not pushed yet: members of one version, and not of several, are what is told.
    this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = this.#parts.clock.setTimeout(() => this.again(), LATE_PUSH);
  }

  /** Is done, if all that the pages have seen was pushed. */
  #join(): void {
    let version = this.#first;
    const changes = new Map<string, MemberData | undefined>();
    for (const push of this.#held) {
      if (push.epoch !== this.#epoch) continue;
      let n = push.first;
      for (const { id, member } of push.changes) {
        if (n === version + 1) {
          version = n;
          changes.set(id, member);
        }
        n++;
      }
    }
    if (version < this.#last) return;
    this.#isRead = false;
    this.stop();
    for (const [id, member] of changes) {
      if (member === undefined) this.#members.delete(id);
      else this.#members.set(id, member);
    }
    this.#done({ epoch: this.#epoch, version, members: this.#members });
  }
}
