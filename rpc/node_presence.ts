/**
 * The presence of one node: its own members, the channels that somebody here watches, and the looks at the broker that keep both true.
 *
 * @module
 */
import type { NamedChannel } from "./channel_rules.ts";
import { NodeWork } from "./client_work.ts";
import type { Clock } from "./clock.ts";
import { CallError } from "./errors.ts";
import { isPromise } from "./iterating.ts";
import type { Limits } from "./limits.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import type { MembersQuery } from "./member_types.ts";
import { NodeMembers } from "./presence_members.ts";
import type { MemberNode, PresencePage, PresenceStore } from "./presence_store.ts";
import { PresenceTopic } from "./presence_topic.ts";

/** What it is made of. */
export interface NodePresenceParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Bounds. */
  readonly limits: Limits;
  /** Where members live. */
  readonly store: PresenceStore;
  /** Names this node. */
  readonly nodeId: string;
  /** Tells the program of an error. Never throws. */
  readonly report: (error: unknown, channel: string) => void;
}

/** Milliseconds that the members of a node are believed without a word of it: those of one that crashed are gone within this and a look. */
export const LEASE = 10_000;
/** Milliseconds in which every channel is looked at once, in so many steps. */
const LOOK = 3_000;
const STEPS = 6;
/** Milliseconds that a channel which nobody watches is still listened to. */
const LINGER = 2_000;
/** Members of a page, where nobody says how many, and at most. */
const PAGE = 100;
const MOST_PAGE = 1_000;

/** The presence of a node. */
export class NodePresence {
  /** Those who are connected here. */
  readonly members: NodeMembers;
  /** Names this node. */
  readonly nodeId: string;
  readonly #parts: NodePresenceParts;
  readonly #node: MemberNode;
  readonly #timers: NodeWork;
  readonly #topics = new Map<string, PresenceTopic>();
  /** Those whom nobody watches, and until when they are kept. */
  readonly #lingering = new Map<PresenceTopic, number>();
  #alias = 0;
  #timer: unknown;
  #toLook: string[] = [];
  #ended = false;

  /** Nobody is there. */
  constructor(parts: NodePresenceParts) {
    const { clock, limits, store, nodeId, report } = parts;
    this.#parts = parts;
    this.nodeId = nodeId;
    this.#node = { id: nodeId, lease: LEASE };
    this.#timers = new NodeWork(clock);
    const { random, now } = { random: () => clock.random(), now: () => clock.now() };
    const timed = {
      now,
      random,
      setTimeout: (run: () => void, ms: number) => this.#timers.setTimeout(run, ms),
      clearTimeout: (timer: unknown) => this.#timers.clearTimeout(timer),
    };
    this.members = new NodeMembers({
      clock: timed,
      limits,
      store,
      node: this.#node,
      report,
      wake: () => this.#wake(),
    });
  }

  /** The channel of a name, watched from now on: {@linkcode PresenceTopic.add} follows at once, and {@linkcode NodePresence.left}. */
  topic(channel: NamedChannel): PresenceTopic {
    const { name } = channel;
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      const { clock, store, report } = this.#parts;
      topic = new PresenceTopic(name, {
        store,
        asking: { clock, report: (error) => report(error, name) },
        mostMembers: channel.value.presence!.members,
        newAlias: () => ++this.#alias,
      });
      this.#topics.set(name, topic);
      topic.open();
      this.#wake();
    }
    this.#lingering.delete(topic);
    return topic;
  }

  /** Somebody watches no more. */
  left(topic: PresenceTopic): void {
    if (topic.size > 0 || this.#ended) return;
    this.#lingering.delete(topic);
    this.#lingering.set(topic, this.#parts.clock.now() + LINGER);
  }

  /** Some of the members of a channel, as the broker has them; none of one where they are only counted. */
  async page(
    { name, value }: NamedChannel,
    { after = "", limit = PAGE }: MembersQuery,
  ): Promise<PresencePage> {
    const most = value.presence?.schema === undefined ? 0 : Math.min(Math.max(1, limit), MOST_PAGE);
    try {
      const page = await this.#parts.store.read(name, { after, limit: most });
      return most === 0 ? { ...page, more: false } : page;
    } catch (cause) {
      throw new CallError("UNAVAILABLE", "Who is there cannot be known now", {
        retryable: true,
        ambiguous: false,
        cause,
      });
    }
  }

  /** One timer for all, while there is anything to look at. */
  #wake(): void {
    if (this.#timer !== undefined || this.#ended) return;
    if (this.#topics.size === 0 && this.members.rooms.size === 0) return;
    this.#timer = this.#parts.clock.setTimeout(() => {
      this.#timer = undefined;
      try {
        this.#releaseIdle();
        this.#step();
      } finally {
        this.#wake();
      }
    }, LOOK / STEPS);
  }

  /** Nothing is watched, and nobody is a member here, any more. */
  end(): void {
    this.#ended = true;
    this.#parts.clock.clearTimeout(this.#timer);
    this.members.end();
    this.#timers.end();
    for (const topic of this.#topics.values()) topic.release();
    this.#topics.clear();
    this.#lingering.clear();
  }

  #releaseIdle(): void {
    const now = this.#parts.clock.now();
    for (const [topic, until] of this.#lingering) {
      if (until > now) return;
      this.#lingering.delete(topic);
      this.#topics.delete(topic.name);
      topic.release();
    }
  }

  #step(): void {
    const all = new Set([...this.#topics.keys(), ...this.members.rooms.keys()]);
    if (this.#toLook.length === 0) this.#toLook = [...all];
    // Names that have gone meanwhile are no part of a step: those behind them would wait for longer than a lease.
    this.#toLook = this.#toLook.filter((name) => all.has(name));
    for (const name of this.#toLook.splice(0, Math.ceil(all.size / STEPS))) this.#look(name);
  }

  /** Renews the lease of this node, and compares what is known here with the broker. */
  #look(name: string): void {
    const topic = this.#topics.get(name);
    const room = this.members.rooms.get(name);
    if (topic === undefined && room === undefined) return;
    const took = ({ epoch, version, isKnown }: { epoch: string; version: number; isKnown: boolean }) => {
      if (!isKnown) this.members.rooms.get(name)?.again();
      this.#topics.get(name)?.looked({ epoch, version });
    };
    let looked: MaybePromise<Parameters<typeof took>[0]>;
    try {
      looked = this.#parts.store.look(name, room && this.#node, topic?.place);
    } catch {
      return; // whoever wants something of the broker says that it is away
    }
    if (isPromise(looked)) looked.then(took, () => {});
    else took(looked);
  }
}
