/**
 * Tells the listeners of one channel what happened, in order, whatever they do meanwhile: publish, listen, listen no more, throw.
 *
 * @module
 */
import type { BrokerListener, Entry } from "../rpc/broker.ts";

/** What there is to tell. */
export type News =
  | { readonly epoch: string; readonly entry: Entry }
  | { readonly signal: Uint8Array; readonly from: string | undefined }
  | "uncertain";

interface Push {
  readonly to: readonly BrokerListener[];
  readonly news: News;
}

/** The listeners of one channel. */
export class FanOut {
  readonly #report: (error: unknown) => void;
  /** Never changed in place: whoever is telling goes on with the list of the moment when it happened. */
  #listeners: readonly BrokerListener[] = [];
  #waiting: Push[] = [];
  #telling = false;

  /** @param report Told of what listeners throw. */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** How many listen. */
  get size(): number {
    return this.#listeners.length;
  }

  /** Whether this one listens. */
  has(listener: BrokerListener): boolean {
    return this.#listeners.includes(listener);
  }

  /** From now on this one is told. Once is enough. */
  add(listener: BrokerListener): void {
    if (!this.has(listener)) this.#listeners = [...this.#listeners, listener];
  }

  /** From now on this one is not told, not even of what has happened before. */
  remove(listener: BrokerListener): void {
    if (this.has(listener)) this.#listeners = this.#listeners.filter((other) => other !== listener);
  }

  /** Tells all who listen now. What happens while they are told is told when everybody has heard this: so each hears all in one order. */
  push(news: News): void {
    const to = this.#listeners;
    if (to.length === 0) return;
    if (this.#telling) {
      this.#waiting.push({ to, news });
      return;
    }
    this.#telling = true;
    this.#tell(to, news);
    // What is added meanwhile comes up in this loop.
    for (const { to, news } of this.#waiting) this.#tell(to, news);
    if (this.#waiting.length > 0) this.#waiting = [];
    this.#telling = false;
  }

  #tell(to: readonly BrokerListener[], news: News): void {
    for (const listener of to) {
      if (listener === to[1] && typeof news === "object" && "entry" in news) news = withoutRoom(news);
      if (to !== this.#listeners && !this.has(listener)) continue;
      try {
        if (news === "uncertain") listener.uncertain();
        else if ("entry" in news) listener.entry(news.epoch, news.entry);
        else listener.signal(news.signal, news.from);
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  /** Nothing that a listener does, and nothing that is told of it, reaches whoever publishes. */
  #failed(error: unknown): void {
    try {
      this.#report(error);
    } catch (failure) {
      console.error(failure);
    }
  }
}

/** The room in front of the data belongs to one node: two that write heads there would spoil each other's frames. */
function withoutRoom({ epoch, entry }: Extract<News, { entry: Entry }>): News {
  return { epoch, entry: entry.room === 0 ? entry : { ...entry, room: 0 } };
}
