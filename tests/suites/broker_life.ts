import type { Entry, Page, Query } from "../../rpc/broker.ts";

/** One life of a channel: all that was ever appended, and nothing forgotten but by rule. */
export class Life {
  readonly all: Entry[] = [];
  /** Where the publications of producers landed, by `id n`. */
  readonly landed = new Map<string, number>();
  /** The first and the last number of each producer. */
  readonly first = new Map<string, number>();
  readonly last = new Map<string, number>();
  /** Entries up to this offset are gone. */
  gone = 0;
  /** How long an entry is kept. */
  ms = 0;

  /** Lets entries go whose time is over. */
  trim(date: number): void {
    while (this.gone < this.all.length && this.all[this.gone]!.at + this.ms <= date) this.gone++;
  }

  /** What a read gives. */
  page(query: Query): Omit<Page, "epoch"> {
    const { after, before, at } = query;
    let wanted = this.all.slice(this.gone);
    if (after !== undefined) wanted = wanted.filter(({ offset }) => offset > after);
    if (before !== undefined) wanted = wanted.filter(({ offset }) => offset < before).reverse();
    if (at !== undefined) wanted = wanted.filter((entry) => entry.at >= at);
    const entries: Entry[] = [];
    let bytes = 0;
    for (const entry of wanted) {
      bytes += entry.data.length;
      if (entries.length >= query.messages || (entries.length > 0 && bytes > query.bytes)) break;
      entries.push(entry);
    }
    const top = this.all.at(-1);
    const from = after ?? before;
    const known = from !== undefined && from <= this.all.length &&
      (from >= this.gone && this.gone < this.all.length || from === this.all.length);
    return {
      top: { offset: this.all.length, fingerprint: top?.fingerprint ?? 0 },
      oldest: this.gone + 1,
      boundary: known ? this.all[from - 1]?.fingerprint ?? 0 : undefined,
      entries,
      more: entries.length < wanted.length,
    };
  }
}
