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
  /** Offsets of what was said of its reactions. */
  reacted: number[];
  /** What is kept of them. */
  reactions: Uint8Array | undefined;
}

const NOTHING = new Uint8Array(0);

/** The changed messages of one stream. */
export class MessageBook {
  readonly #entries: Entries;
  readonly #documents = new Map<number, Document>();
  #bytes = 0;

  /** Nothing was changed yet. */
  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** Bytes of what is kept of reactions. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Whether a change may be appended.
   *
   * @throws {BrokerError} `MISSING`, `GONE`, `TOO_LARGE`, `WRONG_TYPE`, `STALE`.
   */
  check({ target, kind, epoch, most, reactions }: Changing, { data }: Append, present: string): void {
    const message = epoch === undefined || epoch === present ? this.#entries.find(target) : undefined;
    if (message === undefined || message.change !== undefined || message.by === undefined) {
      throw new BrokerError("MISSING", `There is no message at ${target}`);
    }
    if (message.isGone) throw new BrokerError("GONE", `The message at ${target} was deleted`);
    if (kind === "react" && (this.#documents.get(target)?.reacted.at(-1) ?? 0) !== reactions?.expects) {
      throw new BrokerError("STALE", `The reactions to ${target} are others`);
    }
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

  /** A change was appended. `reactions` is what is to be kept of those. */
  add({ change, offset, data }: Entry, reactions: Uint8Array | undefined): void {
    const { kind, target } = change!;
    const message = this.#entries.find(target)!;
    let document = this.#documents.get(target);
    if (document === undefined) {
      const bytes = message.data.length;
      document = { changes: [], parts: [target], bytes, reacted: [], reactions: undefined };
      this.#documents.set(target, document);
    }
    if (kind === "react") {
      document.reacted.push(offset);
      return this.#keep(document, reactions);
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
    const document = this.#documents.get(offset);
    if (document === undefined) return;
    this.#keep(document, undefined);
    this.#documents.delete(offset);
  }

  /** A message as it is now. */
  now(entry: Entry, withState: boolean): Entry {
    const document = this.#documents.get(entry.offset);
    if (document === undefined) return entry;
    const last = document.changes.at(-1);
    const version = last === undefined ? {} : { version: this.#version(last) };
    if (entry.isGone) return { ...entry, ...version };
    const whole = last === undefined ? {} : { data: this.#whole(document.parts), room: 0 };
    return { ...entry, ...whole, ...version, ...this.#reactions(document, withState) };
  }

  #reactions({ reacted, reactions: state }: Document, withState: boolean): Pick<Entry, "reactions"> {
    const offset = reacted.at(-1);
    if (offset === undefined) return {};
    const summary = this.#entries.find(offset)!.data;
    return { reactions: { offset, summary, ...withState ? { state } : {} } };
  }

  /** A piece as the whole that it made, where that is kept. */
  whole(entry: Entry): Entry {
    const { offset, change } = entry;
    const document = this.#documents.get(change!.target);
    if (document === undefined) return entry;
    const parts = this.#partsAt(document, change!.target, offset);
    return { ...entry, data: this.#whole(parts), room: 0, change: { kind: "edit", target: change!.target } };
  }

  /** The offset of the change before this one, or of the message; 0 where that is not kept. */
  priorTo({ offset, change }: Entry): number {
    const changes = this.#documents.get(change!.target)?.changes;
    if (changes === undefined) return 0;
    let [low, high] = [0, changes.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (changes[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return changes[low - 1] ?? change!.target;
  }

  #keep(document: Document, reactions: Uint8Array | undefined): void {
    this.#bytes += (reactions?.length ?? 0) - (document.reactions?.length ?? 0);
    document.reactions = reactions;
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
  #erase(target: number, document: Document): void {
    const { changes, reacted } = document;
    this.#keep(document, undefined);
    for (const offset of [target, ...changes, ...reacted]) {
      const entry = this.#entries.find(offset)!;
      if (entry.change?.kind !== "delete") {
        this.#entries.replace({ ...entry, data: NOTHING, room: 0, isGone: true });
      }
    }
  }
}
