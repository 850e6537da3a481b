/**
 * What was sent and may have been lost: frames are kept as they left, until all that must arrive in them has been acknowledged. A record
 * costs one small copy for each frame, not for each message, and small frames share one; nothing of it exists where nobody asked for a
 * session that is kept.
 *
 * @module
 */
import { giveBuffer } from "./buffers.ts";
import { type Arrived, type FrameLimits, lostMessages } from "./lost_messages.ts";
import { sendSlice, type Slice } from "./slices.ts";

/** One frame that left, or small ones that left one after the other. */
interface Sent {
  /** A copy has room behind its messages where it stands for more than one frame. */
  readonly frame: Uint8Array | Slice;
  /** Bytes of a copy that are messages; the others are not parted. */
  used: number;
  /** What the frame is a part of, where that is ours again when it was acknowledged. */
  readonly buffer: Uint8Array | undefined;
  /** Bytes that it holds. */
  readonly size: number;
  /** The last sequence in it; 0 for none. */
  seq: number;
  /** Bytes of the messages in it that carry a sequence. */
  reliable: number;
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

/** What left, in order. */
interface Kept {
  first: Sent | undefined;
  last: Sent | undefined;
  /** Those with a sequence. */
  firstReliable: Sent | undefined;
  lastReliable: Sent | undefined;
  /** Bytes held. */
  held: number;
  /** Bytes of messages with a sequence. */
  reliable: number;
}

/** The units of all streams. */
interface SentUnits {
  /** By stream. */
  readonly kept: Map<number, Units[]>;
  /** Stream and number of the last unit, one after the other, of those in the frame that is being built. */
  readonly leaving: number[];
  count: number;
  /** What the message that is sealed next has: `0` for none. */
  nextStream: number;
  nextUnit: number;
}

/** Smaller frames are copied, so that their buffer can go on; larger ones take it along. */
const COPIED_BELOW = 8 * 1024;
/**
 * Smaller frames still are copied behind the one before them: with an array and a record for each, a call whose answer leaves alone took
 * 1.15 times as long in memory on Bun, 1.3 times on Deno (`bench/core.ts`). The first copy is exact, since most connections are idle; each one
 * after that is twice as large as the last.
 */
const [LEAST_SHARED, MOST_SHARED] = [512, 4 * 1024];
/** Smaller messages may pass the bound: calls in flight are bounded, and so are they. */
const LEAST_WAITING = 1024;

/** Everything that one side of a session has sent and that was not acknowledged. */
export class Replay {
  readonly #limit: number;
  /** Made for the first stream. */
  #streams: SentUnits | undefined;
  #leavingReliable = 0;
  /** The highest sequence that the other side said it has processed. */
  #arrived = 0;
  /** What is kept. Most often, and where nothing happens, it is nothing. */
  #kept: Kept | undefined;

  /** Keeps `limit` bytes of messages with a sequence before it is full. What streams and fragments have on their way is bounded by their window. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes held. */
  get held(): number {
    return this.#kept?.held ?? 0;
  }

  /** Units of streams that were sent so far, END and FAIL among them. */
  get units(): number {
    return this.#streams?.count ?? 0;
  }

  /** The highest sequence that the other side said it has processed. */
  get arrived(): number {
    return this.#arrived;
  }

  /** Whether so much waits for an acknowledgement that no more answers should be made. */
  get isFull(): boolean {
    const kept = this.#kept;
    return (kept === undefined ? 0 : kept.reliable) + this.#leavingReliable > this.#limit;
  }

  /** Whether a message of this size has to travel in fragments, which are bounded, and acknowledged at once. */
  mustWait(size: number): boolean {
    return this.isFull && size > LEAST_WAITING;
  }

  /** The message that is sealed next is unit `n` of a stream; END and FAIL count as one more than came before them. */
  addsUnit(stream: number, n: number): void {
    const streams = this.#units;
    streams.nextStream = stream;
    streams.nextUnit = n;
  }

  /** A message was added to the frame that is being built; `reliable` is its size if it carries a sequence, else 0. */
  added(reliable: number): void {
    this.#leavingReliable += reliable;
    const streams = this.#streams;
    if (streams === undefined || streams.nextStream === 0) return;
    const { leaving, nextStream, nextUnit } = streams;
    streams.nextStream = 0;
    streams.count++;
    if (leaving.length > 0 && leaving[leaving.length - 2] === nextStream) {
      leaving[leaving.length - 1] = nextUnit;
    } else {
      leaving.push(nextStream, nextUnit);
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
    const leaving = this.#streams?.leaving;
    const hasUnits = leaving !== undefined && leaving.length > 0;
    if (reliable === 0 && !hasUnits) return false;
    if (!hasUnits && frame.length <= MOST_SHARED / 2) {
      this.#leavingReliable = 0;
      this.#share(frame, seq, reliable);
      return false;
    }
    const keepsBuffer = buffer !== undefined && frame.length >= COPIED_BELOW;
    const kept = keepsBuffer ? frame : frame.slice();
    this.#leavingReliable = 0;
    const sent = this.#add(kept, reliable === 0 ? 0 : seq, {
      buffer: keepsBuffer ? buffer : undefined,
      size: keepsBuffer ? buffer.length : kept.length,
      reliable,
    });
    if (hasUnits) {
      for (let i = 0; i < leaving.length; i += 2) this.#addUnits(leaving[i]!, leaving[i + 1]!, sent);
      leaving.length = 0;
    }
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
    this.#units.count++;
    this.#addUnits(slice.stream, slice.n, sent);
  }

  /** All messages up to this sequence were processed. */
  acknowledged(received: number): void {
    if (received > this.#arrived) this.#arrived = received;
    const kept = this.#kept;
    if (kept === undefined) return;
    for (
      let sent = kept.firstReliable;
      sent !== undefined && sent.seq <= received;
      sent = kept.firstReliable
    ) {
      kept.firstReliable = sent.afterReliable;
      if (kept.firstReliable === undefined) kept.lastReliable = undefined;
      kept.reliable -= sent.reliable;
      this.#release(sent, kept);
    }
  }

  /** All units of a stream up to this one have arrived. */
  unitsArrived(stream: number, n: number): void {
    const streams = this.#streams?.kept;
    const units = streams?.get(stream);
    const kept = this.#kept;
    if (streams === undefined || units === undefined || kept === undefined) return;
    let count = 0;
    while (count < units.length && units[count]!.last <= n) this.#release(units[count++]!.sent, kept);
    if (count === units.length) streams.delete(stream);
    else if (count > 0) units.splice(0, count);
  }

  /**
   * Sends again what the other side does not have, in the order in which it left. It stays kept.
   *
   * @param accepts What the other side accepts.
   * @param send Borrows each frame until it returns.
   */
  sendAgain(arrived: Arrived, accepts: FrameLimits, send: (frame: Uint8Array) => void): void {
    for (let sent = this.#kept?.first; sent !== undefined; sent = sent.after) {
      const { frame, used } = sent;
      if (frame instanceof Uint8Array) {
        lostMessages(used === 0 ? frame : frame.subarray(0, used), { arrived, accepts, send });
      } else if (frame.seq > arrived.received || isLostUnit(frame, arrived)) sendSlice(frame, send);
    }
  }

  /** Nothing will be sent again. */
  end(): void {
    for (let sent = this.#kept?.first; sent !== undefined; sent = sent.after) giveBack(sent);
    this.#kept = this.#streams = undefined;
    this.#leavingReliable = 0;
  }

  get #units(): SentUnits {
    return this.#streams ??= { kept: new Map(), leaving: [], count: 0, nextStream: 0, nextUnit: 0 };
  }

  /** Keeps a copy of a small frame, behind the last one where there is room. */
  #share(frame: Uint8Array, seq: number, reliable: number): void {
    let last = this.#kept?.last;
    const { length } = frame;
    if (last === undefined || last.used === 0) {
      this.#add(frame.slice(), seq, { buffer: undefined, size: length, reliable }).used = length;
      return;
    }
    if (last.used + length > last.size) {
      const most = Math.min(MOST_SHARED, Math.floor(this.#limit / 8));
      const size = Math.max(length, Math.min(most, Math.max(LEAST_SHARED, 2 * last.size)));
      last = this.#add(new Uint8Array(size), seq, { buffer: undefined, size, reliable });
    } else {
      last.seq = seq;
      last.reliable += reliable;
      this.#kept!.reliable += reliable;
    }
    (last.frame as Uint8Array).set(frame, last.used);
    last.used += length;
  }

  #add(
    frame: Uint8Array | Slice,
    seq: number,
    { buffer, size, reliable }: { buffer: Uint8Array | undefined; size: number; reliable: number },
  ): Sent {
    const kept = this.#kept ??= {
      first: undefined,
      last: undefined,
      firstReliable: undefined,
      lastReliable: undefined,
      held: 0,
      reliable: 0,
    };
    const before = kept.last;
    const sent: Sent = {
      frame,
      used: 0,
      buffer,
      size,
      seq,
      reliable,
      waitsFor: seq === 0 ? 0 : 1,
      before,
      after: undefined,
      afterReliable: undefined,
    };
    if (before === undefined) kept.first = sent;
    else before.after = sent;
    kept.last = sent;
    kept.held += size;
    if (seq === 0) return sent;
    kept.reliable += reliable;
    if (kept.lastReliable === undefined) kept.firstReliable = sent;
    else kept.lastReliable.afterReliable = sent;
    kept.lastReliable = sent;
    return sent;
  }

  #addUnits(stream: number, last: number, sent: Sent): void {
    sent.waitsFor++;
    const { kept } = this.#units;
    const units = kept.get(stream);
    if (units === undefined) kept.set(stream, [{ last, sent }]);
    else units.push({ last, sent });
  }

  #release(sent: Sent, kept: Kept): void {
    if (--sent.waitsFor > 0) return;
    const { before, after } = sent;
    if (before === undefined) kept.first = after;
    else before.after = after;
    if (after === undefined) kept.last = before;
    else after.before = before;
    kept.held -= sent.size;
    giveBack(sent);
    if (kept.first === undefined) this.#kept = undefined;
  }
}

function giveBack({ buffer }: Sent): void {
  if (buffer !== undefined) giveBuffer(buffer);
}

function isLostUnit({ stream, n }: Slice, { hasUnit }: Arrived): boolean {
  return stream !== 0 && !hasUnit(stream, n);
}
