/**
 * Takes frames: holds them to the limits, checks sequences, puts fragments together, and has each message dispatched.
 *
 * @module
 */
import type { Assembly } from "./assembly.ts";
import { CloseCode } from "./close.ts";
import { frameCame } from "./collector.ts";
import { dispatchCall, dispatchControl, dispatchStream, type Targets, wrongWay } from "./dispatch.ts";
import { CODE_NEEDED } from "./bulk_source.ts";
import { ELEMENTS, FIRST_OPTIONAL, Kind, LAST_KIND } from "./kinds.ts";
import type { Limits } from "./limits.ts";
import { plainEnd, plainId, plainMethod, plainSeq, plainStart, readPlainCall } from "./plain_reader.ts";
import { ProtocolError } from "./protocol_error.ts";
import { isTooMuch, UNUSED, use } from "./rate.ts";
import {
  offset,
  openAt,
  payloadEnd,
  payloadStart,
  readArray,
  readBin,
  readUint,
  skipValue,
} from "./reader.ts";

/** Whom messages concern. */
export interface InboxOwner extends Targets {
  /** The moment of this turn, as {@linkcode Turn.now} tells. */
  readonly now: number;
  /** A fragment came: it is acknowledged in this turn. */
  acknowledgeSoon(): void;
  /**
   * Makes what puts fragments together.
   *
   * @throws {Error} {@linkcode CODE_NEEDED}.
   */
  makeAssembly(): Assembly;
  /** A message needs code that is not there: it and what follows are kept until {@linkcode Inbox.resume}. */
  awaitCode(): void;
}

/** How much more is kept for code than waits in a queue, or comes in a frame: a server sends what its windows allow. */
const MOST_AWAITING = 16;

/** Frames that are read later, and the rest of the one in which that was said. */
interface HeldFrames {
  readonly frames: Uint8Array[];
  bytes: number;
  /** Bytes, at most. */
  most: number;
  /** Whether they wait for code. */
  awaits: boolean;
}

/** The receiving half of one connection. */
export class Inbox {
  readonly #owner: InboxOwner;
  /** The kind that has to come first. */
  readonly #first: typeof Kind.HELLO | typeof Kind.WELCOME;
  readonly #limits: Limits;
  /** Made for the first fragment. */
  #assembly: Assembly | undefined;
  // What was used of each rate: see `use`.
  #messages = UNUSED;
  #bytes = UNUSED;
  #cancels: number | undefined;
  #received = 0;
  #units = 0;
  #greeted = false;
  #held: HeldFrames | undefined;
  #closed = false;

  /** Waits for frames. */
  constructor(owner: InboxOwner, first: typeof Kind.HELLO | typeof Kind.WELCOME) {
    this.#owner = owner;
    this.#first = first;
    this.#limits = owner.limits;
  }

  /** Highest sequence processed. */
  get received(): number {
    return this.#received;
  }

  /** Units of streams that have come in this session, END and FAIL among them. */
  get units(): number {
    return this.#units;
  }

  /** Bytes of unfinished messages, and of frames that wait for WELCOME. */
  get heldBytes(): number {
    return (this.#assembly?.held ?? 0) + (this.#held?.bytes ?? 0);
  }

  /**
   * Takes one frame.
   *
   * @param frame Belongs to the inbox from now on: values that handlers get are views of it.
   * @param now When it came, as {@linkcode Turn.now} tells.
   * @throws {ProtocolError | DecodeError} If it breaks a rule or a limit: the connection is to be closed.
   */
  receive(frame: Uint8Array, now: number = this.#owner.now): void {
    if (this.#closed) return;
    if (this.#held !== undefined && !this.#held.awaits) return this.#hold(frame, this.#held);
    const limits = this.#limits;
    this.#bytes = use(this.#bytes, frame.length, limits.byteRate, now);
    if (isTooMuch(this.#bytes, now)) throw new ProtocolError("Too many bytes", 4529);
    // A client knows whom it called: what a server says at once, WELCOME and a page of history, may share a frame.
    const isTrusted = this.#greeted || this.#first === Kind.WELCOME;
    const limit = isTrusted ? limits.message : limits.messageBeforeAuthentication;
    if (frame.length > limit) throw new ProtocolError("A frame is over the limit", 1009);
    if (frame.length === 0) throw new ProtocolError("A frame is empty");
    frameCame(frame.length);
    this.#readFrame(frame, now);
  }

  /** The greeting was read elsewhere: another connection carries on. */
  greeted(): void {
    this.#greeted = true;
  }

  /** Ends it, and gives the frames that were kept: somebody else reads them. */
  handOver(): Uint8Array[] {
    const held = this.#held;
    this.close();
    return held?.frames ?? [];
  }

  /** From now on frames are kept, `most` bytes at most, until {@linkcode Inbox.resume}. */
  hold(most: number = this.#limits.messageBeforeAuthentication): void {
    (this.#held ??= { frames: [], bytes: 0, most, awaits: false }).most = most;
  }

  /** Whether frames were kept. */
  get holdsFrames(): boolean {
    return this.#held !== undefined && this.#held.frames.length > 0;
  }

  /** Reads what was kept, and frames as they come. */
  resume(): void {
    const held = this.#held;
    if (held === undefined) return;
    const { frames, awaits: isCounted } = held;
    const { now } = this.#owner;
    this.#held = undefined;
    for (const frame of frames) { // any of which may have the rest kept again
      if (isCounted) this.#readFrame(frame, now, true);
      else this.receive(frame, now);
    }
  }

  /** The connection is gone: nothing is read any more. */
  close(): void {
    this.#closed = true;
    this.#held = undefined;
    this.#assembly?.end();
  }

  #readFrame(frame: Uint8Array, now: number, isCounted: boolean = false): void {
    let count = 0;
    for (let at = 0; at < frame.length && !this.#closed;) {
      if (this.#held !== undefined) return this.#keep(frame.subarray(at), this.#held, now);
      if (!isCounted) this.#count(++count, now);
      const received = this.#received;
      try {
        // A handler may lead to another frame being read, so the place is kept here and not in the reader.
        at = this.#readMessage(frame, at);
      } catch (error) {
        if (error !== CODE_NEEDED) throw error;
        this.#received = received; // nothing was done yet
        this.#messages = use(this.#messages, -1, this.#limits.messageRate, now); // it is counted with the rest
        return this.#awaitCode(frame.subarray(at), now);
      }
    }
  }

  #count(inFrame: number, now: number): void {
    if (inFrame > this.#limits.messages) throw new ProtocolError("Too many messages in a frame", 4531);
    this.#messages = use(this.#messages, 1, this.#limits.messageRate, now);
    if (isTooMuch(this.#messages, now)) throw new ProtocolError("Too many messages", 4529);
  }

  /** Keeps what cannot be read yet, and what follows. What has come with it may be as large as a frame may be. */
  #awaitCode(frame: Uint8Array, now: number): void {
    const most = Math.max(MOST_AWAITING * this.#limits.queue, frame.length);
    const held = this.#held = { frames: [], bytes: 0, most, awaits: true };
    this.#owner.awaitCode();
    this.#keep(frame, held, now);
  }

  /**
   * Keeps a frame. Where it waits for code, messages are counted now, and those about the connection itself are read now: they have no
   * place in the order, and who sends PING wants to know that somebody is there.
   */
  #keep(frame: Uint8Array, held: HeldFrames, now: number): void {
    if (!held.awaits) return this.#hold(frame, held);
    let kept = 0;
    let count = 0;
    for (let at = 0; at < frame.length;) {
      this.#count(++count, now);
      openAt(frame, at, frame.length);
      readArray();
      if (readUint("A message kind") < Kind.NAME) {
        if (kept < at) this.#hold(frame.subarray(kept, at), held);
        kept = at = this.#readMessage(frame, at);
        if (this.#held !== held) return; // it has ended, or is lost
      } else {
        openAt(frame, at, frame.length);
        skipValue(this.#limits);
        at = offset();
      }
    }
    if (kept < frame.length) this.#hold(frame.subarray(kept), held);
  }

  /** The connection is lost: what waits for code comes again by the next one. */
  forget(): void {
    if (this.#held?.awaits) this.#held = undefined;
  }

  #hold(frame: Uint8Array, held: HeldFrames): void {
    held.bytes += frame.length;
    const most = held.awaits ? MOST_AWAITING * this.#limits.messages : this.#limits.messages;
    if (held.bytes > held.most || held.frames.length >= most) {
      throw held.awaits
        ? new ProtocolError("Too much came before its code was loaded", CloseCode.TOO_SLOW)
        : new ProtocolError("Too much before WELCOME", 1009);
    }
    held.frames.push(frame);
  }

  /** Reads one message, acts on it, and returns where it ended. */
  #readMessage(frame: Uint8Array, at: number): number {
    if (this.#greeted && readPlainCall(frame, at)) return this.#plainCall(frame);
    openAt(frame, at, frame.length);
    const kind = this.#readKind();
    if (kind < 0) return offset();
    if (kind <= Kind.NAME) return dispatchControl(kind, this.#owner);
    if (kind >= Kind.SUBSCRIBE) return this.#channel(kind, frame);
    if (kind >= Kind.ITEM) {
      const end = dispatchStream(kind, frame, this.#owner);
      if (kind <= Kind.FAIL) this.#units++;
      return end;
    }
    this.#checkSequence(readUint("seq"));
    return kind === Kind.FRAGMENT ? this.#fragment(frame) : this.#call(kind, frame);
  }

  #channel(kind: number, frame: Uint8Array): number {
    const { channels = this.#owner.events.channels } = this.#owner;
    if (channels === undefined) throw wrongWay();
    return channels.read(kind, frame, this.#limits);
  }

  /** Acts on what {@linkcode readPlainCall} found: as {@linkcode dispatchCall} would. */
  #plainCall(frame: Uint8Array): number {
    const { callee } = this.#owner;
    const end = plainEnd;
    this.#checkSequence(plainSeq);
    if (!callee.acceptPlain(plainMethod, plainId, frame, plainStart, end)) {
      const range = { bytes: frame, start: plainStart, end };
      callee.accept(plainMethod, { id: plainId, deadline: Infinity, items: undefined, ...range });
    }
    return end;
  }

  /** The kind of the message at the cursor; -1 when it was passed because it is optional and unknown. */
  #readKind(): number {
    const elements = readArray();
    if (elements === 0) throw new ProtocolError("A message must have a kind");
    const kind = readUint("A message kind");
    if (!this.#greeted) this.#checkFirst(kind);
    else if (kind <= Kind.WELCOME) throw new ProtocolError("A second greeting");
    const expected = ELEMENTS[kind];
    if (expected === undefined) {
      if (kind < FIRST_OPTIONAL || kind > LAST_KIND) {
        throw new ProtocolError(`Message kind ${kind} is unknown`);
      }
      for (let i = 1; i < elements; i++) skipValue(this.#limits);
      return -1;
    }
    if (elements !== expected) {
      throw new ProtocolError(`Message ${kind} must have ${expected} elements, not ${elements}`);
    }
    return kind;
  }

  #checkFirst(kind: number): void {
    if (kind !== this.#first) throw new ProtocolError("The first message must be a greeting");
    this.#greeted = true;
  }

  #checkSequence(seq: number): void {
    if (seq !== this.#received + 1) {
      throw new ProtocolError(`Sequence ${seq} instead of ${this.#received + 1}`);
    }
    this.#received = seq;
  }

  #fragment(frame: Uint8Array): number {
    const group = readUint("group");
    const remaining = readUint("remaining");
    readBin("payload");
    const end = offset();
    this.#assembly ??= this.#owner.makeAssembly();
    this.#owner.acknowledgeSoon();
    const message = this.#assembly.add(group, remaining, frame.subarray(payloadStart, payloadEnd));
    if (message !== undefined) this.#readAssembled(message);
    return end;
  }

  /** A message that came in fragments: one with a sequence, which its last fragment carried. */
  #readAssembled(message: Uint8Array): void {
    openAt(message, 0, message.length);
    const kind = this.#readKind();
    if (kind < Kind.CALL || kind > Kind.CAUSED) {
      throw new ProtocolError("Fragments hold a message without a sequence");
    }
    readUint("seq");
    const end = this.#call(kind, message);
    if (end !== message.length) throw new ProtocolError("Fragments hold more than one message");
  }

  #call(kind: number, frame: Uint8Array): number {
    if (kind === Kind.CANCEL) this.#countCancel(this.#owner.now);
    return dispatchCall(kind, frame, this.#owner);
  }

  #countCancel(now: number): void {
    this.#cancels = use(this.#cancels ?? UNUSED, 1, this.#limits.cancelRate, now);
    if (isTooMuch(this.#cancels, now)) throw new ProtocolError("Too many cancels", 4529);
  }
}
