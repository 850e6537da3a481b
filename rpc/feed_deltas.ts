/**
 * Publications as the difference to the one before, for those who take them and share a feed, which is a channel or a view of it: made once for all, when the
 * first of them is given a frame.
 *
 * @module
 */
import { begin, end, written } from "../msgpack/encoder.ts";
import type { Entry } from "./broker.ts";
import { writeDelta } from "./channel_messages.ts";
import { makeDelta } from "./delta_maker.ts";
import { writeEntry } from "./entry_messages.ts";
import { givenBy, type SharedFrame } from "./shared_frames.ts";
import type { Tail } from "./tail.ts";

/** Smaller messages are not worth a difference. */
const LEAST_BYTES = 64;
/** Nor are larger ones tried, which would hold up the turn: 256 KiB take about a millisecond. */
const MOST_BYTES = 256 * 1024;
/** A difference is sent when it has at most this part of the message's bytes: it takes time on both sides. */
const MOST_PART = 3 / 4;
/** Differences in a row that did not pay, before some publications are sent without a try: so many at first, then twice as many each time, up to the last. */
const PATIENCE = 4;
const FIRST_REST = 16;
const LAST_REST = 1_024;

let scratch: Uint8Array = new Uint8Array(4 * 1024);

/** What it needs of the channel. */
export interface DeltaTopic {
  /** The number that stands for the present stream. */
  readonly alias: number;
}

/**
 * The publication that all who are live were given last before another one, where it is at hand.
 *
 * @param first What comes next.
 * @param before The last of the frame before, as far as somebody took differences then.
 */
export type FindBase = (first: Entry, before: Entry | undefined) => Entry | undefined;

/** The differences of one feed on this node. */
export class FeedDeltas {
  readonly #topic: DeltaTopic;
  readonly #findBase: FindBase;
  /** What was looked at last: it is held until the next where it is not released. */
  #frame: SharedFrame | undefined;
  /** What its first publication is the difference to, and what was made of that: the next member is given the same. */
  #base: Entry | undefined;
  #bytes: Uint8Array | undefined;
  /** The offsets of that base and of the last of the frame, -1 where there is none: looked up once for all members. */
  #from = -1;
  #to = -1;
  #failures = 0;
  /** Publications that are still sent without a try. */
  #rest = 0;

  /** Makes nothing yet. */
  constructor(topic: DeltaTopic, findBase: FindBase) {
    this.#topic = topic;
    this.#findBase = findBase;
  }

  /** The offset of the last message in a frame; -1 where it tells what was passed over, and nothing else. */
  lastOf(frame: SharedFrame): number {
    return frame === this.#frame || this.#look(frame) ? this.#to : -1;
  }

  /**
   * The same publications for who was sent the message at the offset `held` last: the frame itself where that is another one than all others were sent, or no
   * difference pays. Never written to again. Of the frame that {@linkcode FeedDeltas.lastOf} was asked about.
   */
  of(frame: SharedFrame, held: number): Uint8Array {
    if (this.#from < 0 || this.#from !== held) return frame.bytes;
    return this.#bytes ??= this.#made(frame, this.#base!);
  }

  /** Holds nothing of what was looked at last. */
  release(): void {
    this.#frame = this.#base = this.#bytes = undefined;
    this.#from = this.#to = -1;
  }

  /** Looks at the next frame; `false` where there is no message in it. */
  #look(frame: SharedFrame): boolean {
    const given = givenBy(frame);
    const last = given.at(-1);
    if (last === undefined) return false;
    this.#base = this.#findBase(given[0]!, this.#frame && givenBy(this.#frame).at(-1));
    this.#frame = frame;
    this.#bytes = undefined;
    this.#from = this.#base?.offset ?? -1;
    this.#to = last.offset;
    return true;
  }

  #made(frame: SharedFrame, first: Entry): Uint8Array {
    const given = givenBy(frame);
    let isWritten = false; // what does not pay is not copied
    let base = first;
    for (let i = 0; i < given.length; i++) {
      const entry = given[i]!;
      const delta = isMessage(base) && isMessage(entry) ? this.#tried(base.data, entry.data) : undefined;
      base = entry;
      if (delta === undefined) {
        if (isWritten) this.#writeWhole(frame, i);
        continue;
      }
      if (!isWritten) {
        begin(scratch, 0);
        for (let before = 0; before < i; before++) this.#writeWhole(frame, before);
      }
      isWritten = true;
      frame.part?.writeHole(i);
      writeDelta(this.#topic.alias, entry, delta);
    }
    if (!isWritten) return frame.bytes;
    const length = end();
    scratch = written();
    return scratch.slice(0, length);
  }

  #writeWhole(frame: SharedFrame, i: number): void {
    frame.part?.writeHole(i);
    writeEntry(this.#topic.alias, givenBy(frame)[i]!);
  }

  #tried(base: Uint8Array, message: Uint8Array): Uint8Array | undefined {
    const { length } = message;
    if (length < LEAST_BYTES || length > MOST_BYTES || base.length > MOST_BYTES) return undefined;
    if (this.#rest > 0) {
      this.#rest--;
      return undefined;
    }
    const delta = makeDelta(base, message, Math.floor(length * MOST_PART));
    if (delta !== undefined) {
      this.#failures = 0;
    } else if (++this.#failures >= PATIENCE) {
      this.#rest = Math.min(LAST_REST, FIRST_REST * 2 ** (this.#failures - PATIENCE));
    }
    return delta;
  }
}

/** Whether it is a message, and not a change of one, nor deleted: of others no difference is made. */
function isMessage({ change, isGone }: Entry): boolean {
  return change === undefined && !isGone;
}

/** Of who is given everything the last is the publication before, which the frame before had when it is not in the tail any more. */
export function lastInTail(tail: Tail): FindBase {
  return ({ offset, previous }, before) => {
    const base = before?.offset === offset - 1 ? before : tail.at(offset - 1);
    return base?.fingerprint === previous ? base : undefined;
  };
}

/** Which publication one subscriber holds, and so what it can be given. */
export class DeltaReader {
  readonly #deltas: FeedDeltas;
  /** The offset of the last message that it was sent on this subscription. */
  #held = -1;

  /** Holds none. */
  constructor(deltas: FeedDeltas) {
    this.#deltas = deltas;
  }

  /** It begins: what it was sent before is nothing to go by. */
  begin(): void {
    this.#held = -1;
  }

  /** It was sent a message whole. */
  sent({ offset }: Entry): void {
    this.#held = offset;
  }

  /** What it is sent of a frame. */
  bytesOf(frame: SharedFrame): Uint8Array {
    const deltas = this.#deltas;
    const last = deltas.lastOf(frame);
    if (last < 0) return frame.bytes;
    const held = this.#held;
    this.#held = last;
    return deltas.of(frame, held);
  }
}
