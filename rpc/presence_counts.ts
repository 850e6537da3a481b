/**
 * Those who watch how many are in one channel, and nothing else.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { countPayload, presenceFrame } from "./presence_messages.ts";
import { pauseFor, PresencePace } from "./presence_pace.ts";
import type { PresencePlace } from "./presence_store.ts";
import type { PresenceWatcher } from "./presence_watcher.ts";

/** What they need to know of the channel. */
export interface CountedChannel {
  /** Stands for it in what they are told. */
  readonly alias: number;
  /** Members up to which all are told to who wants that. */
  readonly mostMembers: number;
  /** How many there are, and as of when. */
  readonly now: () => { readonly place: PresencePlace; readonly count: number };
}

/** Told numbers alone. */
export class PresenceCounts {
  readonly #channel: CountedChannel;
  readonly #watchers = new Set<PresenceWatcher>();
  readonly #pace: PresencePace;
  /** The number that all of them know; `NaN`: not all know the same. */
  #told = 0;

  /** Nobody yet. */
  constructor(clock: Clock, channel: CountedChannel) {
    this.#channel = channel;
    this.#pace = new PresencePace(clock, () => this.tell(new Set()));
  }

  /** How many they are. */
  get size(): number {
    return this.#watchers.size;
  }

  /** One more, who is to be told the number at once. */
  add(watcher: PresenceWatcher): void {
    this.#watchers.add(watcher);
  }

  /** One fewer. */
  remove(watcher: PresenceWatcher): void {
    this.#watchers.delete(watcher);
  }

  /** The number, for who knows nothing. It must hear when that is again what the others know. */
  snapshot(): Uint8Array {
    const { place, count } = this.#channel.now();
    if (count !== this.#told) this.#told = NaN;
    return countPayload(place, count);
  }

  /** The number may be another one. */
  schedule(): void {
    if (this.size > 0) this.#pace.schedule(pauseFor(this.size, this.#channel.mostMembers));
  }

  /** All but some are told now, if they do not know. */
  tell(except: ReadonlySet<PresenceWatcher>): void {
    const { place, count } = this.#channel.now();
    if (count === this.#told) return;
    this.#told = count;
    this.#pace.told();
    const frames = [presenceFrame(this.#channel.alias, countPayload(place, count))];
    for (const watcher of [...this.#watchers]) if (!except.has(watcher)) watcher.deliver(frames);
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#pace.stop();
  }
}
