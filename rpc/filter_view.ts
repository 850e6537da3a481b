/**
 * Those who want the same part of a channel, while they are live: one member of the topic, for all of them.
 *
 * @module
 */
import { begin, end, written } from "../msgpack/encoder.ts";
import type { Entry } from "./broker.ts";
import { PUBLICATION_HEAD, writePublication, writeSkip } from "./channel_messages.ts";
import type { Clock } from "./clock.ts";
import type { Filter } from "./filter.ts";
import { Marks } from "./marks.ts";
import type { SharedFrame } from "./shared_frames.ts";
import type { Feed, Place, TopicMember } from "./topic_member.ts";

/** What a view needs of its topic. */
export interface ViewedTopic extends Feed {
  /** The number that stands for the present stream. */
  readonly alias: number;
  /** Counts the streams. */
  readonly life: number;
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

/** One filter on one channel. */
export class FilterView implements TopicMember, Feed {
  /** It sends no signals. */
  readonly id = "";
  /** See {@linkcode Feed.sent}. */
  sent: Place;
  readonly #filter: Filter;
  readonly #parts: FilterViewParts;
  readonly #members = new Set<TopicMember>();
  readonly #marks = new Marks();
  #users = 0;
  #life = -1;
  /** What was passed over since, and nobody was told of. */
  #skipped: Place | undefined;
  #lastSkip = -Infinity;
  #timer: unknown;

  /** Has nobody. */
  constructor(filter: Filter, parts: FilterViewParts) {
    this.#filter = filter;
    this.#parts = parts;
    this.sent = parts.topic.sent;
  }

  /** One more, who has to be removed. */
  use(): void {
    this.#users++;
  }

  /** See {@linkcode Feed.bytesSince}. */
  bytesSince(offset: number): number {
    return this.#marks.since(offset);
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
      this.#marks.start(this.sent.offset);
    }
    this.#tellSkipped();
    this.#members.add(member);
  }

  /** See {@linkcode Feed.remove}. */
  remove(member: TopicMember): void {
    this.#members.delete(member);
    this.#parts.topic.remove(member);
    if (--this.#users > 0) return;
    this.end();
    this.#parts.topic.remove(this);
    this.#parts.unused();
  }

  /** See {@linkcode TopicMember.deliver}. Takes everything: who of its members has no room falls behind alone. */
  deliver(frame: SharedFrame): boolean {
    const last = frame.entries.at(-1)!;
    if (this.#members.size === 0) {
      this.#skipped = undefined;
      this.sent = placeOf(last);
      return true;
    }
    const wanted = frame.entries.filter(({ data }) => this.#filter.matches(data));
    if (wanted.length > 0) this.#give(frame, wanted);
    if (wanted.at(-1) !== last) this.#skip(last);
    return true;
  }

  /** See {@linkcode TopicMember.isBehind}. Who is asked what they have not seen has been told of all there is: that bounds what one SKIP covers, too. */
  isBehind(): boolean {
    this.#tellSkipped();
    for (const member of this.#members) if (member.isBehind()) this.#leaveBehind(member);
    return false;
  }

  /** Tells nobody anything any more. */
  end(): void {
    this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
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

  #give(frame: SharedFrame, wanted: readonly Entry[]): void {
    const isWhole = wanted.length === frame.entries.length && this.#skipped === undefined;
    this.#send(
      isWhole ? frame : filtered(this.#parts.topic.alias, frame, { wanted, skipped: this.#skipped }),
    );
    this.#skipped = undefined;
    this.sent = placeOf(wanted.at(-1)!);
    if (this.#marks.add(wanted)) this.isBehind();
  }

  #skip(last: Place): void {
    this.#skipped = placeOf(last);
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
    if (skipped === undefined) return;
    this.#skipped = undefined;
    this.#lastSkip = this.#parts.clock.now();
    const bytes = inBuffer(1, () => writeSkip(this.#parts.topic.alias, skipped.offset, skipped.fingerprint));
    this.#send({ bytes, messages: 1, entries: [], skipped });
    this.sent = skipped;
  }

  #send(frame: SharedFrame): void {
    for (const member of this.#members) if (!member.deliver(frame)) this.#leaveBehind(member);
  }

  #leaveBehind(member: TopicMember): void {
    this.#members.delete(member);
    member.fallBehind();
  }

  #forget(): void {
    this.#members.clear();
    this.#skipped = undefined;
  }
}

/** The part of a frame that is wanted. */
function filtered(
  alias: number,
  { entries }: SharedFrame,
  { wanted, skipped }: { readonly wanted: readonly Entry[]; readonly skipped: Place | undefined },
): SharedFrame {
  const size = wanted.reduce((sum, { data }) => sum + data.length, 0);
  let messages = 0;
  let before = entries[0]!.offset - 1;
  if (skipped !== undefined) before = -1;
  const write = () => {
    for (const entry of wanted) {
      const { offset, previous } = entry;
      if (offset - 1 !== before) {
        writeSkip(alias, offset - 1, previous);
        messages++;
      }
      writePublication(alias, entry);
      messages++;
      before = offset;
    }
  };
  const bytes = inBuffer(2 * wanted.length, write, size);
  return { bytes, messages, entries, skipped };
}

function inBuffer(messages: number, write: () => void, payload = 0): Uint8Array {
  begin(new Uint8Array(payload + messages * PUBLICATION_HEAD), 0);
  write();
  const length = end();
  return written().subarray(0, length);
}

function placeOf({ offset, fingerprint }: Place): Place {
  return { offset, fingerprint };
}
