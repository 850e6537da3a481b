/**
 * How many bytes lie behind an offset, remembered at intervals: what subscribers have not acknowledged is counted without a step for each
 * publication and subscriber.
 *
 * @module
 */
import type { Entry } from "./broker.ts";
import type { SharedFrame } from "./shared_frames.ts";

/** A mark is set after so many publications. Frames with more are looked at beforehand, so that never more than twice as many come between two looks. */
export const LOOK = 64;
/** And after so many bytes. */
export const GRAIN: number = 64 * 1024;
/** Whether what is sent at once is more than what may come between two looks, so that it is looked at beforehand. */
export function isLong({ entries, bytes }: Pick<SharedFrame, "entries" | "bytes">): boolean {
  return entries.length > LOOK || bytes.length > GRAIN;
}
/** Marks that are kept: more than lie behind 1,000 publications and 1 MiB. */
const MOST = 48;

/** A part of what was sent. */
export interface Piece {
  /** Its last offset. */
  readonly to: number;
  /** Bytes of its publications. */
  readonly bytes: number;
}

/** The marks of one stream. */
export class Marks {
  readonly #grain: number;
  #marks: { readonly offset: number; readonly bytes: number }[] = [];
  #last = 0;
  #bytes = 0;
  #messages = 0;
  #since = 0;

  /** A mark after so many bytes: it is by less that somebody is said to have seen less than they have. */
  constructor(grain: number = GRAIN) {
    this.#grain = grain;
  }

  /** Bytes of all that came, of streams before this one too. */
  get total(): number {
    return this.#bytes + this.#since;
  }

  /** A stream begins after this offset. */
  start(offset: number): void {
    this.#bytes += this.#since;
    this.#marks = [{ offset, bytes: this.#bytes }];
    this.#last = offset;
    this.#messages = this.#since = 0;
  }

  /** Counts publications; `true` when it is time to look who has fallen behind. */
  add(entries: readonly Entry[]): boolean {
    let isTime = false;
    for (const { data, offset } of entries) {
      this.#last = offset;
      this.#since += data.length;
      if (++this.#messages >= LOOK || this.#since >= this.#grain) {
        this.#mark();
        isTime = true;
      }
    }
    return isTime;
  }

  /** What came after an offset, in order: the first may have a little too many bytes, and what is longer ago than anybody needs to know is left out. */
  after(offset: number): Piece[] {
    const marks = this.#marks;
    const pieces: Piece[] = [];
    for (let i = 1; i < marks.length; i++) {
      const { offset: to, bytes } = marks[i]!;
      if (to > offset) pieces.push({ to, bytes: bytes - marks[i - 1]!.bytes });
    }
    if (this.#last > offset && this.#since > 0) pieces.push({ to: this.#last, bytes: this.#since });
    return pieces;
  }

  /** Bytes after an offset, less than an interval too many; `Infinity` where that is longer ago than anybody needs to know. */
  since(offset: number): number {
    if (offset >= this.#last) return 0;
    const marks = this.#marks;
    for (let i = marks.length - 1; i >= 0; i--) {
      const mark = marks[i]!;
      if (mark.offset <= offset) return this.#bytes + this.#since - mark.bytes;
    }
    return Infinity;
  }

  #mark(): void {
    this.#bytes += this.#since;
    this.#marks.push({ offset: this.#last, bytes: this.#bytes });
    if (this.#marks.length > MOST) this.#marks.shift();
    this.#messages = this.#since = 0;
  }
}
