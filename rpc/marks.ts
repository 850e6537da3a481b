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
const BYTES = 64 * 1024;
/** Whether what is sent at once is more than what may come between two looks, so that it is looked at beforehand. */
export function isLong({ entries, bytes }: Pick<SharedFrame, "entries" | "bytes">): boolean {
  return entries.length > LOOK || bytes.length > BYTES;
}
/** Marks that are kept: more than lie behind 1,000 publications and 1 MiB. */
const MOST = 48;

/** The marks of one stream. */
export class Marks {
  #marks: { readonly offset: number; readonly bytes: number }[] = [];
  #bytes = 0;
  #messages = 0;
  #since = 0;

  /** A stream begins after this offset. */
  start(offset: number): void {
    this.#marks = [{ offset, bytes: this.#bytes }];
    this.#messages = this.#since = 0;
  }

  /** Counts publications; `true` when it is time to look who has fallen behind. */
  add(entries: readonly Entry[]): boolean {
    for (const { data } of entries) this.#since += data.length;
    this.#messages += entries.length;
    if (this.#messages < LOOK && this.#since < BYTES) return false;
    this.#bytes += this.#since;
    this.#marks.push({ offset: entries.at(-1)!.offset, bytes: this.#bytes });
    if (this.#marks.length > MOST) this.#marks.shift();
    this.#messages = this.#since = 0;
    return true;
  }

  /** Bytes after an offset, at most an interval too many; `Infinity` where that is longer ago than anybody needs to know. */
  since(offset: number): number {
    const marks = this.#marks;
    for (let i = marks.length - 1; i >= 0; i--) {
      const mark = marks[i]!;
      if (mark.offset <= offset) return this.#bytes + this.#since - mark.bytes;
    }
    return Infinity;
  }
}
