/**
 * The channels of this node that somebody wants, by name: each is listened to once.
 *
 * @module
 */
import { Topic, type TopicParts } from "./topic.ts";
import type { TopicMember } from "./topic_member.ts";

/** What a hub is made of. */
export type HubParts = Omit<TopicParts, "newAlias" | "doubts">;

/** Milliseconds that a channel without subscribers is still listened to: those who come and go must not be a storm for the broker. */
const LINGER = 2_000;
/** Channels that linger, at most; then the one that has longest goes. */
const MOST_LINGERING = 1_000;
/** Milliseconds in which every channel is compared with its broker once: a push that was lost in silence is found even if no other follows. */
const CHECK = 20_000;
/** It is done in so many steps. */
const CHECK_STEPS = 20;
/**
 * Milliseconds that a broker may leave open what it has: with those until a link is known to be dead (5 s) nobody believes for more than 30 s that they get everything.
 */
const DOUBT = 20_000;

/** The channels of a node. */
export class Hub {
  readonly #parts: HubParts;
  readonly #topics = new Map<string, Topic>();
  /** Those without subscribers, the one that has been longest first, and until when. */
  readonly #lingering = new Map<Topic, number>();
  readonly #doubts = new Map<Topic, number>();
  #alias = 0;
  #timer: unknown;
  #toCheck: Topic[] = [];
  #ended = false;

  /** Listens to nothing yet. */
  constructor(parts: HubParts) {
    this.#parts = parts;
  }

  /** Channels that are listened to. */
  get size(): number {
    return this.#topics.size;
  }

  /** The channel of a name, which whoever asks joins at once: see {@linkcode Topic.add}, and {@linkcode Hub.leave}. */
  topic(name: string): Topic {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    const topic = new Topic(name, {
      ...this.#parts,
      newAlias: () => ++this.#alias,
      doubts: this.#doubts,
    });
    this.#topics.set(name, topic);
    this.#wake();
    topic.open();
    return topic;
  }

  /** Takes somebody in. */
  join(topic: Topic, member: TopicMember): void {
    this.#lingering.delete(topic);
    topic.add(member);
  }

  /** Somebody has left, or never joined. */
  left(topic: Topic): void {
    if (topic.size > 0 || this.#ended || this.#topics.get(topic.name) !== topic) return;
    this.#lingering.delete(topic);
    this.#lingering.set(topic, this.#parts.clock.now() + LINGER);
    if (this.#lingering.size > MOST_LINGERING) this.#release(this.#lingering.keys().next().value!);
  }

  /** Listens to nothing any more. */
  end(): void {
    this.#ended = true;
    this.#parts.clock.clearTimeout(this.#timer);
    for (const topic of this.#topics.values()) topic.release();
    this.#topics.clear();
    this.#lingering.clear();
  }

  #release(topic: Topic): void {
    this.#lingering.delete(topic);
    this.#topics.delete(topic.name);
    topic.release();
  }

  /** One timer for all, while there are any. */
  #wake(): void {
    if (this.#timer !== undefined || this.#topics.size === 0 || this.#ended) return;
    this.#timer = this.#parts.clock.setTimeout(() => {
      this.#timer = undefined;
      try {
        this.#releaseIdle();
        this.#check();
        this.#expireDoubts();
      } finally {
        this.#wake();
      }
    }, CHECK / CHECK_STEPS);
  }

  #releaseIdle(): void {
    const now = this.#parts.clock.now();
    for (const [topic, until] of this.#lingering) {
      if (until > now) return;
      this.#release(topic);
    }
  }

  #expireDoubts(): void {
    const since = this.#parts.clock.now() - DOUBT;
    for (const [topic, asked] of this.#doubts) {
      if (asked > since) return;
      topic.expire();
    }
  }

  #check(): void {
    if (this.#toCheck.length === 0) this.#toCheck = [...this.#topics.values()];
    const step = Math.ceil(this.#topics.size / CHECK_STEPS);
    for (const topic of this.#toCheck.splice(0, step)) topic.check();
  }
}
