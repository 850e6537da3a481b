/**
 * Builds frames. Messages of one turn share a frame, small ones leave before bulk, and bulk leaves one piece at a time as
 * the window and the socket have room.
 *
 * @module
 */
import { abort, begin, end, written } from "../msgpack/encoder.ts";
import { FRAGMENT_HEAD, giveBuffer, HEADROOM, takeBuffer } from "./buffers.ts";
import type { BulkLane, BulkSource } from "./bulk.ts";
import type { Clock } from "./clock.ts";
import { CallError } from "./errors.ts";
import { type Fate, Fragments } from "./fragments.ts";
import type { PeerLimits } from "./limits.ts";
import type { OutboxOwner, OutboxParts } from "./outbox_parts.ts";
import { Stall } from "./stall.ts";
import type { Transport } from "./transport.ts";
import { type EndsWithTurn, type Turn, turnOf } from "./turn.ts";
import { Window } from "./window.ts";

/** Messages over this size travel in fragments: 64 KiB of payload and its header still fit. */
export const FRAGMENT_OVER: number = 65 * 1024;
/** A frame that has grown this large leaves without waiting for the end of the turn. */
const FLUSH_OVER = 64 * 1024;
/** Smaller messages never wait behind a full socket. */
const LEAST_WAITING = 1024;
/** At most so many bytes come to a frame in the socket: Bun counts the header that it writes. */
const FRAME_HEAD = 14;
/** How often bulk looks again at a socket that tells nobody when it has drained (browsers), in ms. */
const POLL = 5;
/** What a client may send before WELCOME: the 64 KiB of the protocol less a margin for HELLO's own header. */
const BEFORE_WELCOME = 60 * 1024;

const NO_FATE: Fate = {};

/** The sending half of one connection. */
export class Outbox implements BulkLane, EndsWithTurn {
  /** What may be on its way. */
  readonly window: Window = new Window();
  /** What the peer accepts; HELLO or WELCOME set it. */
  peer: PeerLimits;
  readonly #clock: Clock;
  readonly #turn: Turn;
  readonly #transport: Transport;
  readonly #owner: OutboxOwner;
  readonly #stall: Stall;
  readonly #fragments: Fragments;
  readonly #bulk: BulkSource[] = [];
  #buffer: Uint8Array | undefined;
  #length = HEADROOM;
  #openedAt = 0;
  #messages = 0;
  #sequence = 0;
  #scheduled = false;
  #reading = false;
  #answered = false;
  /** At most so many bytes are in the socket: what was there when it was last asked, and what it was given since. */
  #inSocket = 0;
  /** Bytes that the socket was given in this turn. */
  #handed = 0;
  #flushing = false;
  #writing = false;
  /** Set while acknowledgements are added to a frame that leaves right after: they need no flush of their own. */
  #leaving = false;
  #poll: unknown;
  #ended = false;
  #budget: number;

  /** Sends nothing yet. */
  constructor(parts: OutboxParts) {
    this.#clock = parts.clock;
    this.#turn = turnOf(parts.clock);
    this.#transport = parts.transport;
    this.#owner = parts.owner;
    const { patience, owner } = parts;
    this.#stall = new Stall(parts.clock, this.window, { patience, stalled: () => owner.stalled() });
    this.peer = parts.peer;
    this.#budget = parts.welcomed ? Infinity : BEFORE_WELCOME;
    this.#fragments = new Fragments(this, { started: parts.welcomed });
  }

  /** The sequence of the last reliable message that was given one. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The moment of this turn: one reading of the clock for all units that leave together. */
  get now(): number {
    return this.#turn.now();
  }

  /** Bytes that wait here or in the socket. */
  get waiting(): number {
    return this.#transport.buffered + this.#length - HEADROOM + this.#fragments.waiting;
  }

  /**
   * Whether more than `limit` bytes wait here or in the socket. Asked at every call, so the socket, which costs a native call, is
   * asked only when it was given so many since the last time.
   */
  isOver(limit: number): boolean {
    const here = this.#length - HEADROOM + this.#fragments.waiting;
    if (this.#inSocket + here <= limit) return false;
    this.#inSocket = this.#transport.buffered;
    return this.#inSocket + here > limit;
  }

  /** Whether a unit of bulk may leave now. */
  get roomForBulk(): boolean {
    return this.window.open && this.#budget === Infinity && !this.#ended &&
      this.#transport.buffered + this.#length - HEADROOM < this.window.piece;
  }

  /** The sequence that the message being written has if it is sealed as reliable. */
  get nextSequence(): number {
    return this.#sequence + 1;
  }

  /** The peer has answered HELLO: its limits hold, and nothing is held back any more. */
  welcomed(peer: PeerLimits): void {
    this.peer = peer;
    this.#budget = Infinity;
    this.#fragments.start();
    this.schedule();
  }

  /** Opens the writer behind what the frame holds. End with {@linkcode seal}, {@linkcode sealReliable} or {@linkcode abandon}. */
  open(): void {
    if (this.#writing) {
      throw new Error("Cannot send on a connection while a value is encoded for it: a getter did");
    }
    this.#buffer ??= takeBuffer();
    this.#openedAt = this.#length;
    begin(this.#buffer, this.#length);
    this.#writing = true;
  }

  /** Drops the message that is being written. */
  abandon(): void {
    abort();
    this.#writing = false;
    if (this.#ended) this.#drop();
    else this.schedule(); // where the buffer is given back
  }

  /**
   * Ends a message that carries no sequence.
   *
   * @throws {CallError} `TOO_LARGE`, the message dropped, when the peer would not accept it.
   */
  seal(): void {
    this.#checkSize(this.#close());
    this.#added();
  }

  /**
   * Ends a message that carries {@linkcode nextSequence}: it stays in the frame, or leaves in fragments when it is large or
   * the socket is full.
   *
   * @param fate Told what becomes of the message.
   * @throws {CallError} `TOO_LARGE`, the message dropped, when the peer would not accept it.
   */
  sealReliable(fate: Fate = NO_FATE): void {
    const size = this.#close();
    if (this.#ended) return this.#lost(fate);
    this.#checkSize(size);
    if (size > Math.min(FRAGMENT_OVER, this.peer.message - FRAGMENT_HEAD) || this.#mustWait(size)) {
      this.#fragments.add(this.takeOut(), fate);
    } else {
      this.#sequence++;
      this.#added();
      fate.sent?.();
    }
  }

  /** Ends a message and says its size, the frame holding it or not: for parts of large items. */
  sealSized(): number {
    return this.#close();
  }

  /** Keeps in the frame what {@linkcode sealSized} ended. */
  keep(): void {
    this.#added();
  }

  /**
   * Takes the last message out of the frame without copying it: what is before it is sent, and the buffer changes hands.
   *
   * @returns The message, owned by the caller, with at least {@linkcode HEADROOM} writable bytes in front of it.
   */
  takeOut(): Uint8Array {
    const buffer = this.#buffer!;
    const [start, stop] = [this.#openedAt, this.#length];
    this.#buffer = undefined;
    this.#length = HEADROOM;
    this.#messages = 0;
    if (start > HEADROOM) this.#hand(buffer.subarray(HEADROOM, start));
    return buffer.subarray(start, stop);
  }

  /** Gives the next reliable message its sequence; only for fragments, which leave by {@linkcode sendRaw}. */
  takeSequence(): number {
    return ++this.#sequence;
  }

  /** Sends one message, in a buffer of its own, behind what the frame holds. `message` is borrowed until the call returns. */
  sendRaw(message: Uint8Array): void {
    this.#send();
    this.#hand(message);
  }

  /** Queues a source of bulk; each is asked in turn. */
  enqueue(source: BulkSource): void {
    this.#bulk.push(source);
    this.schedule();
  }

  /** Sees to it that the frame leaves at the end of the turn. */
  schedule(): void {
    if (this.#scheduled || this.#ended || this.#leaving || this.#reading) return;
    this.#scheduled = true;
    this.#turn.add(this);
  }

  /** Called at the end of each turn in which something was scheduled. */
  endTurn(): void {
    this.#scheduled = false;
    this.#answered = false;
    this.#handed = 0;
    this.flush();
  }

  /** The message just sealed is all that will be said of its call: it need not wait for what follows in this turn. */
  answered(): void {
    this.#answered = true;
  }

  /** A frame is being read: when what it leads to leaves is decided by {@linkcode Outbox.read}, which has to follow. */
  reading(): void {
    this.#reading = true;
  }

  /**
   * A frame was read that came at `now`. What it led to leaves with the turn, so that frames are shared; but the answer of a
   * call without company leaves at once.
   */
  read(now: number): void {
    this.#reading = false;
    const isAlone = this.#turn.cameAlone(now);
    if (this.#scheduled) return;
    if (isAlone && this.#answered) this.flush();
    else this.schedule();
    this.#answered = false;
    this.#turn.readDone();
  }

  /** Sends what there is: acknowledgements and small messages first, then as much bulk as has room. */
  flush(): void {
    if (this.#ended || this.#flushing || this.#writing) return;
    this.#flushing = true;
    try {
      this.#leaving = true;
      this.#owner.beforeFlush();
      this.#leaving = false;
      if (this.#bulk.length === 0 && !this.#stall.watching) this.#send();
      else this.#pump();
    } finally {
      this.#flushing = false;
    }
  }

  /** The connection is gone: nothing is sent any more. */
  end(): void {
    this.#ended = true;
    this.#clock.clearTimeout(this.#poll);
    this.#stall.forget();
    this.#bulk.length = 0;
    this.#fragments.end();
    // What is being written ends with its writer: until then the buffer must not be somebody else's.
    if (!this.#writing) this.#drop();
  }

  /** Acknowledgement of reliable messages, which is what fragments on their way wait for. */
  acknowledged(received: number): void {
    this.#fragments.acknowledged(received, this.#clock.now());
    if (this.#bulk.length > 0) this.schedule();
  }

  #close(): number {
    this.#writing = false;
    this.#length = end();
    this.#buffer = written();
    return this.#length - this.#openedAt;
  }

  /** The connection went while the message was written: an accessor of its value ended it. */
  #lost(fate: Fate): void {
    this.#drop();
    fate.refused?.(new CallError("DISCONNECTED", undefined, { ambiguous: false }));
  }

  /** Drops the message just closed when it is too large. */
  #checkSize(size: number): void {
    if (size <= this.peer.message) return;
    this.#length = this.#openedAt;
    this.schedule(); // where the buffer is given back
    throw tooLarge(size, this.peer.message);
  }

  /** Counts the message just closed, and sends the frame when it is full. */
  #added(): void {
    if (this.#ended) return this.#drop();
    if (this.#length - HEADROOM > this.peer.message) this.#sendBefore();
    this.#messages++;
    if (this.#messages >= this.peer.messages || this.#length - HEADROOM >= FLUSH_OVER) this.#send();
    else this.schedule();
  }

  /** Sends all but the last message, which moves to a frame of its own: a peer with a small limit. */
  #sendBefore(): void {
    const [start, stop] = [this.#openedAt, this.#length];
    if (start === HEADROOM) return;
    this.#length = start;
    const last = this.#buffer!.slice(start, stop);
    this.#send();
    this.#buffer = takeBuffer();
    if (this.#buffer.length < HEADROOM + last.length) this.#buffer = new Uint8Array(HEADROOM + last.length);
    this.#buffer.set(last, HEADROOM);
    this.#length = HEADROOM + last.length;
  }

  /**
   * Whether a message has to wait its turn behind the socket: large enough to matter, and the socket is full. What it was given in
   * this turn does not make it full at first: Deno counts that as buffered until the turn ends, whatever the network does.
   */
  #mustWait(size: number): boolean {
    if (this.#budget !== Infinity) return this.#length - HEADROOM > this.#budget;
    if (size <= LEAST_WAITING) return false;
    const { buffered } = this.#transport;
    if (buffered < this.#handed && buffered <= FLUSH_OVER) this.#handed = buffered; // no turn has ended since, but it has drained
    if (buffered <= FLUSH_OVER || (this.#handed <= FLUSH_OVER * 2 && buffered <= this.#handed)) return false;
    return size > (buffered > 4 * FLUSH_OVER ? LEAST_WAITING : 16 * 1024);
  }

  #pump(): void {
    this.#clock.clearTimeout(this.#poll);
    this.#poll = undefined;
    while (this.#bulk.length > 0 && this.roomForBulk) {
      const source = this.#bulk.shift()!;
      if (source.sendNext(this.window.piece)) this.#bulk.push(source);
      if (this.#length - HEADROOM >= this.window.piece) this.#send();
    }
    this.#send();
    if (this.#bulk.length === 0) return this.#stall.forget();
    if (this.#budget !== Infinity || this.#ended) return;
    if (this.window.open) this.#awaitRoom();
    else this.#stall.watch();
  }

  /** Bulk waits for the socket alone: acknowledgements will not wake it. */
  #awaitRoom(): void {
    if (this.#transport.requestDrain === undefined) {
      this.#poll = this.#clock.setTimeout(() => this.flush(), POLL);
    } else this.#transport.requestDrain();
  }

  #send(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    const length = this.#length;
    this.#buffer = undefined;
    this.#length = HEADROOM;
    this.#messages = 0;
    if (length > HEADROOM) this.#hand(buffer.subarray(HEADROOM, length));
    giveBuffer(buffer);
  }

  #hand(frame: Uint8Array): void {
    if (this.#ended) return;
    this.#budget -= frame.length;
    this.#inSocket += frame.length + FRAME_HEAD;
    this.#handed += frame.length + FRAME_HEAD;
    this.#transport.send(frame);
  }

  #drop(): void {
    if (this.#buffer !== undefined) giveBuffer(this.#buffer);
    this.#buffer = undefined;
    this.#length = HEADROOM;
  }
}

function tooLarge(size: number, limit: number): CallError {
  return new CallError("TOO_LARGE", `Cannot send a message of ${size} bytes: the peer accepts ${limit}`);
}
