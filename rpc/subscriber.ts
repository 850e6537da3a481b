/**
 * One subscription of one connection: where it begins, how it catches up, and when it takes what is live.
 *
 * @module
 */
import { Asking } from "./asking.ts";
import { Behind } from "./behind.ts";
import type { Entry, Page, Query } from "./broker.ts";
import { writeSubscribed } from "./channel_messages.ts";
import { EntryWriter } from "./entry_writer.ts";
import { DeltaReader } from "./feed_deltas.ts";
import type { KeptPage } from "./kept_page.ts";
import { SubscribeStatus } from "./kinds.ts";
import { ProtocolError } from "./protocol_error.ts";
import { judge } from "./resume.ts";
import { type SharedFrame, signalFrames, type SignalRun } from "./shared_frames.ts";
import type { SocketRoom } from "./socket_room.ts";
import type { Line, LineMember } from "./subscriber_parts.ts";
import type { Topic } from "./topic.ts";
import { MOST_HOLES, PAGE } from "./topic_bounds.ts";
import type { Feed, Place, TopicMember } from "./topic_member.ts";
import { NEWEST, Unseen } from "./unseen.ts";
import type { Wanted } from "./wanted.ts";

/** One subscription. */
export class Subscriber implements TopicMember, LineMember {
  // What is looked at for each publication stands first, side by side: 999 other connections have been since the last.
  readonly #room: SocketRoom;
  readonly #mostInSocket: number;
  /** What the peer takes of what is the same for all; nothing where it has differences. */
  readonly #mostBytes: number;
  readonly #mostMessages: number;
  /** What it is subscribed to. */
  readonly topic: Topic;
  /** The client's number for it. */
  readonly sub: number;
  readonly #wanted: Wanted;
  readonly #line: Line;
  #state: "waiting" | "catching" | "live" | "over" = "waiting";
  /** Where the client was; where it is, while it catches up. */
  #cursor: Place;
  /** It has seen nothing before this, where it begins with a part of the history. */
  #since: number | undefined;
  #life = 0;
  #alias = 0;
  #holes = 0;
  #isConfirmed = false;
  readonly #writer: EntryWriter;
  readonly #feed: Feed;
  readonly #unseen: Unseen;
  readonly #deltas: DeltaReader | undefined;
  readonly #behind: Behind | undefined;
  #asking: Asking | undefined;

  /** Wants a channel; {@linkcode Topic.add} begins. */
  constructor(topic: Topic, line: Line, wanted: Wanted) {
    const { room, peer } = line.outbox;
    this.#room = room;
    this.#mostInSocket = line.mostInSocket;
    this.#mostBytes = wanted.delta ? 0 : peer.message;
    this.#mostMessages = peer.messages;
    this.topic = topic;
    this.sub = wanted.sub;
    this.#line = line;
    this.#wanted = wanted;
    const { filter, policy, delta, position = topic.last } = wanted;
    this.#cursor = position;
    this.#feed = topic.views.feed(filter, policy);
    this.#deltas = delta ? new DeltaReader(this.#feed.deltas) : undefined;
    this.#writer = new EntryWriter(line.outbox, wanted, this.#deltas);
    this.#unseen = new Unseen(this.#feed, policy && NEWEST);
    this.#behind = policy && new Behind(policy, this.#unseen, this.#writer);
  }

  /** See {@linkcode TopicMember.id}. */
  get id(): string {
    return this.#line.id;
  }

  /** The number that stands for its stream on this connection; 0 before it was told. */
  get alias(): number {
    return this.#alias;
  }

  /** Whether SUBSCRIBED was sent and it has not ended. */
  get isTold(): boolean {
    return this.#alias !== 0 && this.#state !== "over";
  }

  /** The stream is known: finds out how to begin. */
  ready(): void {
    this.#stopAsking();
    this.#safely(() => this.#decide());
  }

  /** See {@linkcode TopicMember.restarted}. */
  restarted(): void {
    if (this.#state === "waiting") this.ready();
    else this.#safely(() => this.#startAgain());
  }

  /** See {@linkcode TopicMember.stale}. */
  stale(): void {
    if (this.isTold) this.#line.stale(this);
  }

  /** See {@linkcode TopicMember.refreshed}. */
  refreshed(): void {
    if (this.#state === "catching") return this.#line.goOnLater(this);
    if (this.#state !== "waiting") return;
    this.#isConfirmed = true;
    this.ready();
  }

  /** SEEN. A number that was never sent is against the rules. */
  seen(offset: number): void {
    if (offset > this.#sent) throw new ProtocolError("Has seen what was never sent");
    this.#unseen.seen(offset);
    this.goOn();
  }

  /** Sends more, if it catches up and may. */
  goOn(): void {
    if (this.#state === "catching" && this.#asking === undefined) this.#safely(() => this.#catchUp());
  }

  /** See {@linkcode TopicMember.deliver}. */
  deliver(frame: SharedFrame): boolean {
    const { bytes, messages } = frame;
    const isTaken = bytes.length <= this.#mostBytes && messages <= this.#mostMessages;
    const isPlain = isTaken && !frame.hasChanges && frame.excused === undefined;
    if (isPlain && this.#room.share(bytes, this.#mostInSocket)) return true;
    return !this.#isFull && this.#deliverApart(frame);
  }

  #deliverApart(frame: SharedFrame): true {
    const { outbox } = this.#line;
    const { message, messages } = outbox.peer;
    const takes = (this.#wanted.changes || !frame.hasChanges) && frame.messages <= messages;
    if (takes && frame.bytes.length <= message) {
      outbox.sendShared(this.#deltas === undefined ? frame.bytes : this.#deltas.bytesOf(frame));
    } else {
      this.#safely(() => this.#writer.sendApart(frame, this.#feed.sent.offset));
    }
    if (frame.excused !== undefined) {
      for (const { to, count } of frame.excused) this.#unseen.excuse(to, count);
    }
    return true;
  }

  /** See {@linkcode TopicMember.isBehind}. */
  isBehind(next: number, bytes: number): boolean {
    return this.#unseen.isMuch(this.#sent, next, bytes);
  }

  /** Whether so much of what was sent is not acknowledged that who is silent has most likely stopped reading. */
  get isSlow(): boolean {
    return this.isTold && this.#unseen.isHalf(this.#sent);
  }

  /** See {@linkcode TopicMember.fallBehind}. */
  fallBehind(): void {
    this.#state = "catching";
    this.#cursor = this.#feed.sent;
    this.#unseen.leaveLive();
    if (this.#isFull) this.#line.awaitRoom(this);
  }

  /** See {@linkcode TopicMember.signal}. */
  signal(run: SignalRun): void {
    if (!this.isTold) return;
    const { outbox } = this.#line;
    for (const frame of signalFrames(run, outbox.peer)) {
      if (this.#isFull) return;
      outbox.sendShared(frame);
    }
  }

  /** It is wanted no more: nothing is sent from now on. */
  end(): void {
    this.#state = "over";
    this.#stopAsking();
    this.#feed.remove(this);
  }

  /** The offset of the last publication that it was sent. */
  get #sent(): number {
    return (this.#state === "live" ? this.#feed.sent : this.#cursor).offset;
  }

  get #isFull(): boolean {
    return this.#room.isOver(this.#mostInSocket, 0);
  }

  get #isOver(): boolean {
    return this.#state === "over";
  }

  #decide(): void {
    const { topic } = this;
    const { position, mayLookBack = true } = this.#wanted;
    this.#life = topic.life;
    if (position === undefined) return this.#beginFresh();
    const isSame = position.epoch === topic.epoch;
    const { offset, fingerprint } = this.#cursor;
    if (isSame) {
      const { last, tail } = topic;
      if (offset === 0 && last.offset > 0 && !mayLookBack) return this.#startAgain();
      const known = offset === last.offset ? last.fingerprint : tail.fingerprintAt(offset);
      if (known === fingerprint) return this.#begin(SubscribeStatus.RECOVERED, this.#cursor);
      if (known === undefined && offset < last.offset) return this.#decideByHistory();
    }
    // It is this node that may be behind: the broker is asked once before anything is called lost.
    if (!this.#isConfirmed) return this.topic.refresh(this);
    if (isSame) this.#line.guessed();
    if (!this.#isOver) this.#startAgain();
  }

  #decideByHistory(): void {
    const { offset, fingerprint } = this.#cursor;
    const position = { epoch: this.topic.epoch, offset, fingerprint };
    this.#read({ after: offset, ...PAGE }, (page) => {
      if (page.epoch !== this.topic.epoch && !this.#isConfirmed) return this.topic.refresh(this);
      const verdict = judge(position, page);
      if (verdict === "recovered") return this.#begin(SubscribeStatus.RECOVERED, this.#cursor, page);
      if (verdict === "other past") this.#line.guessed();
      if (!this.#isOver) this.#startAgain();
    });
  }

  #beginFresh(): void {
    const { last } = this.topic;
    const { rewind, rewindMs } = this.#wanted.rewind;
    if (last.offset === 0 || (!rewind && !rewindMs)) return this.#begin(SubscribeStatus.FRESH, last);
    this.#since = Number.MAX_SAFE_INTEGER; // until it is known where the history begins
    this.#behind?.giveAll(last.offset);
    const query = rewind
      ? { after: Math.max(0, last.offset - rewind), ...PAGE }
      : { at: this.#line.date() - rewindMs!, ...PAGE };
    this.#read(query, (page) => {
      const [first] = page.entries;
      const isOther = first === undefined || page.epoch !== this.topic.epoch ||
        first.offset > this.topic.last.offset;
      if (isOther) return this.#begin(SubscribeStatus.FRESH, this.topic.last);
      this.#since = first.offset;
      const place = { offset: first.offset - 1, fingerprint: first.previous };
      this.#begin(SubscribeStatus.FRESH, place, page);
    });
  }

  /** Says where it begins, and sends what follows. `page` is the beginning of that, where it was read already. */
  #begin(status: number, place: Place, page?: Page): void {
    const { topic } = this;
    const before = this.#alias;
    this.#state = "catching";
    this.#holes = 0;
    this.#cursor = place;
    this.#alias = this.#writer.alias = topic.alias;
    this.#life = topic.life;
    this.#unseen.start(place.offset);
    this.#deltas?.begin();
    const { offset, fingerprint } = place;
    const position = { epoch: topic.epoch, offset, fingerprint };
    this.#writer.write(() => writeSubscribed(this.sub, topic.alias, { status, position }));
    if (before !== this.#alias) this.#line.renamed(this, before);
    if (this.#isOver) return; // a hook of the program has closed the connection
    if (page !== undefined) this.#sendPage(page.entries);
    else this.#catchUp();
  }

  /** What the client has does not join what is here: it is told so, and goes on from the top. */
  #startAgain(): void {
    this.#stopAsking();
    this.topic.distribute();
    this.#behind?.giveAll(0);
    this.#begin(SubscribeStatus.RESET, this.topic.last);
  }

  #catchUp(): void {
    const { topic } = this;
    const { offset, fingerprint } = this.#cursor;
    if (this.#isFull) return this.#line.awaitRoom(this);
    const kept = this.#feed.kept?.(this, offset);
    if (kept !== undefined) return this.#sendKept(kept);
    if (offset === topic.last.offset) {
      if (fingerprint !== topic.last.fingerprint) return this.#startAgain();
      if (this.#feed.waits?.(this)) return; // it is told when to go on
      return this.#goLive();
    }
    if (this.#unseen.isHalf(offset)) return; // SEEN goes on
    const entries = this.#since === undefined ? topic.tail.after(offset) : undefined;
    if (entries !== undefined) return this.#sendPage(entries);
    this.#read({ after: offset, ...PAGE }, (page) => this.#tookPage(page));
  }

  #goLive(): void {
    const { offset } = this.#cursor;
    if (this.#unseen.isMuch(offset)) return; // SEEN goes on
    this.#state = "live";
    this.#since = undefined;
    this.#feed.goLive(this);
    this.#unseen.goLive(offset);
  }

  /** Sends what is left of what it missed. Where it has all of that it is live again. */
  #sendKept({ given, end, reason }: KeptPage, isPage = false): void {
    const before = this.#cursor.offset;
    if (given.length === 0 && end.offset === before) return this.#goLive();
    if (this.#unseen.isHalf(before)) return; // SEEN goes on
    let count = 0;
    for (const one of given) {
      const { entry } = one;
      const after = this.#cursor.offset;
      if (this.#isFull || !this.#unseen.admits(after, entry.data.length)) break;
      this.#unseen.excuse(entry.offset - 1, this.#writer.sendGiven(one, { after, reason }));
      this.#unseen.sent(entry.offset, entry.data.length);
      this.#cursor = { offset: entry.offset, fingerprint: entry.fingerprint };
      count++;
    }
    if (count === given.length && end.offset > this.#cursor.offset) this.#writer.skipTo(this.#cursor = end);
    const { offset } = this.#cursor;
    if (isPage && offset > before) this.#line.goOnLater(this);
    else if (offset > before || this.#isFull) this.#catchUp(); // otherwise SEEN goes on
  }

  #tookPage(page: Page): void {
    const { offset, fingerprint } = this.#cursor;
    const verdict = judge({ epoch: this.topic.epoch, offset, fingerprint }, page);
    if (verdict === "recovered") return this.#sendPage(page.entries);
    if (verdict === "trimmed") return this.#startAgain();
    this.#hole();
  }

  /** Sends entries as far as this node knows the stream and the client may be given more; the rest follows in a later turn. */
  #sendPage(entries: readonly Entry[]): void {
    const kept = this.#behind?.of(entries, this.#cursor, this.topic.last.offset);
    if (kept !== undefined) return this.#sendKept(kept, true);
    const from = this.#cursor.offset;
    let [bytes, isFull] = [0, false];
    for (const entry of entries) {
      if (this.#isFull) break; // of all channels of the connection together
      const size = this.#writer.wants(entry) ? entry.data.length : 0;
      if (entry.offset > this.topic.last.offset || (bytes > 0 && bytes + size > PAGE.bytes)) break;
      isFull = !this.#unseen.admits(this.#cursor.offset, size);
      if (isFull || !this.#follows(entry)) break;
      this.#writer.send(entry);
      this.#unseen.sent(entry.offset, size);
      this.#cursor = { offset: entry.offset, fingerprint: entry.fingerprint };
      bytes += size;
    }
    this.#writer.tellSkipped();
    const { offset } = this.#cursor;
    if (offset > from) this.#holes = 0;
    // In the turn in which it has come to the top it is live: nothing can come between.
    if (offset === this.topic.last.offset || this.#isFull) this.#catchUp();
    else if (offset > from) this.#line.goOnLater(this);
    else if (!isFull) this.#hole(); // otherwise SEEN goes on
  }

  #follows({ offset, previous }: Entry): boolean {
    return offset === this.#cursor.offset + 1 && previous === this.#cursor.fingerprint;
  }

  /** What the broker gives does not follow: this node may be behind it, or it behind this node. */
  #hole(): void {
    if (++this.#holes > MOST_HOLES) return this.#startAgain();
    this.topic.refresh(this);
  }

  /** Reads from the broker. What comes is passed over when the subscription, or the stream, has become another one. */
  #read(query: Query, took: (page: Page) => void): void {
    const { topic } = this;
    const asking = this.#asking = new Asking(this.#line.asking);
    const question = () => {
      const page = topic.read({ ...query, since: this.#since });
      return page instanceof Promise ? this.#line.works(page) : page;
    };
    asking.ask(question, (page) => {
      if (this.#asking !== asking) return;
      this.#asking = undefined;
      if (this.#state === "over" || topic.life !== this.#life) return;
      this.#safely(() => took(page));
    });
  }

  #stopAsking(): void {
    this.#asking?.stop();
    this.#asking = undefined;
  }

  #safely(act: () => void): void {
    if (this.#isOver) return;
    try {
      act();
    } catch (error) {
      this.#line.fail(error);
    }
  }
}
