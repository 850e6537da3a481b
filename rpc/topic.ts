/**
 * One channel on this node: what its broker pushes, held to one unbroken order, and those here who want it.
 *
 * @module
 */
import { Asking } from "./asking.ts";
import type { Broker, BrokerListener, Entry, Page, Position, Query } from "./broker.ts";
import type { Clock } from "./clock.ts";
import { isLong, Marks } from "./marks.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { FeedDeltas, lastInTail } from "./feed_deltas.ts";
import { HeldPushes } from "./held_pushes.ts";
import { isPromise } from "./iterating.ts";
import { publicationFrames, type Signal, SignalFrame } from "./shared_frames.ts";
import { Tail } from "./tail.ts";
import type { Place, TopicMember } from "./topic_member.ts";
import { LATE_PUSH, MOST_SIGNALS, NOTHING, PAGE } from "./topic_bounds.ts";
import { type EndsWithTurn, turnOf } from "./turn.ts";
import { Views } from "./views.ts";

/** What a topic is made of. */
export interface TopicParts {
  /** Time, and the turns at whose end publications leave. */
  readonly clock: Clock;
  /** Where channels live. */
  readonly broker: Broker;
  /** Tells the program of an error. Never throws. */
  readonly report: (error: unknown, channel: string) => void;
  /** A number that no other topic of this node has. */
  readonly newAlias: () => number;
  /** Where it stands while the broker is asked what it has, and since when; who has asked for longest is the first. */
  readonly doubts: Map<Topic, number>;
}

/** One channel on this node. */
export class Topic implements BrokerListener, EndsWithTurn {
  /** Its name. */
  readonly name: string;
  /** The present stream; empty until it is known. */
  epoch = "";
  /** The number that stands for the present stream on this node. */
  alias = 0;
  /** The latest publication that is known here. */
  last: Place = { offset: 0, fingerprint: 0 };
  /** The latest that was given to those who are live: the rest follows at the end of the turn. */
  sent: Place = this.last;
  /** Counts the streams: what was asked of the one before says nothing about this one. */
  life = 0;
  /** The latest publications. */
  readonly tail: Tail = new Tail();
  /** What is shared by those who do not want everything. */
  readonly views: Views;
  #deltas: FeedDeltas | undefined;
  readonly #parts: TopicParts;
  readonly #asking: Asking;
  readonly #members = new Set<TopicMember>();
  readonly #live = new Set<TopicMember>();
  /** Those who wait until the stream is known. */
  #waiting = new Set<TopicMember>();
  /** What is known here may be another stream than the broker's: who comes now is told nothing before the broker has said so. */
  #inDoubt = false;
  /** See {@linkcode Feed.marks}. */
  readonly marks: Marks = new Marks();
  #fresh: Entry[] = [];
  #signals: Signal[] = [];
  /** Set while the broker is asked: what it pushes meanwhile. */
  #pushed: HeldPushes | undefined;
  /** A page of what is still to be pushed, and when that is not believed any more. */
  #ahead: Page | undefined;
  #timer: unknown;
  /** What the broker is being asked for may be older than the reason to ask again. */
  #again = false;
  /** Those who wait for that. */
  #refreshing = new Set<TopicMember>();
  /** Told when the stream is known for the first time, or nobody waits for it any more. */
  #whenKnown: PromiseWithResolvers<void> | undefined;
  /** What is being read for those who catch up. */
  readonly #reads = new Map<string, Promise<Page>>();
  #scheduled = false;
  #released = false;

  /** Asks nothing yet: {@linkcode Topic.open} does. */
  constructor(name: string, parts: TopicParts) {
    this.name = name;
    this.#parts = parts;
    this.views = new Views(this, parts.clock);
    const report = (error: unknown) => parts.report(error, name);
    this.#asking = new Asking({ clock: parts.clock, report });
  }

  /** Whether the stream is known. */
  get isReady(): boolean {
    return this.epoch !== "";
  }

  /** Those who want it. */
  get size(): number {
    return this.#members.size;
  }

  /** The latest position that is known here. */
  get position(): Position {
    return { epoch: this.epoch, ...this.last };
  }

  /** See {@linkcode Feed.deltas}. */
  get deltas(): FeedDeltas {
    return this.#deltas ??= new FeedDeltas(this, lastInTail(this.tail));
  }

  /** Listens: confirmed by the broker first, read then, so that nothing falls between the two. */
  open(): void {
    this.#pushed = new HeldPushes();
    this.#asking.ask(
      () => this.#parts.broker.subscribe(this.name, this),
      () => this.#read(),
    );
  }

  /** Listens no more. */
  release(): void {
    this.#released = true;
    this.views.end();
    this.#parts.doubts.delete(this);
    this.#asking.stop();
    this.#parts.clock.clearTimeout(this.#timer);
    this.#whenKnown?.resolve();
    this.#parts.broker.unsubscribe(this.name, this);
  }

  /** Takes somebody in, who is told when the stream is known. */
  add(member: TopicMember): void {
    this.#members.add(member);
    if (this.isReady && !this.#inDoubt) member.ready();
    else this.#waiting.add(member);
  }

  /** Somebody wants it no more. */
  remove(member: TopicMember): void {
    this.#members.delete(member);
    this.#live.delete(member);
    this.#waiting.delete(member);
    this.#refreshing.delete(member);
    if (this.#members.size === 0) this.tail.clear();
  }

  /** From now on somebody who has everything up to {@linkcode Topic.last} gets what follows with all others. */
  goLive(member: TopicMember): void {
    this.distribute();
    this.#live.add(member);
  }

  /** Reads a part of the history. Who comes while the same is read gets the same: a crowd that comes back asks the broker once. */
  read(query: Query): MaybePromise<Page> {
    const key = `${query.after} ${query.at} ${query.messages} ${query.since}`;
    const running = this.#reads.get(key);
    if (running !== undefined) return running;
    const page = this.#parts.broker.read(this.name, query);
    if (!isPromise(page)) return page;
    this.#reads.set(key, page);
    const done = () => void this.#reads.delete(key);
    page.then(done, done);
    return page;
  }

  /** Answered when {@linkcode Topic.isReady}, or nobody waits for that any more. Never rejects. */
  whenKnown(): Promise<void> {
    return (this.#whenKnown ??= Promise.withResolvers()).promise;
  }

  /** Reads again what the broker has, and then tells `member`: what is known here may be old. */
  refresh(member?: TopicMember): void {
    if (member !== undefined) this.#refreshing.add(member);
    if (this.#pushed !== undefined) {
      this.#again = true;
      return;
    }
    this.#pushed = new HeldPushes();
    this.#parts.doubts.set(this, this.#parts.clock.now());
    this.#read();
  }

  /** The broker has not said for long what it has. Nobody gets anything before it does: those who were told otherwise hear of it, and ask again. */
  expire(): void {
    this.#inDoubt = true;
    for (const member of [...this.#members]) if (!this.#waiting.has(member)) member.stale();
  }

  /** Compares what is known here with the broker, if nothing is under way. */
  check(): void {
    if (this.isReady && this.#pushed === undefined && !this.#released) this.refresh();
  }

  /** {@inheritDoc BrokerListener.entry} */
  entry(epoch: string, entry: Entry): void {
    if (this.#released) return;
    if (this.#pushed !== undefined) return this.#keep(this.#pushed, epoch, entry);
    if (this.#accept(epoch, entry)) return;
    this.#inDoubt = true;
    this.refresh();
    if (this.#pushed !== undefined) this.#keep(this.#pushed, epoch, entry); // it tells that nothing before it follows
  }

  /** {@inheritDoc BrokerListener.signal} */
  signal(data: Uint8Array, from: string | undefined): void {
    if (this.#released || !this.isReady || this.#members.size === 0) return;
    if (this.#signals.length >= MOST_SIGNALS) return;
    this.#signals.push({ data, from });
    this.#schedule();
  }

  /** {@inheritDoc BrokerListener.uncertain} */
  uncertain(): void {
    if (this.#released) return;
    this.#inDoubt = true;
    this.refresh();
  }

  /** What came in this turn leaves. */
  endTurn(): void {
    this.#scheduled = false;
    try {
      this.distribute();
      this.#distributeSignals();
    } catch (error) {
      this.#parts.report(error, this.name); // those of other channels follow
    }
  }

  /** What came so far leaves now. */
  distribute(): void {
    if (this.#fresh.length === 0) return;
    const fresh = this.#fresh;
    this.#fresh = [];
    if (this.#live.size === 0) return this.#passed(fresh);
    for (const frame of publicationFrames(this.alias, fresh)) {
      if (isLong(frame)) this.#look(frame.entries.length, frame.bytes.length);
      for (const member of this.#live) if (!member.deliver(frame)) this.#leaveBehind(member);
      this.#passed(frame.entries); // after each: one turn may bring more than anybody can take
    }
  }

  /** These were given to all who are live. Those who may be sent no more are live no more. */
  #passed(entries: readonly Entry[]): void {
    const { offset, fingerprint } = entries.at(-1)!;
    this.sent = { offset, fingerprint };
    if (!this.marks.add(entries)) return;
    this.#look(0, 0);
  }

  /** Those who may not be given so many more are live no more. */
  #look(next: number, bytes: number): void {
    for (const member of this.#live) if (member.isBehind(next, bytes)) this.#leaveBehind(member);
  }

  #leaveBehind(member: TopicMember): void {
    this.#live.delete(member);
    member.fallBehind();
  }

  #keep(pushed: HeldPushes, epoch: string, entry: Entry): void {
    if (!pushed.keep(epoch, entry)) this.#again = true;
    const page = this.#ahead;
    if (page === undefined) return;
    if (!this.#isAheadOf(pushed, page)) this.#judge(page);
  }

  /**
   * Whether the history of a page does not reach back to the last publication that is known, and pushes of what is missing may still be on their way: they come by
   * another one. What has come of them is taken.
   */
  #isAheadOf(pushed: HeldPushes, { epoch, top, oldest }: Page): boolean {
    const isMissing = () => this.last.offset < Math.min(top.offset, oldest - 1);
    if (epoch !== this.epoch || !isMissing()) return false;
    pushed.give(top.offset, (push) => this.#follows(push.epoch, push.entry));
    return isMissing() && pushed.isEmpty;
  }

  /** Takes a publication that follows on the last; passes over what was known before, which the tail need not reach back to. */
  #follows(epoch: string, entry: Entry): boolean {
    return (epoch === this.epoch && entry.offset <= this.last.offset) || this.#accept(epoch, entry);
  }

  /** Takes a publication that follows on the last; passes over one that came before. `false`: something is missing, or the past is another. */
  #accept(epoch: string, entry: Entry): boolean {
    if (epoch !== this.epoch) return false;
    const { offset, previous, fingerprint } = entry;
    const { last } = this;
    if (offset <= last.offset) return this.tail.fingerprintAt(offset) === fingerprint;
    if (offset !== last.offset + 1 || previous !== last.fingerprint) return false;
    this.last = { offset, fingerprint };
    this.#fresh = this.tail.erase(entry, this.#fresh);
    if (this.#members.size > 0) this.tail.push(entry);
    this.#fresh.push(entry);
    this.#schedule();
    return true;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    turnOf(this.#parts.clock).add(this);
  }

  #read(): void {
    this.#again = false;
    const after = this.isReady ? { after: this.last.offset, ...PAGE } : NOTHING;
    this.#asking.ask(
      () => this.#parts.broker.read(this.name, after),
      (page) => this.#took(page),
    );
  }

  #took(page: Page): void {
    const pushed = this.#pushed;
    if (!this.isReady || pushed === undefined || !this.#isAheadOf(pushed, page)) return this.#judge(page);
    this.#ahead = page;
    this.#timer = this.#parts.clock.setTimeout(() => this.#judge(page), LATE_PUSH);
  }

  #judge(page: Page): void {
    this.#ahead = undefined;
    this.#parts.clock.clearTimeout(this.#timer);
    if (!this.isReady) {
      this.#start(page);
    } else {
      const reason = this.#whyOther(page);
      if (reason !== undefined) {
        this.#start(page);
        for (const member of this.#members) if (!this.#waiting.has(member)) member.restarted();
        if (reason !== "") this.#alarm(reason);
      } else if (page.top.offset > this.last.offset) return this.#read(); // there is more
    }
    this.#known();
  }

  /** Why a page does not continue what is known; `""` for what may happen, a sentence for what must not, `undefined` when it does. */
  #whyOther({ epoch, top, oldest, boundary, entries }: Page): string | undefined {
    const { offset, fingerprint } = this.last;
    if (epoch !== this.epoch) return "";
    if (top.offset < offset) return "The stream has lost its latest publications";
    if (top.offset === offset) return top.fingerprint === fingerprint ? undefined : DIVERGED;
    if (boundary !== undefined && boundary !== fingerprint && offset > 0) return DIVERGED;
    if (oldest > offset + 1 || entries.length === 0) return "";
    return entries.every((entry) => this.#follows(epoch, entry)) ? undefined : DIVERGED;
  }

  /** A stream begins here: the first that is known, or another than before. */
  #start({ epoch, top }: Page): void {
    this.#fresh = [];
    this.#live.clear(); // each is told, and comes back when it has caught up: its socket may be full
    this.tail.clear();
    this.epoch = epoch;
    this.last = this.sent = top;
    this.alias = this.#parts.newAlias();
    this.life++;
    this.marks.start(top.offset);
  }

  /** The broker has said what it has: what it pushed meanwhile follows. */
  #known(): void {
    const pushed = this.#pushed?.take() ?? [];
    this.#pushed = undefined;
    const fits = pushed.every(({ epoch, entry }) => this.#follows(epoch, entry));
    if (!fits || this.#again) {
      this.#pushed = new HeldPushes();
      return this.#read();
    }
    this.#inDoubt = false;
    this.#parts.doubts.delete(this);
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const member of waiting) member.ready();
    const refreshing = this.#refreshing;
    this.#refreshing = new Set();
    for (const member of refreshing) member.refreshed();
    this.#whenKnown?.resolve();
  }

  #alarm(reason: string): void {
    this.#parts.report(new Error(`${reason}: subscribers start again at ${this.last.offset}`), this.name);
  }

  #distributeSignals(): void {
    const signals = this.#signals;
    if (signals.length === 0) return;
    this.#signals = [];
    const frame = new SignalFrame(this.alias, signals);
    for (const member of this.#members) {
      const run = frame.to(member.id);
      if (run !== undefined) member.signal(run);
    }
  }
}

const DIVERGED = "The stream has another past than it had";
