/**
 * What a subscription was sent and has not acknowledged.
 *
 * @module
 */
import { GRAIN, LOOK, type Piece } from "./marks.ts";
import type { Feed } from "./topic_member.ts";

/** How much may be sent and not seen. */
export interface UnseenBounds {
  /** Publications. */
  readonly messages: number;
  /** Bytes. While half of that is free one publication more is admitted, however large. */
  readonly bytes: number;
  /** Publications of who is live, when somebody looks: what may be sent until the next look is left out. See `marks.ts`. */
  readonly liveMessages: number;
  /** Bytes of who is live, when somebody looks: less than 64 KiB may have been sent since the last look, and a frame has as much. */
  readonly liveBytes: number;
  /** Bytes that are told apart when a part of what was sent is seen. With what a client may owe (`client/seen.ts`) they are less than half of `bytes`: nobody waits for a SEEN that does not come. */
  readonly grain: number;
}

/** Who wants everything. */
export const EVERYTHING: UnseenBounds = {
  messages: 1_000,
  bytes: 1024 * 1024,
  liveMessages: 1_000 - 2 * LOOK,
  liveBytes: (1024 - 128) * 1024,
  grain: GRAIN,
};
/** Who rather has less than what is old: what is on its way is not the newest any more when it is taken. Looked at after each frame. */
export const NEWEST: UnseenBounds = {
  messages: 64,
  bytes: 192 * 1024,
  liveMessages: 64,
  liveBytes: 128 * 1024,
  grain: 8 * 1024,
};

/** The account of one subscription. While it is live the topic counts the bytes, for all together. */
export class Unseen {
  readonly #feed: Pick<Feed, "marks">;
  readonly #most: UnseenBounds;
  /** Everything up to here was seen. */
  #seen = 0;
  /** What it was sent before it was live, or alone. */
  #pieces: Piece[] = [];
  #bytes = 0;
  /** Offsets that are not counted, by where they end. */
  #gaps: { readonly to: number; readonly count: number }[] = [];
  #excused = 0;
  /** Where it became live, and what all had got by then: no more than what came since can be unseen. */
  #live: { readonly from: number; readonly total: number } | undefined;

  /** Counts live bytes with its topic. */
  constructor(feed: Pick<Feed, "marks">, most: UnseenBounds = EVERYTHING) {
    this.#feed = feed;
    this.#most = most;
  }

  /** It begins after this offset. */
  start(offset: number): void {
    this.#seen = offset;
    this.#pieces = [];
    this.#bytes = 0;
    this.#gaps = [];
    this.#excused = 0;
    this.#live = undefined;
  }

  /** So many offsets up to this one were left out, and are not counted. */
  excuse(to: number, count: number): void {
    if (count === 0) return;
    this.#gaps.push({ to, count });
    this.#excused += count;
  }

  /** The client has everything up to here. */
  seen(offset: number): void {
    if (offset > this.#seen) this.#seen = offset;
    while (this.#pieces.length > 0 && this.#pieces[0]!.to <= this.#seen) {
      this.#bytes -= this.#pieces.shift()!.bytes;
    }
    while (this.#gaps.length > 0 && this.#gaps[0]!.to <= this.#seen) {
      this.#excused -= this.#gaps.shift()!.count;
    }
  }

  /** So many bytes up to this offset, which follow on what was sent before, were sent to it. */
  sent(to: number, bytes: number): void {
    if (bytes === 0) return;
    this.#bytes += bytes;
    const last = this.#pieces.at(-1);
    if (last === undefined || last.bytes + bytes > this.#most.grain) this.#pieces.push({ to, bytes });
    else this.#pieces[this.#pieces.length - 1] = { to, bytes: last.bytes + bytes };
  }

  /** From this offset, where all are now, it gets what all get. */
  goLive(from: number): void {
    this.#live = { from, total: this.#feed.marks.total };
  }

  /** It has got what all get, up to where they are now. The first piece may begin before it was live: who falls behind again and again would count that each time. */
  leaveLive(): void {
    const pieces = this.#feed.marks.after(this.#liveSeen);
    let excess = pieces.reduce((sum, { bytes }) => sum + bytes, -this.#liveTotal);
    for (const { to, bytes } of pieces) {
      const less = Math.min(bytes, Math.max(0, excess));
      excess -= less;
      this.sent(to, bytes - less);
    }
    this.#live = undefined;
  }

  /** Whether who is live, and was sent everything up to `offset`, must be left alone now, before it gets `next` more of so many bytes at once. */
  isMuch(offset: number, next = 0, nextBytes = 0): boolean {
    const messages = this.#messages(offset);
    if (messages === 0) return false;
    const most = this.#most;
    const bytes = this.#bytes + this.#liveBytes;
    const isOne = next === 1 && bytes <= EVERYTHING.bytes / 2;
    return messages > most.liveMessages || messages + next > EVERYTHING.messages ||
      bytes > most.liveBytes || (bytes + nextBytes > EVERYTHING.bytes && !isOne);
  }

  /** Whether who catches up has to see something first. */
  isHalf(offset: number): boolean {
    return this.#messages(offset) > this.#most.messages / 2 || this.#bytes > this.#most.bytes / 2;
  }

  /** Whether one more of so many bytes may be sent after `offset`. */
  admits(offset: number, bytes: number): boolean {
    return !this.isHalf(offset) || this.fits(offset, bytes);
  }

  /** Whether with so many bytes that follow on `offset` it is within what may be sent and not seen. */
  fits(offset: number, bytes: number): boolean {
    const messages = this.#messages(offset);
    return messages === 0 || (messages < this.#most.messages && this.#bytes + bytes <= this.#most.bytes);
  }

  #messages(offset: number): number {
    return Math.max(offset === this.#seen ? 0 : 1, offset - this.#seen - this.#excused);
  }

  get #liveBytes(): number {
    if (this.#live === undefined) return 0;
    const bytes = this.#feed.marks.since(this.#liveSeen);
    return bytes === Infinity ? this.#most.bytes : Math.min(bytes, this.#liveTotal);
  }

  /** Bytes that all have got since it is live. */
  get #liveTotal(): number {
    return this.#live === undefined ? 0 : this.#feed.marks.total - this.#live.total;
  }

  /** Everything of what is live is seen up to here. */
  get #liveSeen(): number {
    return Math.max(this.#seen, this.#live?.from ?? 0);
  }
}
