/**
 * Reactions to messages, as a node takes them: those to one message that come close together are counted together, and make one summary.
 *
 * @module
 */
import { subjectAuthor } from "./authors.ts";
import type { Entry, Page, Query } from "./broker.ts";
import { inTime, type NamedChannel } from "./channel_rules.ts";
import type { Published } from "./channel_types.ts";
import type { Clock } from "./clock.ts";
import { CallError } from "./errors.ts";
import type { AnyReactor, Counting, MessageTarget } from "./interactions.ts";
import { isKey } from "./long_names.ts";
import { encodeMessage } from "./message_data.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { type Reaction, type ReactionBounds, ReactionState } from "./reaction_state.ts";
import { askedChange } from "./message_target.ts";
import type { AppendedBy } from "./server_changes.ts";

/** Milliseconds from one summary of a message to the next. */
const PAUSE = 100;
/** Reactions to one message that may wait. */
const MOST_WAITING = 1_024;
/** Milliseconds that the broker may take: those that come later wait for no longer. */
const PATIENCE = 10_000;
/** Characters of a value. */
const LONGEST_VALUE = 64;
/** How often the counts of others are counted with, before that is left to who asks. */
const MOST_STALE = 16;

const MAY_COUNT = { retryable: true, ambiguous: true };

/** Where reactions are kept. */
export interface ReactionStore {
  /** Reads from a channel. */
  read(channel: NamedChannel, query: Query): MaybePromise<Page>;
  /** Appends to it. Rejects with `STALE` where the reactions are others. */
  append(channel: NamedChannel, data: Uint8Array, given: AppendedBy): MaybePromise<Published>;
}

/** Which message. */
export interface ReactionTarget {
  readonly channel: NamedChannel;
  readonly target: number;
  /** The life of the stream, where it was said. */
  readonly epoch: string | undefined;
}

interface Waiting {
  readonly reaction: Reaction;
  readonly epoch: string | undefined;
  readonly done: PromiseWithResolvers<Published>;
}

/** The reactions to one message that wait, and what keeps the next summary waiting. */
interface Batch {
  readonly key: string;
  readonly target: ReactionTarget;
  waiting: Waiting[];
  isRunning: boolean;
  /** Set for a while after each summary. */
  timer: unknown;
}

/** All that wait on a node. */
export class NodeReactions {
  readonly #store: ReactionStore;
  readonly #clock: Pick<Clock, "setTimeout" | "clearTimeout">;
  readonly #bounds: ReactionBounds | undefined;
  readonly #batches = new Map<string, Batch>();
  #ended = false;
  /** As it was said of the latest summary from here: until then no more is claimed. */
  #durability = "memory";

  /** None waits. */
  constructor(
    store: ReactionStore,
    clock: Pick<Clock, "setTimeout" | "clearTimeout">,
    bounds?: ReactionBounds,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#bounds = bounds;
  }

  /** Messages that somebody reacts to now. */
  get size(): number {
    return this.#batches.size;
  }

  /** Counts a reaction. Resolves with the place of a summary that has it, or, where nothing changes by it, with the place at which that was seen: nothing is published then. */
  add(target: ReactionTarget, reaction: Reaction): Promise<Published> {
    if (this.#ended) return Promise.reject(new CallError("UNAVAILABLE"));
    const { channel, target: offset, epoch } = target;
    const key = `${offset} ${channel.name}`; // whether it names the life or not: they land in the order in which they came
    let batch = this.#batches.get(key);
    if (batch === undefined) {
      batch = { key, target, waiting: [], isRunning: false, timer: undefined };
      this.#batches.set(key, batch);
    }
    if (batch.waiting.length >= MOST_WAITING) {
      return Promise.reject(new CallError("RESOURCE_EXHAUSTED", "Too many react to the message"));
    }
    const done = Promise.withResolvers<Published>();
    batch.waiting.push({ reaction, epoch, done });
    this.#goOn(batch);
    return done.promise;
  }

  /** Those that wait are not counted any more. */
  end(): void {
    this.#ended = true;
    for (const { timer, waiting } of this.#batches.values()) {
      this.#clock.clearTimeout(timer);
      for (const { done } of waiting) done.reject(new CallError("UNAVAILABLE"));
    }
    this.#batches.clear();
  }

  #goOn(batch: Batch): void {
    if (batch.isRunning || batch.timer !== undefined || this.#ended) return;
    if (batch.waiting.length === 0) return void this.#batches.delete(batch.key);
    batch.isRunning = true;
    void this.#run(batch);
  }

  async #run(batch: Batch): Promise<void> {
    await undefined; // those of one turn go together
    const waiting = batch.waiting;
    batch.waiting = [];
    try {
      const landed = this.#land(batch.target, waiting).then(() => true);
      const isLanded = await inTime(landed, { clock: this.#clock, ms: PATIENCE }, () => false);
      if (!isLanded) throw new CallError("UNAVAILABLE", "The broker does not answer", MAY_COUNT);
    } catch (error) {
      for (const { done } of waiting) done.reject(error);
    }
    batch.isRunning = false;
    if (this.#ended) return;
    batch.timer = this.#clock.setTimeout(() => {
      batch.timer = undefined;
      this.#goOn(batch);
    }, PAUSE);
  }

  /** Counts them, those of each life of the stream together, and appends the summary, anew where another node has done so meanwhile. */
  async #land(target: ReactionTarget, waiting: readonly Waiting[]): Promise<void> {
    const left = new Set(waiting);
    for (let stale = 0; left.size > 0;) {
      try {
        await this.#try(target, left);
      } catch (error) {
        if (!(error instanceof CallError) || error.code !== "STALE") throw error;
        if (stale++ >= MOST_STALE) {
          throw new CallError("UNAVAILABLE", "Too many nodes count reactions to the message");
        }
      }
    }
  }

  /** Those of the present life go first, then those of one other at a time, of which the broker says what it is. Takes away from `left` who is answered. */
  async #try({ channel, target }: ReactionTarget, left: Set<Waiting>): Promise<void> {
    const query = { after: target - 1, messages: 1, bytes: 1, isNow: true, withState: true };
    const page = await this.#store.read(channel, query);
    const entry = page.entries.find(({ offset }) => offset === target);
    const [epoch, some] = nextOf(left, page.epoch);
    const known = epoch === page.epoch ? entry?.reactions : undefined; // another life's message is not in its place
    const state = new ReactionState(known?.state, this.#bounds);
    const { kinds } = channel.value.reactions!;
    const { failed, isOther } = count(state, some, kinds);
    if (failed.size < some.length) {
      const reactions = { expects: known?.offset ?? 0, state: state.stored() };
      const change = { kind: "react" as const, target, epoch, reactions };
      const isKept = isMessage(entry) && epoch === page.epoch;
      const published = isKept && !isOther
        ? { epoch, ...page.top, durability: this.#durability }
        : await this.#append(channel, encodeMessage(state.summary(kinds)), change);
      if (published instanceof CallError) { for (const one of some) failed.set(one, published); }
      else this.#landed(some, failed, published);
    }
    for (const [{ done }, error] of failed) done.reject(error);
    for (const one of some) left.delete(one);
  }

  /** Gives the refusal of what cannot be there; throws `STALE`. */
  async #append(channel: NamedChannel, data: Uint8Array, change: AppendedBy["change"]) {
    try {
      return await this.#store.append(channel, data, { by: subjectAuthor(undefined), change });
    } catch (error) {
      if (error instanceof CallError && error.code !== "STALE") return error;
      throw error;
    }
  }

  #landed(some: readonly Waiting[], failed: ReadonlyMap<Waiting, unknown>, published: Published): void {
    this.#durability = published.durability;
    for (const one of some) if (!failed.has(one)) one.done.resolve(published);
  }
}

/** Those that are counted together, in the order in which they came, and the life of the stream that they mean. */
function nextOf(left: ReadonlySet<Waiting>, present: string): [epoch: string, some: readonly Waiting[]] {
  const now = [...left].filter(({ epoch = present }) => epoch === present);
  if (now.length > 0) return [present, now];
  const [first] = left;
  return [first!.epoch ?? present, [...left].filter(({ epoch }) => epoch === first!.epoch)];
}

function count(state: ReactionState, some: readonly Waiting[], kinds: Readonly<Record<string, Counting>>) {
  const failed = new Map<Waiting, unknown>();
  let isOther = false;
  for (const one of some) {
    try {
      if (state.add(one.reaction, kinds[one.reaction.kind]!)) isOther = true;
    } catch (error) {
      failed.set(one, error);
    }
  }
  return { failed, isOther };
}

/**
 * What is said, checked.
 *
 * @throws {CallError} `BAD_INPUT` where the channel has no such kind, or a value is missing, or one too many.
 */
export function checkedReaction(
  { value: { reactions } }: NamedChannel,
  { kind, value, undo }: { readonly kind: unknown; readonly value: unknown; readonly undo: boolean },
): Pick<Reaction, "kind" | "value" | "undo"> {
  const counting = typeof kind === "string" && reactions !== undefined && Object.hasOwn(reactions.kinds, kind)
    ? reactions.kinds[kind]
    : undefined;
  if (counting === undefined) throw new CallError("BAD_INPUT", "There is no such kind of reaction");
  const isNone = value === undefined || value === null;
  const wantsNone = counting === "total" || (undo && counting === "unique");
  if (isNone ? !wantsNone : counting === "total") {
    throw new CallError(
      "BAD_INPUT",
      `A reaction that is counted by ${counting} has ${wantsNone ? "no" : "a"} value`,
    );
  }
  if (!isNone && (!isKey(value) || value.length > LONGEST_VALUE)) {
    throw new CallError(
      "BAD_INPUT",
      `The value of a reaction has 1 to ${LONGEST_VALUE} characters, and 255 bytes at most`,
    );
  }
  return { kind: kind as string, value: isNone ? "" : value as string, undo };
}

/** What server code does with reactions of a channel, in nobody's name. */
export function reactor(channel: NamedChannel, reactions: NodeReactions): AnyReactor {
  const run = async (undo: boolean, target: MessageTarget, kind: string, value?: string) => {
    if (channel.value.reactions === undefined) {
      throw new TypeError(`Nobody reacts to messages of "${channel.name}": it declares no reactions`);
    }
    const { target: offset, epoch } = askedChange("react", target);
    const reaction = checkedReaction(channel, { kind, value, undo });
    return await reactions.add({ channel, target: offset, epoch }, {
      ...reaction,
      author: subjectAuthor(undefined),
    });
  };
  return {
    react: (...given) => run(false, ...given),
    unreact: (...given) => run(true, ...given),
  };
}

/** Whether somebody may react to it. */
function isMessage(entry: Entry | undefined): boolean {
  return entry !== undefined && entry.by !== undefined && entry.change === undefined && entry.isGone !== true;
}
