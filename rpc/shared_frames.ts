/**
 * Frames that all subscribers of a channel share.
 *
 * @module
 */
import { begin, end, position, written } from "../msgpack/encoder.ts";
import type { Entry, Position } from "./broker.ts";
import { PUBLICATION_HEAD, writePublicationHead, writeSignalled } from "./channel_messages.ts";
import { mostBytes, writeEntry } from "./entry_messages.ts";
import type { Excused, KeptPage } from "./kept_page.ts";

/** One frame for many connections. */
export interface SharedFrame {
  /** The frame. Never written to again, so that a queue may keep it. */
  readonly bytes: Uint8Array;
  /** Messages in it. */
  readonly messages: number;
  /** The publications in it, and those among them that a filter has passed over. */
  readonly entries: readonly Entry[];
  /** Whether some of them change messages: not every client takes those. */
  readonly hasChanges?: boolean;
  /** What of them it gives, where that is not everything or some are left out before them. */
  readonly part?: FramePart | undefined;
  /** What a filter had passed over before them, if the frame tells of it. */
  readonly skipped?: Pick<Position, "offset" | "fingerprint"> | undefined;
  /** What it has instead of `entries`, where a policy has left some out. */
  readonly kept?: KeptPage | undefined;
  /** The gaps of a policy, whose offsets are not counted as sent. */
  readonly excused?: readonly Excused[] | undefined;
}

/** The publications in a frame that does not give everything. */
export interface FramePart {
  /** In order; none where it only tells what was passed over. */
  readonly given: readonly Entry[];
  /** Writes what tells of the hole before one of them, if there is one. */
  writeHole(index: number): void;
}

/** The publications that a frame gives. */
export function givenBy({ entries, part }: SharedFrame): readonly Entry[] {
  return part === undefined ? entries : part.given;
}

/** A merged frame has at most so many bytes of payload, unless one publication alone has more. */
const MOST_BYTES = 64 * 1024;
/** And so many publications. */
const MOST_MESSAGES = 256;
/** A publication of this size has a frame of its own: a `send` costs less than to copy it. */
const ALONE = 32 * 1024;

const scratch = new Uint8Array(PUBLICATION_HEAD);

/**
 * The frames of publications that came close together. One that is alone is not copied: its head is written into the room in front of its data.
 * Several are copied once, for all who share the frame.
 */
export function publicationFrames(alias: number, entries: readonly Entry[]): SharedFrame[] {
  const frames: SharedFrame[] = [];
  let batch: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = entry.data.length;
    const isFull = bytes + size > MOST_BYTES || batch.length >= MOST_MESSAGES || size >= ALONE ||
      (batch.length === 1 && bytes >= ALONE);
    if (batch.length > 0 && isFull) {
      frames.push(frameOf(alias, batch));
      batch = [];
      bytes = 0;
    }
    batch.push(entry);
    bytes += size;
  }
  if (batch.length > 0) frames.push(frameOf(alias, batch));
  return frames;
}

/** A signal on its way to who listens. */
export interface Signal {
  /** The encoded message. */
  readonly data: Uint8Array;
  /** Who sent it, and does not want to hear it again. */
  readonly from: string | undefined;
}

/** Signals back to back, and where they can be parted. */
export interface SignalRun {
  /** All of them. Never written to again, so that a queue may keep it. */
  readonly bytes: Uint8Array;
  /** Where each begins, and where the last ends. */
  readonly cuts: readonly number[];
}

/** Signals that came close together: written once, copied once more for each sender, who gets the others' alone. */
export class SignalFrame {
  readonly #all: SignalRun;
  readonly #signals: readonly Signal[];
  readonly #senders: ReadonlySet<string | undefined>;

  /** Writes it. */
  constructor(alias: number, signals: readonly Signal[]) {
    const most = signals.reduce((sum, { data }) => sum + data.length + PUBLICATION_HEAD, 0);
    const cuts = [0];
    begin(new Uint8Array(most), 0);
    for (const { data } of signals) {
      writeSignalled(alias, data);
      cuts.push(position());
    }
    const length = end();
    this.#all = { bytes: written().subarray(0, length), cuts };
    this.#signals = signals;
    this.#senders = new Set(signals.map(({ from }) => from));
  }

  /** What somebody gets: without its own. Nothing where all are its own. */
  to(id: string): SignalRun | undefined {
    return this.#senders.has(id) ? this.#without(id) : this.#all;
  }

  #without(id: string): SignalRun | undefined {
    const signals = this.#signals;
    const { bytes, cuts } = this.#all;
    const others = new Uint8Array(bytes.length);
    const kept = [0];
    let length = 0;
    for (let from = 0; from < signals.length; from++) {
      if (signals[from]!.from === id) continue;
      const moved = length - cuts[from]!;
      let to = from;
      while (to < signals.length && signals[to]!.from !== id) kept.push(cuts[++to]! + moved);
      const run = bytes.subarray(cuts[from]!, cuts[to]!);
      others.set(run, length);
      length += run.length;
      from = to;
    }
    return length === 0 ? undefined : { bytes: others.subarray(0, length), cuts: kept };
  }
}

/** Signals as frames that a client takes: most often one, which is all of them; else views of that. A signal too large by itself is lost. */
export function signalFrames(
  { bytes, cuts }: SignalRun,
  { message, messages }: { readonly message: number; readonly messages: number },
): Uint8Array[] {
  const count = cuts.length - 1;
  if (bytes.length <= message && count <= messages) return [bytes];
  const frames: Uint8Array[] = [];
  for (let from = 0; from < count;) {
    let to = from;
    while (to < count && to - from < messages && cuts[to + 1]! - cuts[from]! <= message) to++;
    if (to > from) frames.push(bytes.subarray(cuts[from]!, cuts[to]!));
    else to++;
    from = to;
  }
  return frames;
}

function frameOf(alias: number, entries: readonly Entry[]): SharedFrame {
  const [only] = entries;
  const alone = entries.length === 1 ? withHead(alias, only!) : undefined;
  const hasChanges = entries.some(({ change }) => change !== undefined);
  return { bytes: alone ?? merged(alias, entries), messages: entries.length, entries, hasChanges };
}

function merged(alias: number, entries: readonly Entry[]): Uint8Array {
  begin(new Uint8Array(entries.reduce((sum, entry) => sum + mostBytes(entry), 0)), 0);
  for (const entry of entries) writeEntry(alias, entry);
  const length = end();
  return written().subarray(0, length);
}

/** The message in the buffer of its data; `undefined` where there is no room for the head, or it is none of PUBLICATION. */
function withHead(alias: number, { data, room, offset, fingerprint, change }: Entry): Uint8Array | undefined {
  if (change !== undefined) return undefined;
  begin(scratch, 0);
  writePublicationHead(alias, offset, { fingerprint, length: data.length });
  const length = end();
  if (room < length) return undefined;
  const message = new Uint8Array(data.buffer, data.byteOffset - length, length + data.length);
  message.set(scratch.subarray(0, length));
  return message;
}
