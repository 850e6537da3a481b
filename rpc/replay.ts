/**
 * What was sent and may have been lost: frames are kept as they left, until all that must arrive in them has been acknowledged. A record
 * costs one small copy for each frame, not for each message; nothing of it exists where nobody asked for a session that is kept.
 *
 * @module
 */
import { giveBuffer } from "./buffers.ts";
import { type Arrived, lostMessages } from "./lost_messages.ts";
import { sendSlice, type Slice } from "./slices.ts";

/** One frame that left. */
interface Sent {
  readonly frame: Uint8Array | Slice;
  /** What the frame is a part of, where that is ours again when it was acknowledged. */
  readonly buffer: Uint8Array | undefined;
  /** Bytes that it holds. */
  readonly size: number;
  /** The last sequence in it; 0 for none. */
  readonly seq: number;
  /** Bytes of the messages in it that carry a sequence. */
  readonly reliable: number;
  /** What it is kept for: its sequences are one thing, the units of each stream another. */
  waitsFor: number;
  before: Sent | undefined;
  after: Sent | undefined;
  /** The next one with a sequence. */
  afterReliable: Sent | undefined;
}

/** Units of one stream in a frame. */
interface Units {
  readonly last: number;
  readonly sent: Sent;
}

/** Smaller frames are copied, so that their buffer can go on; larger ones take it along. */
const COPIED_BELOW = 8 * 1024;
/** Smaller messages may pass the bound: calls in flight are bounded, and so are they. */
const LEAST_WAITING = 1024;

/** Of a session that has had no stream. */
const NONE: number[] = [];

/** Everything that one side of a session has sent and that was not acknowledged. */
export class Replay {
  readonly #limit: number;
  /** Made for the first stream. */
  #units: Map<number, Units[]> | undefined;
  /** Stream and number of the last unit, one after the other, of those in the frame that is being built. */
  #leaving: number[] = NONE;
  #leavingReliable = 0;
  #unitsSent = 0;
  #nextStream = 0;
  #nextUnit = 0;
  #first: Sent | undefined;
  #last: Sent | undefined;
  #firstReliable: Sent | undefined;
  #lastReliable: Sent | undefined;
  #held = 0;
  #reliable = 0;

  /** Keeps `limit` bytes of messages with a sequence before it is full. What streams and fragments have on their way is bounded by their window. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes held. */
  get held(): number {
    return this.#held;
  }

  /** Units of streams that were sent so far, END and FAIL among them. */
  get units(): number {
    return this.#unitsSent;
  }

  /** Whether so much waits for an acknowledgement that no more answers should be made. */
  get isFull(): boolean {
    return this.#reliable + this.#leavingReliable > this.#limit;
  }

  /** Whether a message of this size has to travel in fragments, which are bounded, and acknowledged at once. */
  mustWait(size: number): boolean {
    return this.isFull && size > LEAST_WAITING;
  }

  /** The message that is sealed next is unit `n` of a stream; END and FAIL count as one more than came before them. */
  addsUnit(stream: number, n: number): void {
    this.#nextStream = stream;
    this.#nextUnit = n;
  }

  /** A message was added to the frame that is being built; `reliable` is its size if it carries a sequence, else 0. */
  added(reliable: number): void {
    this.#leavingReliable += reliable;
    const stream = this.#nextStream;
    if (stream === 0) return;
    this.#nextStream = 0;
    this.#unitsSent++;
    if (this.#leaving === NONE) this.#leaving = [];
    const leaving = this.#leaving;
    if (leaving.length > 0 && leaving[leaving.length - 2] === stream) {
      leaving[leaving.length - 1] = this.#nextUnit;
    } else {
      leaving.push(stream, this.#nextUnit);
    }
  }

  /**
   * The frame that was being built leaves.
   *
   * @param buffer What it is in, if that may be kept.
   * @returns Whether the buffer is kept: it goes back to the pool from here.
   */
  frameLeaves(frame: Uint8Array, seq: number, buffer: Uint8Array | undefined): boolean {
    const reliable = this.#leavingReliable;
    const leaving = this.#leaving;
    if (reliable === 0 && leaving.length === 0) return false;
    const keepsBuffer = buffer !== undefined && frame.length >= COPIED_BELOW;
    const kept = keepsBuffer ? frame : frame.slice();
    this.#leavingReliable = 0;
    const sent = this.#add(kept, reliable === 0 ? 0 : seq, {
      buffer: keepsBuffer ? buffer : undefined,
      size: keepsBuffer ? buffer.length : kept.length,
      reliable,
    });
    for (let i = 0; i < leaving.length; i += 2) this.#addUnits(leaving[i]!, leaving[i + 1]!, sent);
    if (leaving !== NONE) leaving.length = 0;
    return keepsBuffer;
  }

  /** A part of a large message leaves, in a frame of its own. */
  sliceLeaves(slice: Slice): void {
    const sent = this.#add(slice, slice.seq, {
      buffer: undefined,
      size: slice.to - slice.from,
      reliable: 0, // bounded by the window, as streams are
    });
    if (slice.stream === 0) return;
    this.#unitsSent++;
    this.#addUnits(slice.stream, slice.n, sent);
  }

  /** All messages up to this sequence were processed. */
  acknowledged(received: number): void {
    for (
      let sent = this.#firstReliable;
      sent !== undefined && sent.seq <= received;
      sent = this.#firstReliable
    ) {
      this.#firstReliable = sent.afterReliable;
      if (this.#firstReliable === undefined) this.#lastReliable = undefined;
      this.#reliable -= sent.reliable;
      this.#release(sent);
    }
  }

  /** All units of a stream up to this one have arrived. */
  unitsArrived(stream: number, n: number): void {
    const units = this.#units?.get(stream);
    if (units === undefined) return;
    let count = 0;
    while (count < units.length && units[count]!.last <= n) this.#release(units[count++]!.sent);
    if (count === units.length) this.#units!.delete(stream);
    else if (count > 0) units.splice(0, count);
  }

  /**
   * Sends again what the other side does not have, in the order in which it left. It stays kept.
   *
   * @param send Borrows each frame until it returns.
   */
  sendAgain(arrived: Arrived, send: (frame: Uint8Array) => void): void {
    for (let sent = this.#first; sent !== undefined; sent = sent.after) {
      const { frame } = sent;
      if (frame instanceof Uint8Array) lostMessages(frame, arrived, send);
      else if (frame.seq > arrived.received || isLostUnit(frame, arrived)) sendSlice(frame, send);
    }
  }

  /** Nothing will be sent again. */
  end(): void {
    for (let sent = this.#first; sent !== undefined; sent = sent.after) giveBack(sent);
    this.#first = this.#last = undefined;
    this.#firstReliable = this.#lastReliable = undefined;
    this.#units = undefined;
    this.#leaving = NONE;
    this.#held = this.#reliable = this.#leavingReliable = 0;
  }

  #add(
    frame: Uint8Array | Slice,
    seq: number,
    { buffer, size, reliable }: { buffer: Uint8Array | undefined; size: number; reliable: number },
  ): Sent {
    const before = this.#last;
    const sent: Sent = {
      frame,
      buffer,
      size,
      seq,
      reliable,
      waitsFor: seq === 0 ? 0 : 1,
      before,
      after: undefined,
      afterReliable: undefined,
    };
    if (before === undefined) this.#first = sent;
    else before.after = sent;
    this.#last = sent;
    this.#held += size;
    if (seq === 0) return sent;
    this.#reliable += reliable;
    if (this.#lastReliable === undefined) this.#firstReliable = sent;
    else this.#lastReliable.afterReliable = sent;
    this.#lastReliable = sent;
    return sent;
  }

  #addUnits(stream: number, last: number, sent: Sent): void {
    sent.waitsFor++;
    const all = this.#units ??= new Map();
    const units = all.get(stream);
    if (units === undefined) all.set(stream, [{ last, sent }]);
    else units.push({ last, sent });
  }

  #release(sent: Sent): void {
    if (--sent.waitsFor > 0) return;
    const { before, after } = sent;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    this.#held -= sent.size;
    giveBack(sent);
  }
}

function giveBack({ buffer }: Sent): void {
  if (buffer !== undefined) giveBuffer(buffer);
}

function isLostUnit({ stream, n }: Slice, { hasUnit }: Arrived): boolean {
  return stream !== 0 && !hasUnit(stream, n);
}
