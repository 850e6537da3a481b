/**
 * What became of the messages of a stream: which changes each has, and what it is with them.
 *
 * @module
 */
import { type Append, BrokerError, type Changing, type Entry, type Version } from "../rpc/broker.ts";
import { growthOf, joined } from "../rpc/message_pieces.ts";

/** The entries that the changes are of. */
export interface Entries {
  /** The entry of an offset; `undefined` where it is not kept. */
  find(offset: number): Entry | undefined;
  /** Puts another in its place. */
  replace(entry: Entry): void;
}

/** A message that was changed. */
interface Document {
  /** Offsets of its changes, in their order. */
  readonly changes: number[];
  /** What it is made of now: of the last that was whole, and the pieces after it. */
  parts: number[];
  /** Bytes of those. */
  bytes: number;
}

const NOTHING = new Uint8Array(0);

/** The changed messages of one stream. */
export class MessageBook {
  readonly #entries: Entries;
  readonly #documents = new Map<number, Document>();

  /** Nothing was changed yet. */
  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** Messages with changes, and their changes. */
  get size(): number {
    let changes = 0;
    for (const document of this.#documents.values()) changes += 1 + document.changes.length;
    return changes;
  }

  /**
   * Whether a change may be appended.
   *
   * @throws {BrokerError} `MISSING`, `GONE`, `TOO_LARGE`, `WRONG_TYPE`.
   */
  check({ target, kind, epoch, most }: Changing, { data }: Append, present: string): void {
    const message = epoch === undefined || epoch === present ? this.#entries.find(target) : undefined;
    if (message === undefined || message.change !== undefined || message.by === undefined) {
      throw new BrokerError("MISSING", `There is no message at ${target}`);
    }
    if (message.isGone) throw new BrokerError("GONE", `The message at ${target} was deleted`);
    if (kind !== "append") return;
    const parts = this.#partsOf(target);
    const growth = growthOf(data);
    if (growth === "o" || growthOf(this.#entries.find(parts[0]!)!.data) !== growth) {
      throw new BrokerError(
        "WRONG_TYPE",
        "A piece is a text that is added to a text, or bytes that are to bytes",
      );
    }
    const before = this.#documents.get(target)?.bytes ?? message.data.length;
    if (before + data.length > most) {
      throw new BrokerError("TOO_LARGE", `The message at ${target} would have more than ${most} bytes`);
    }
  }

  /** A change was appended. */
  add({ change, offset, data }: Entry): void {
    const { kind, target } = change!;
    const message = this.#entries.find(target)!;
    let document = this.#documents.get(target);
    if (document === undefined) {
      document = { changes: [], parts: [target], bytes: message.data.length };
      this.#documents.set(target, document);
    }
    document.changes.push(offset);
    if (kind === "append") {
      document.parts.push(offset);
      document.bytes += data.length;
      return;
    }
    document.parts = [offset];
    document.bytes = data.length;
    if (kind === "delete") this.#erase(target, document);
  }

  /** An entry is kept no more. */
  forget({ offset }: Entry): void {
    this.#documents.delete(offset);
  }

  /** A message as it is now. */
  now(entry: Entry): Entry {
    const document = this.#documents.get(entry.offset);
    if (document === undefined) return entry;
    const version = this.#version(document.changes.at(-1)!);
    if (entry.isGone) return { ...entry, version };
    return { ...entry, data: this.#whole(document.parts), room: 0, version };
  }

  /** A piece as the whole that it made, where that is kept. */
  whole(entry: Entry): Entry {
    const { offset, change } = entry;
    const document = this.#documents.get(change!.target);
    if (document === undefined) return entry;
    const parts = this.#partsAt(document, change!.target, offset);
    return { ...entry, data: this.#whole(parts), room: 0, change: { kind: "edit", target: change!.target } };
  }

  #partsOf(target: number): readonly number[] {
    return this.#documents.get(target)?.parts ?? [target];
  }

  /** What it was made of when this change had been made. */
  #partsAt({ changes }: Document, target: number, offset: number): number[] {
    let parts = [target];
    for (const at of changes) {
      if (at > offset) break;
      if (this.#entries.find(at)!.change!.kind === "append") parts.push(at);
      else parts = [at];
    }
    return parts;
  }

  #whole(parts: readonly number[]): Uint8Array {
    return joined(parts.map((offset) => this.#entries.find(offset)!.data));
  }

  #version(offset: number): Version {
    const { at, by } = this.#entries.find(offset)!;
    return { offset, at, by: by! };
  }

  /** Nothing of what it was stays. */
  #erase(target: number, { changes }: Document): void {
    for (const offset of [target, ...changes]) {
      const entry = this.#entries.find(offset)!;
      if (entry.change?.kind !== "delete") {
        this.#entries.replace({ ...entry, data: NOTHING, room: 0, isGone: true });
      }
    }
  }
}
