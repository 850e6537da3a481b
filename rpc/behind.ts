/**
 * What somebody with a policy is given of the history that it has missed: everything where that is little, else what its policy would have left, page by page.
 *
 * @module
 */
import type { Entry } from "./broker.ts";
import type { EntryWriter } from "./entry_writer.ts";
import type { KeptPage } from "./kept_page.ts";
import { Newest } from "./newest.ts";
import type { Policy } from "./policy.ts";
import type { Place } from "./topic_member.ts";
import type { Unseen } from "./unseen.ts";

/** The policy of one subscription, while it catches up. */
export class Behind {
  readonly #policy: Policy;
  readonly #unseen: Unseen;
  readonly #writer: EntryWriter;
  #wholeTo = 0;

  /** It is given everything that may be sent ahead. */
  constructor(policy: Policy, unseen: Unseen, writer: EntryWriter) {
    this.#policy = policy;
    this.#unseen = unseen;
    this.#writer = writer;
  }

  /** Everything up to this offset was asked for; nothing in particular where it is 0. */
  giveAll(to: number): void {
    this.#wholeTo = to;
  }

  /** What is given of a page of the history; `undefined` where that is everything, or nothing follows. `top` is the last offset that this node knows. */
  of(entries: readonly Entry[], after: Place, top: number): KeptPage | undefined {
    if (after.offset < this.#wholeTo) return undefined;
    const newest = new Newest(this.#policy);
    newest.start(after.offset);
    let end = after;
    let bytes = 0;
    let wanted = 0;
    for (const entry of entries) {
      const follows = entry.offset === end.offset + 1 && entry.previous === end.fingerprint;
      if (!follows || entry.offset > top) break;
      end = { offset: entry.offset, fingerprint: entry.fingerprint };
      if (entry.change !== undefined || !this.#writer.wants(entry)) continue; // changes pass no policy: see `filter_view.ts`
      newest.add(entry);
      bytes += entry.data.length;
      wanted++;
    }
    const isLittle = end.offset === top && this.#unseen.fits(end.offset - 1, bytes);
    if (wanted === 0 || isLittle) return undefined;
    return { reason: this.#policy.reason, given: newest.after(after.offset), end };
  }
}
