/**
 * Writes what one subscription is sent by itself: publications, and what tells of those that are not.
 *
 * @module
 */
import type { Entry, Position } from "./broker.ts";
import { writeSkip } from "./channel_messages.ts";
import { writeEntryFor } from "./entry_messages.ts";
import type { DeltaReader } from "./feed_deltas.ts";
import type { Filter } from "./filter.ts";
import { type KeptPage, writeHole } from "./kept_page.ts";
import type { Given } from "./newest.ts";
import type { Outbox } from "./outbox.ts";
import { writeMessage } from "./outbox_parts.ts";
import type { SharedFrame } from "./shared_frames.ts";
import type { Wanted } from "./wanted.ts";

type Place = Pick<Position, "offset" | "fingerprint">;

/** What writes for one subscription. */
export class EntryWriter {
  /** The number that stands for its stream on its connection. */
  alias = 0;
  readonly #outbox: Outbox;
  readonly #filter: Filter | undefined;
  readonly #takesChanges: boolean;
  readonly #deltas: DeltaReader | undefined;
  /** What its filter has passed over, and its client was not told of. */
  #skipped: Place | undefined;

  /** Has written nothing. */
  constructor(outbox: Outbox, { filter, changes = false }: Wanted, deltas: DeltaReader | undefined) {
    this.#outbox = outbox;
    this.#deltas = deltas;
    this.#filter = filter;
    this.#takesChanges = changes;
  }

  /** Whether a publication is wanted. */
  wants({ data }: Entry): boolean {
    return this.#filter === undefined || this.#filter.matches(data);
  }

  /** The next publication, or that it is not wanted, which is told with the next that is. */
  send(entry: Entry): void {
    if (!this.wants(entry)) return void (this.#skipped = entry);
    this.tellSkipped();
    const to = { takesChanges: this.#takesChanges, most: this.#outbox.peer.message };
    this.write(() => writeEntryFor(this.alias, entry, to) && this.#deltas?.sent(entry));
  }

  /** The next publication after an offset, of those that are not left out. Gives the offsets that were. */
  sendGiven(given: Given, { after, reason }: { readonly after: number; readonly reason: string }): number {
    let excused = 0;
    if (given.entry.offset > after + 1) {
      this.write(() => excused = writeHole(this.alias, after + 1, { given, reason }));
    }
    this.send(given.entry);
    return excused;
  }

  /** A frame that the client does not take as it is, since it is too large for it. */
  sendApart({ entries, skipped, kept }: SharedFrame, after: number): void {
    if (kept !== undefined) return this.#sendKept(kept, after);
    this.#skipped = skipped;
    for (const entry of entries) this.send(entry);
    if (entries.length > 0) this.#skipped = undefined; // what follows on the last that it wanted is told to all together
    else this.tellSkipped();
  }

  /** Everything up to a place is not wanted. */
  skipTo(place: Place): void {
    this.#skipped = place;
    this.tellSkipped();
  }

  /** Tells of what was not wanted. */
  tellSkipped(): void {
    const skipped = this.#skipped;
    this.#skipped = undefined;
    if (skipped !== undefined) this.write(() => writeSkip(this.alias, skipped.offset, skipped.fingerprint));
  }

  /** Writes a message. */
  write(write: () => void): void {
    writeMessage(this.#outbox, write);
  }

  #sendKept({ given, reason }: KeptPage, after: number): void {
    for (const one of given) {
      this.sendGiven(one, { after, reason });
      after = one.entry.offset;
    }
  }
}
