/**
 * Those who want the same part of a channel, while they are live: one member of the topic, for all of them.
 *
 * @module
 */
import { begin, end, written } from "../msgpack/encoder.ts";
import type { Entry } from "./broker.ts";
import { PUBLICATION_HEAD, writePublication, writeSkip } from "./channel_messages.ts";
import type { Clock } from "./clock.ts";
import { FeedDeltas } from "./feed_deltas.ts";
import type { Filter } from "./filter.ts";
import { keptFrame } from "./kept_frame.ts";
import type { KeptPage } from "./kept_page.ts";
import { isLong, Marks } from "./marks.ts";
import { Newest } from "./newest.ts";
import type { Policy } from "./policy.ts";
import { givenBy, type SharedFrame } from "./shared_frames.ts";
import type { Feed, Place, TopicMember } from "./topic_member.ts";
import { NEWEST } from "./unseen.ts";

/** What a view needs of its topic. */
export interface ViewedTopic extends Feed {
  /** The number that stands for the present stream. */
  readonly alias: number;
  /** Counts the streams. */
  readonly life: number;
  /** What came so far is given to those who are live. */
  distribute(): void;
}

/** What those who share a view want. */
export interface Wants {
  /** Which publications. */
  readonly filter: Filter | undefined;
  /** What may be left out of them. */
  readonly policy: Policy | undefined;
}

/** What a view is made of. */
export interface FilterViewParts {
  /** Of which it is a part. */
  readonly topic: ViewedTopic;
  /** Time. */
  readonly clock: Clock;
  /** Nobody wants it any more. */
  readonly unused: () => void;
}

/** Milliseconds between two SKIPs without a publication. The first after a while goes at once: somebody may wait until they have come so far. */
const INTERVAL = 1_000;

/** Bytes of a publication that is held for differences at most, which no history may have any more: one for each filter, as much as the tail of a channel has. */
const LARGEST_BASE = 64 * 1024;

/** One filter on one channel. */
export class FilterView implements TopicMember, Feed {
  /** It sends no signals. */
  readonly id = "";
  /** See {@linkcode Feed.sent}. */
  sent: Place;
  /** See {@linkcode Feed.marks}. */
  readonly marks: Marks;
  readonly #filter: Filter | undefined;
  readonly #policy: Policy | undefined;
  readonly #parts: FilterViewParts;
  readonly #members = new Set<TopicMember>();
  #users = 0;
  #life = -1;
  /** What was passed over since, and nobody was told of. */
  #skipped: Place | undefined;
  #lastSkip = -Infinity;
  #timer: unknown;
  /** Those who fell behind, and what is kept for them while there are any. */
  readonly #laggers = new Set<TopicMember>();
  readonly #newest: Newest | undefined;
  /** What waits for the next time that something is given, where that is not always. */
  readonly #waiting: Newest | undefined;
  #lastGiven = -Infinity;
  #sampling: unknown;
  #deltas: FeedDeltas | undefined;
  /** The publication that was given last, which those who take differences hold. */
  #base: Entry | undefined;

  /** Has nobody. */
  constructor({ filter, policy }: Wants, parts: FilterViewParts) {
    this.#filter = filter;
    this.#policy = policy;
    this.marks = new Marks(policy && NEWEST.grain);
    this.#newest = policy && new Newest(policy);
    this.#waiting = policy && policy.interval > 0 ? new Newest(policy) : undefined;
    this.#parts = parts;
    this.sent = parts.topic.sent;
  }

  /** See {@linkcode Feed.deltas}. */
  get deltas(): FeedDeltas {
    return this.#deltas ??= new FeedDeltas(this.#parts.topic, () => this.#base);
  }

  /** One more, who has to be removed. */
  use(): void {
    this.#users++;
  }

  /** See {@linkcode Feed.goLive}. Who comes is where the others are told to be first. */
  goLive(member: TopicMember): void {
    const { topic } = this.#parts;
    const isNew = this.#life !== topic.life;
    if (isNew) this.#forget();
    topic.goLive(this);
    if (isNew) {
      this.#life = topic.life;
      this.sent = topic.sent;
      this.marks.start(this.sent.offset);
      this.#waiting?.start(this.sent.offset);
    }
    if (this.#waiting === undefined || this.#waiting.size === 0) this.#tellSkipped();
    this.#members.add(member);
    this.#goesOn(member);
  }

  /** See {@linkcode Feed.waits}: until what waits is given, who has it already, or begins behind it, is not where the others are. */
  waits(member: TopicMember): boolean {
    if (this.#waiting === undefined || this.#life !== this.#parts.topic.life) return false;
    this.#parts.topic.distribute();
    if (this.#waiting.size === 0) return false;
    this.#lag(member);
    return true;
  }

  /** See {@linkcode Feed.kept}. */
  kept(member: TopicMember, offset: number): KeptPage | undefined {
    const policy = this.#policy;
    if (policy === undefined || !this.#laggers.has(member)) return undefined;
    if (this.#life !== this.#parts.topic.life) return undefined;
    this.#parts.topic.distribute();
    if (!this.#laggers.has(member) || offset < this.#newest!.since) return undefined;
    const isWaiting = this.#waiting !== undefined && this.#waiting.size > 0;
    const end = isWaiting ? this.sent : this.#skipped ?? this.sent;
    return { reason: policy.reason, given: this.#newest!.after(offset), end };
  }

  /** See {@linkcode Feed.remove}. */
  remove(member: TopicMember): void {
    this.#members.delete(member);
    this.#goesOn(member);
    this.#parts.topic.remove(member);
    if (--this.#users > 0) return;
    this.end();
    this.#parts.topic.remove(this);
    this.#parts.unused();
  }

  /** See {@linkcode TopicMember.deliver}. Takes everything: who of its members has no room falls behind alone. */
  deliver(frame: SharedFrame): boolean {
    const last = frame.entries.at(-1)!;
    if (this.#members.size === 0 && this.#laggers.size === 0) {
      this.#waiting?.start(last.offset);
      this.#skipped = undefined;
      this.#base = undefined;
      this.sent = placeOf(last);
      return true;
    }
    const filter = this.#filter;
    const isAll = filter === undefined && !frame.hasChanges;
    const wanted = isAll ? frame.entries : frame.entries.filter((entry) => isWanted(entry, filter));
    if (wanted.length > 0) this.#came(frame, wanted);
    if (wanted.at(-1) !== last) this.#skip(last);
    return true;
  }

  /** See {@linkcode TopicMember.isBehind}. Who is asked what they have not seen has been told of all there is: that bounds what one SKIP covers, too. */
  isBehind(next: number): boolean {
    this.#tellSkipped();
    this.#look(next, 0);
    return false;
  }

  /** Tells nobody anything any more. */
  end(): void {
    const { clock } = this.#parts;
    clock.clearTimeout(this.#timer);
    clock.clearTimeout(this.#sampling);
    this.#timer = this.#sampling = undefined;
  }

  /** See {@linkcode TopicMember.fallBehind}: it takes everything. */
  fallBehind(): void {}

  /** What members of the topic are told its own members are told themselves. */
  ready(): void {}

  /** See {@linkcode FilterView.ready}. */
  restarted(): void {}

  /** See {@linkcode FilterView.ready}. */
  stale(): void {}

  /** See {@linkcode FilterView.ready}. */
  refreshed(): void {}

  /** See {@linkcode FilterView.ready}. */
  signal(): void {}

  #came(frame: SharedFrame, wanted: readonly Entry[]): void {
    const waiting = this.#waiting;
    if (waiting === undefined) {
      this.#give(frame, wanted);
      if (this.#laggers.size > 0) { for (const entry of wanted) this.#newest!.add(entry); }
      return;
    }
    for (const entry of wanted) waiting.add(entry);
    this.#skipped = undefined;
    const { clock } = this.#parts;
    const left = this.#lastGiven + this.#policy!.interval - clock.now();
    if (left <= 0) this.#giveWaiting();
    else this.#sampling ??= clock.setTimeout(() => this.#giveWaiting(), left);
  }

  /** It is time for what has waited. */
  #giveWaiting(): void {
    const { clock, topic } = this.#parts;
    clock.clearTimeout(this.#sampling);
    this.#sampling = undefined;
    const waiting = this.#waiting!;
    if (this.#life !== topic.life || waiting.size === 0) return;
    this.#lastGiven = clock.now();
    const { offset } = this.sent;
    const given = waiting.after(offset);
    const { entry: last } = given.at(-1)!;
    const page = { reason: this.#policy!.reason, given, end: last };
    const frame = keptFrame(topic.alias, offset, page);
    this.#look(given.length, frame.bytes.length);
    this.#send(frame);
    if (this.#laggers.size > 0) {
      for (const { entry, before } of waiting.all()) this.#newest!.add(entry, before);
    }
    this.sent = placeOf(last);
    waiting.start(last.offset);
    const skipped = this.#skipped;
    if (skipped !== undefined) this.#skip(skipped);
    if (this.marks.add(given.map(({ entry }) => entry))) this.isBehind(0);
    for (const lagger of this.#laggers) lagger.refreshed();
  }

  #give(frame: SharedFrame, wanted: readonly Entry[]): void {
    const isWhole = wanted.length === frame.entries.length && this.#skipped === undefined;
    const { alias } = this.#parts.topic;
    const part = isWhole ? frame : filtered(alias, frame, { wanted, skipped: this.#skipped });
    if (isLong(part)) this.#look(wanted.length, part.bytes.length);
    this.#send(part);
    this.#skipped = undefined;
    this.sent = placeOf(wanted.at(-1)!);
    if (this.marks.add(wanted) || this.#policy !== undefined) this.isBehind(0); // who wants the newest is looked at each time
  }

  #skip(last: Place): void {
    this.#skipped = placeOf(last);
    if (this.#waiting !== undefined && this.#waiting.size > 0) return; // it is told with what waits
    const { clock } = this.#parts;
    const left = this.#lastSkip + INTERVAL - clock.now();
    if (left <= 0) this.#tellSkipped();
    else this.#timer ??= clock.setTimeout(() => this.#tellInTime(), left);
  }

  #tellInTime(): void {
    this.#timer = undefined;
    if (this.#life === this.#parts.topic.life) this.#tellSkipped();
  }

  #tellSkipped(): void {
    const skipped = this.#skipped;
    if (skipped === undefined || (this.#waiting !== undefined && this.#waiting.size > 0)) return;
    this.#skipped = undefined;
    this.#lastSkip = this.#parts.clock.now();
    const bytes = inBuffer(1, () => writeSkip(this.#parts.topic.alias, skipped.offset, skipped.fingerprint));
    this.#send({ bytes, messages: 1, entries: [], skipped });
    this.sent = skipped;
  }

  #send(frame: SharedFrame): void {
    for (const member of this.#members) if (!member.deliver(frame)) this.#leaveBehind(member);
    const last = givenBy(frame).at(-1);
    if (this.#deltas === undefined || last === undefined) return;
    this.#deltas.release();
    this.#base = last.data.length <= LARGEST_BASE ? last : undefined;
  }

  #look(next: number, bytes: number): void {
    for (const member of this.#members) if (member.isBehind(next, bytes)) this.#leaveBehind(member);
  }

  #leaveBehind(member: TopicMember): void {
    this.#members.delete(member);
    if (this.#policy !== undefined) this.#lag(member);
    member.fallBehind();
  }

  /** Nothing is kept any more for somebody. */
  #goesOn(member: TopicMember): void {
    if (this.#laggers.delete(member) && this.#laggers.size === 0) this.#newest!.start(0);
  }

  #lag(member: TopicMember): void {
    if (this.#laggers.size === 0) this.#newest!.start(this.sent.offset);
    this.#laggers.add(member);
  }

  #forget(): void {
    this.#members.clear();
    this.#laggers.clear();
    this.#waiting?.start(0);
    this.#skipped = this.#base = undefined;
  }
}

/** The part of a frame that is wanted. */
function filtered(
  alias: number,
  { entries }: SharedFrame,
  { wanted, skipped }: { readonly wanted: readonly Entry[]; readonly skipped: Place | undefined },
): SharedFrame {
  const size = wanted.reduce((sum, { data }) => sum + data.length, 0);
  const start = skipped === undefined ? entries[0]!.offset - 1 : -1;
  const isHole = (i: number) => wanted[i]!.offset - 1 !== (i === 0 ? start : wanted[i - 1]!.offset);
  const writeHole = (i: number) => {
    const { offset, previous } = wanted[i]!;
    if (isHole(i)) writeSkip(alias, offset - 1, previous);
  };
  let messages = wanted.length;
  const write = () => {
    for (let i = 0; i < wanted.length; i++) {
      if (isHole(i)) messages++;
      writeHole(i);
      writePublication(alias, wanted[i]!);
    }
  };
  const bytes = inBuffer(2 * wanted.length, write, size);
  return { bytes, messages, entries, part: { given: wanted, writeHole }, skipped };
}

function inBuffer(messages: number, write: () => void, payload = 0): Uint8Array {
  begin(new Uint8Array(payload + messages * PUBLICATION_HEAD), 0);
  write();
  const length = end();
  return written().subarray(0, length);
}

/** A change can come where this node does not know that the channel has any: as long as another does, in a deployment. */
function isWanted({ data, change }: Entry, filter: Filter | undefined): boolean {
  return change === undefined && (filter === undefined || filter.matches(data));
}

function placeOf({ offset, fingerprint }: Place): Place {
  return { offset, fingerprint };
}
