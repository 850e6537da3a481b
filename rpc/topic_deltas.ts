/**
 * Publications as the difference to the one before, for those of a channel who take them: made once for all, when the first of them is given a frame.
 *
 * @module
 */
import { begin, end, written } from "../msgpack/encoder.ts";
import type { Entry } from "./broker.ts";
import { writeDelta } from "./channel_messages.ts";
import { makeDelta } from "./delta_maker.ts";
import { writeEntry } from "./entry_messages.ts";
import type { SharedFrame } from "./shared_frames.ts";
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
  /** The latest publications. */
  readonly tail: Tail;
}

/** The differences of one channel on this node. */
export class TopicDeltas {
  readonly #topic: DeltaTopic;
  /** What was made last, and of what: the next member is given the same. */
  #frame: SharedFrame | undefined;
  #bytes: Uint8Array = scratch;
  #failures = 0;
  /** Publications that are still sent without a try. */
  #rest = 0;

  /** Makes nothing yet. */
  constructor(topic: DeltaTopic) {
    this.#topic = topic;
  }

  /** The same publications for who holds the one before: the frame itself where no difference pays. Never written to again. */
  of(frame: SharedFrame): Uint8Array {
    if (frame === this.#frame) return this.#bytes;
    this.#bytes = this.#made(frame);
    this.#frame = frame; // which is held until the next, as its entries are by the tail
    return this.#bytes;
  }

  #made({ bytes, entries }: SharedFrame): Uint8Array {
    let isWritten = false; // what does not pay is not copied
    let base = this.#baseOf(entries[0]!);
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      const delta = base && isMessage(base) && isMessage(entry)
        ? this.#tried(base.data, entry.data)
        : undefined;
      base = entry;
      if (delta === undefined) {
        if (isWritten) writeEntry(this.#topic.alias, entry);
        continue;
      }
      if (!isWritten) this.#begin(entries.slice(0, i));
      isWritten = true;
      writeDelta(this.#topic.alias, entry, delta);
    }
    if (!isWritten) return bytes;
    const length = end();
    scratch = written();
    return scratch.slice(0, length);
  }

  #begin(entries: readonly Entry[]): void {
    begin(scratch, 0);
    for (const entry of entries) writeEntry(this.#topic.alias, entry);
  }

  /** The publication before, which the frame before had when it is not in the tail any more. */
  #baseOf({ offset, previous }: Entry): Entry | undefined {
    const before = this.#frame?.entries.at(-1);
    const base = before?.offset === offset - 1 ? before : this.#topic.tail.at(offset - 1);
    return base?.fingerprint === previous ? base : undefined;
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

/** Which publication one subscriber holds, and so what it can be given. */
export class DeltaReader {
  readonly #deltas: TopicDeltas;
  /** The offset of the last message that it was sent on this subscription. */
  #held = -1;

  /** Holds none. */
  constructor(deltas: TopicDeltas) {
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
    const { entries } = frame;
    const isHeld = this.#held === entries[0]!.offset - 1;
    this.#held = entries[entries.length - 1]!.offset;
    return isHeld ? this.#deltas.of(frame) : frame.bytes;
  }
}
