/**
 * Builds frames. Messages of one turn share a frame, small ones leave before bulk, and bulk leaves one piece at a time as
 * the window and the socket have room.
 *
 * @module
 */
import { abort } from "../msgpack/encoder.ts";
import { FRAGMENT_HEAD, giveBuffer, HEADROOM } from "./buffers.ts";
import type { BulkLane, BulkSource } from "./bulk.ts";
import type { Clock } from "./clock.ts";
import { CallError } from "./errors.ts";
import { BulkQueue } from "./bulk_queue.ts";
import type { Fate } from "./fragments.ts";
import { Frame } from "./frame.ts";
import type { PeerLimits } from "./limits.ts";
import { type Attachment, type OutboxOwner, type OutboxParts, tooLarge } from "./outbox_parts.ts";
import type { Replay } from "./replay.ts";
import { sendSlice, type Slice } from "./slices.ts";
import { SHARED, SocketRoom } from "./socket_room.ts";
import { type EndsWithTurn, type Turn, turnOf } from "./turn.ts";
import type { Window } from "./window.ts";

/** Messages over this size travel in fragments: 64 KiB of payload and its header still fit. */
export const FRAGMENT_OVER: number = 65 * 1024;
/** A frame that has grown this large leaves without waiting for the end of the turn. */
const FLUSH_OVER = 64 * 1024;
/** What a client may send before WELCOME: the 64 KiB of the protocol less a margin for HELLO's own header. */
const BEFORE_WELCOME = 60 * 1024;

/** The sending half of one connection, or of a session and the connections that carry it. */
export class Outbox implements BulkLane, EndsWithTurn {
  /** What the peer accepts; HELLO or WELCOME set it. */
  peer: PeerLimits;
  /** What was sent and may have to be sent again; `undefined` where the session is not kept. */
  replay: Replay | undefined;
  /** Set while there is no connection: what is held has changed. All of this may end where it is too much, so nothing else may be under way. */
  kept: (() => void) | undefined;
  readonly #turn: Turn;
  /** What the socket holds: publications that many share are given to it without a look at this, where nothing is to leave before them. */
  readonly room: SocketRoom;
  readonly #owner: OutboxOwner;
  /** Made for the first stream or large message. */
  #bulk: BulkQueue | undefined;
  readonly #frame: Frame;
  #sequence = 0;
  #scheduled = false;
  #reading = false;
  #answered = false;
  #flushing = false;
  #writing = false;
  /** Set while acknowledgements are added to a frame that leaves right after: they need no flush of their own. */
  #leaving = false;
  #ended = false;
  #budget: number;
  #detached = false;

  /** Sends nothing yet. */
  constructor({ clock, transport, owner, peer, welcomed }: OutboxParts) {
    this.#turn = turnOf(clock);
    this.room = new SocketRoom(transport, this);
    this.#frame = new Frame(this.room);
    this.#owner = owner;
    this.peer = peer;
    this.#budget = welcomed ? Infinity : BEFORE_WELCOME;
  }

  /** Time and chance. */
  get clock(): Clock {
    return this.#turn.clock;
  }

  /** What may be on its way. */
  get window(): Window {
    return this.#bulkQueue.window;
  }

  get #bulkQueue(): BulkQueue {
    return this.#bulk ??= new BulkQueue(this.clock, this.#owner);
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
    return this.room.buffered + this.#here;
  }

  /** Whether a frame is being built. */
  get hasFrame(): boolean {
    return this.#frame.size > 0;
  }

  /** Whether there is no connection. */
  get isDetached(): boolean {
    return this.#detached;
  }

  /** Whether more than `limit` bytes wait here or in the socket, or too many for their acknowledgement. */
  isOver(limit: number): boolean {
    if (this.replay !== undefined && this.replay.isFull) return true;
    return this.room.isOver(limit, this.#here);
  }

  /** Bytes that wait here. */
  get #here(): number {
    return this.#frame.size + (this.#bulk === undefined ? 0 : this.#bulk.waiting);
  }

  /** Whether a unit of bulk may leave now. */
  get roomForBulk(): boolean {
    return this.window.open && this.#budget === Infinity && !this.#ended && !this.#detached &&
      this.room.buffered + this.#frame.size < this.window.piece;
  }

  /** The sequence that the message being written has if it is sealed as reliable. */
  get nextSequence(): number {
    return this.#sequence + 1;
  }

  /** The peer has answered HELLO: its limits hold, and nothing is held back any more. */
  welcomed(peer: PeerLimits): void {
    this.peer = peer;
    this.#budget = Infinity;
    this.#bulk?.start();
    this.schedule();
  }

  /** Opens the writer behind what the frame holds. End with {@linkcode seal}, {@linkcode sealReliable} or {@linkcode abandon}. */
  open(): void {
    if (this.#writing) {
      throw new Error("Cannot send on a connection while a value is encoded for it: a getter did");
    }
    this.#frame.open();
    this.#writing = true;
  }

  /** Drops the message that is being written. */
  abandon(): void {
    abort();
    this.#writing = false;
    if (this.#ended) this.#frame.drop();
    else this.schedule(); // where the buffer is given back
  }

  /**
   * Ends a message that carries no sequence.
   *
   * @throws {CallError} `TOO_LARGE`, the message dropped, when the peer would not accept it.
   */
  seal(): void {
    this.#checkSize(this.sealSized());
    this.#added();
  }

  /**
   * Ends a message that carries {@linkcode nextSequence}: it stays in the frame, or leaves in fragments when it is large or
   * the socket is full.
   *
   * @param fate Told what becomes of the message.
   * @throws {CallError} `TOO_LARGE`, the message dropped, when the peer would not accept it.
   */
  sealReliable(fate?: Fate): void {
    const size = this.sealSized();
    if (this.#ended) { // the connection went while the message was written: an accessor of its value ended it
      this.#frame.drop();
      return fate?.refused?.(new CallError("DISCONNECTED", undefined, { ambiguous: false }));
    }
    this.#checkSize(size);
    if (size > Math.min(FRAGMENT_OVER, this.peer.message - FRAGMENT_HEAD) || this.#mustWait(size)) {
      this.#bulkQueue.addLarge(this.takeOut(), fate, { lane: this, started: this.#budget === Infinity });
    } else {
      this.#sequence++;
      this.#added(size);
      fate?.sent?.();
    }
  }

  /** Ends a message and says its size, the frame holding it or not: for parts of large items. */
  sealSized(): number {
    this.#writing = false;
    return this.#frame.close();
  }

  /** Keeps in the frame what {@linkcode sealSized} ended. */
  keep(): void {
    this.#added();
  }

  /** Takes the last message out of the frame without copying it: the buffer changes hands, with `HEADROOM` writable bytes in front of it. */
  takeOut(): Uint8Array {
    const { before, message } = this.#frame.takeLast();
    if (before.length > 0) this.#hand(before, undefined);
    return message;
  }

  /** Gives the next reliable message its sequence; only for fragments, which leave by {@linkcode Outbox.sendSlice}. */
  takeSequence(): number {
    this.#send(); // what was written before has a smaller one
    return ++this.#sequence;
  }

  /** Sends a part of a large message, in a frame of its own, behind what the frame holds. */
  sendSlice(slice: Slice): void {
    this.#send();
    if (this.#ended) return;
    this.replay?.sliceLeaves(slice);
    sendSlice(slice, (frame) => this.#handAgain(frame));
  }

  /** The connection is lost: what is sent is kept for the next one, and bulk waits for it. */
  detach(): void {
    this.#detached = true;
    this.room.use(undefined);
    this.#bulk?.unwatch();
    this.schedule();
  }

  /** Another connection carries on: what was lost is sent again, and then what waits. */
  attach({ transport, peer, greet, arrived }: Attachment): void {
    this.#send();
    this.peer = peer;
    this.room.use(transport);
    this.#bulk?.attach(this.now);
    this.#detached = false;
    if (greet !== undefined) {
      this.open();
      greet();
      this.seal();
      this.#send();
    }
    this.replay?.sendAgain(arrived, peer, (frame) => this.#handAgain(frame));
    if (this.#budget !== Infinity) this.welcomed(peer); // its own WELCOME was lost
    this.schedule();
  }

  /**
   * Sends a frame that many connections share, behind what this one holds: nothing of it is copied here. Nobody writes to `frame` any
   * more, so that a queue may keep it. It holds whole messages without a sequence.
   */
  sendShared(frame: Uint8Array): void {
    this.#send();
    if (!this.#ended) this.room.hand(frame, SHARED);
  }

  /** Queues a source of bulk; each is asked in turn. */
  enqueue(source: BulkSource): void {
    this.#bulkQueue.add(source);
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
    this.room.endTurn();
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
    if (this.#detached) {
      this.#send();
      return this.kept?.();
    }
    this.#flushing = true;
    try {
      this.#leaving = true;
      this.#owner.beforeFlush();
      this.#leaving = false;
      const bulk = this.#bulk;
      if (bulk !== undefined && (bulk.waits || bulk.isWatched)) this.#pump(bulk);
      else this.#send();
    } finally {
      this.#flushing = false;
    }
  }

  /** The connection is gone, and no other will come: nothing is sent any more. */
  end(): void {
    this.#ended = true;
    this.room.use(undefined);
    this.#bulk?.end();
    this.replay?.end();
    // What is being written ends with its writer: until then the buffer must not be somebody else's.
    if (!this.#writing) this.#frame.drop();
  }

  /** Acknowledgement of reliable messages, which is what fragments on their way wait for. */
  acknowledged(received: number): void {
    this.replay?.acknowledged(received);
    if (this.#bulk === undefined) return;
    this.#bulk.acknowledged(received);
    if (this.#bulk.waits) this.schedule();
  }

  /** Drops the message just closed when it is too large. */
  #checkSize(size: number): void {
    if (size <= this.peer.message) return;
    this.#frame.dropLast();
    this.schedule(); // where the buffer is given back
    throw tooLarge(size, this.peer.message);
  }

  /** Counts the message just closed, and sends the frame when it is full. `reliable` is its size if it carries a sequence. */
  #added(reliable = 0): void {
    if (this.#ended) return this.#frame.drop();
    const frame = this.#frame;
    // All but the last message leave before it where a peer has a small limit.
    if (frame.size > this.peer.message && !frame.isFirst) frame.splitLast(() => this.#send());
    this.replay?.added(reliable);
    if (frame.count() >= this.peer.messages || frame.size >= FLUSH_OVER) this.#send();
    else this.schedule();
  }

  /** Whether a message has to wait its turn: behind HELLO, behind what was not acknowledged, or behind the socket. */
  #mustWait(size: number): boolean {
    if (this.#budget !== Infinity) return this.#frame.size > this.#budget;
    if (this.replay !== undefined && this.replay.mustWait(size)) return true;
    return this.room.mustWait(size);
  }

  #pump(bulk: BulkQueue): void {
    this.room.forget();
    while (bulk.waits && this.roomForBulk) {
      const source = bulk.next();
      if (source.sendNext(this.window.piece)) bulk.add(source);
      if (this.#frame.size >= this.window.piece) this.#send();
    }
    this.#send();
    if (!bulk.waits) return bulk.unwatch();
    if (this.#budget !== Infinity || this.#ended || this.#detached) return;
    if (this.window.open) this.room.awaitRoom();
    else bulk.watch();
  }

  #send(): void {
    const { size } = this.#frame;
    const buffer = this.#frame.take();
    if (buffer === undefined) return;
    if (size > 0 && this.#hand(buffer.subarray(HEADROOM, HEADROOM + size), buffer)) return;
    giveBuffer(buffer);
  }

  /** Gives a frame to the socket. Returns whether `buffer`, which it is in, was kept. */
  #hand(frame: Uint8Array, buffer: Uint8Array | undefined): boolean {
    if (this.#ended) return false;
    this.#handAgain(frame);
    return this.replay !== undefined && this.replay.frameLeaves(frame, this.#sequence, buffer);
  }

  /** Gives a frame to the socket, and keeps nothing of it: it is kept already, or is about to be. */
  #handAgain(frame: Uint8Array): void {
    this.#budget -= frame.length;
    this.room.hand(frame);
  }
}
