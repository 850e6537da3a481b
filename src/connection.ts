/**
 * The policy of one socket, the same on every runtime: one queue in front of a small runtime buffer, what happens
 * to a peer that is too slow, and a close that completes whatever the peer and the runtime do.
 *
 * Invariants kept here:
 * - a frame is sent, queued in order, or refused with `"closed"`; none is dropped in silence;
 * - the runtime holds at most `limits.runtimeBuffer` bytes of ours, or one frame;
 * - `open` and `close` handlers are called once each, `close` never inside a call of the program's;
 * - nothing waits for the runtime's close event: `closeTimeout` and `stall` end what does not end by itself;
 * - no exception of a handler gets out.
 */

import { assertCloseCode, closeCodes, fitReason } from "./close.ts";
import type { SocketLimits } from "./limits.ts";
import { type Link, type LinkEvents, linkGone, unknownBuffered } from "./link.ts";
import { FrameQueue } from "./queue.ts";
import type { SendResult, Socket, SocketHandlers } from "./socket.ts";
import type { Timers } from "./timers.ts";
import type { Polled, Watch, Watched } from "./watch.ts";

/** What a connection needs of the server it belongs to. */
export interface ConnectionOwner<Data> {
  readonly handlers: SocketHandlers<Data>;
  readonly limits: SocketLimits;
  readonly timers: Timers;
  readonly watch: Watch;
  /** Connections given up that the runtime still holds: a gauge. */
  lingering: number;
  /** Takes an open connection in; false when the server is stopping. */
  add(connection: Socket<Data>): boolean;
  /** Lets a closed connection go. */
  remove(connection: Socket<Data>): void;
  /** Tells the program of an exception of one of its handlers. Never throws. */
  report(error: unknown, connection: Socket<Data>): void;
}

const connecting = 0;
const open = 1;
const closing = 2;
const closed = 3;

/**
 * What a queued frame counts at least: a Uint8Array with a buffer of its own takes about this much on Deno, however
 * few bytes it has, so a limit in payload bytes alone would let tiny frames take hundreds of times the memory.
 */
const frameCost = 512;

let lastId = 0;

/** One socket: the program sees a {@linkcode Socket}, the runtime's adapter {@linkcode LinkEvents}. */
export class Connection<Data> implements Socket<Data>, LinkEvents, Watched {
  // What is looked at for each frame stands first, side by side: of thousands, each is in no near cache when its turn comes.
  #state = connecting;
  /** Made for the first frame that has to wait. */
  #queue: FrameQueue | undefined;
  #link: Link | undefined;
  /** Upper bound of the runtime's buffered bytes: exact when just asked for, and asking costs a native call. */
  #runtime = 0;
  /** Payload bytes handed to the runtime since the beginning. */
  #handed = 0;
  #watched = false;
  readonly #owner: ConnectionOwner<Data>;
  readonly id: number = ++lastId;
  readonly address: string;
  data: Data;
  #goneAtPoll = 0;
  #goneAtSweep = 0;
  #movedAt: number | undefined;
  #wantsDrain = false;
  /** Within a call of the program's: a close handler has to wait until that has returned. */
  #calling = false;
  #closeSent = false;
  /** Ours, once we close. */
  #ours: { readonly code: number; readonly reason: string } | undefined;
  #closeTimer: unknown;

  constructor(owner: ConnectionOwner<Data>, { address, data }: { address: string; data: Data }) {
    this.#owner = owner;
    this.address = address;
    this.data = data;
  }

  // The program's side.

  get open(): boolean {
    return this.#state === open;
  }

  get buffered(): number {
    return this.#link === undefined ? 0 : this.#queued + this.#link.buffered();
  }

  /** Bytes in the queue. */
  get #queued(): number {
    return this.#queue === undefined ? 0 : this.#queue.bytes;
  }

  get #isQueueEmpty(): boolean {
    return this.#queue === undefined || this.#queue.size === 0;
  }

  send(frame: Uint8Array, options?: { shared?: boolean }): SendResult {
    if (!(frame instanceof Uint8Array)) throw new TypeError(`Cannot send ${typeof frame}: not a Uint8Array`);
    if (this.#state !== open) return "closed";
    if (this.#isQueueEmpty && this.#fits(frame.byteLength)) return this.#hand(frame) ? "sent" : "closed";
    return this.#enqueue(frame, options?.shared === true);
  }

  requestDrain(): void {
    if (this.#state !== open) return;
    this.#wantsDrain = true;
    this.#owner.watch.poll(this);
  }

  close(code: number = closeCodes.normal, reason = ""): void {
    assertCloseCode(code);
    if (this.#state !== open) return;
    this.#state = closing;
    const ours = this.#ours = { code, reason: fitReason(reason) };
    const { timers, limits } = this.#owner;
    this.#closeTimer = timers.setTimeout(() => this.#end(ours.code, ours.reason), limits.closeTimeout);
    if (this.#isQueueEmpty) this.#sendClose();
  }

  terminate(): void {
    this.#end(closeCodes.abnormal, "");
  }

  pause(): boolean {
    return this.#state === open && this.#link !== undefined && this.#link.setPaused(true);
  }

  resume(): void {
    if (this.#state === open) this.#link?.setPaused(false);
  }

  // The runtime's side.

  opened(link: Link): void {
    if (this.#state !== connecting) return;
    if (!this.#owner.add(this)) {
      this.#state = closed;
      link.close(closeCodes.goingAway, "");
      return;
    }
    this.#link = link;
    this.#state = open;
    try {
      this.#settle(this.#owner.handlers.open?.(this));
    } catch (error) {
      this.#fail(error);
    }
  }

  received(frame: Uint8Array | undefined): void {
    if (this.#state !== open) return;
    if (frame === undefined) return this.close(closeCodes.unsupported, "binary frames only");
    if (frame.byteLength > this.#owner.limits.message) {
      return this.close(closeCodes.tooBig, "message too big");
    }
    try {
      this.#settle(this.#owner.handlers.message(this, frame));
    } catch (error) {
      this.#fail(error);
    }
  }

  drained(): void {
    this.#flush();
  }

  closed(code: number, reason: string): void {
    if (this.#state === connecting) this.#state = closed;
    if (this.#state === closed) return this.#stopCloseTimer();
    const ended = this.#ours ?? { code, reason };
    this.#finish(ended.code, ended.reason);
  }

  // The watch's side.

  swept(now: number): boolean {
    this.#flush(); // Bun's drain event may be missing: https://github.com/uNetworking/uWebSockets/issues/1047
    const link = this.#link;
    const waiting = link?.buffered() ?? 0;
    if (link === undefined || waiting + this.#queued === 0) {
      this.#movedAt = undefined;
      return this.#watched = false;
    }
    const gone = this.#handed - waiting;
    if (this.#movedAt === undefined || gone > this.#goneAtSweep) {
      this.#movedAt = now;
    } else if (now - this.#movedAt >= this.#owner.limits.stall) {
      const { code, reason } = this.#ours ?? { code: closeCodes.abnormal, reason: "stalled" };
      this.#end(code, reason);
      return false;
    }
    this.#goneAtSweep = gone;
    return true;
  }

  polled(): Polled {
    const link = this.#link;
    if (link === undefined) return "done";
    const gone = this.#handed - link.buffered();
    const moving = gone > this.#goneAtPoll;
    this.#goneAtPoll = gone;
    this.#flush();
    if (link.announcesDrain || (this.#isQueueEmpty && !this.#wantsDrain)) return "done";
    return moving ? "moving" : "idle";
  }

  // Sending.

  #fits(size: number): boolean {
    const limit = this.#owner.limits.runtimeBuffer;
    if (this.#runtime === 0 || this.#runtime + size <= limit) return true;
    this.#runtime = this.#link?.buffered() ?? 0;
    return this.#runtime === 0 || this.#runtime + size <= limit;
  }

  #hand(frame: Uint8Array): boolean {
    const result = this.#link === undefined ? linkGone : this.#link.send(frame);
    if (result === linkGone) return this.#lost();
    this.#handed += frame.byteLength;
    this.#runtime = result === unknownBuffered ? this.#runtime + frame.byteLength : result;
    if (this.#runtime > 0) this.#watch();
    return true;
  }

  #enqueue(frame: Uint8Array, shared: boolean): SendResult {
    const queue = this.#queue ??= new FrameQueue();
    const { queue: limit } = this.#owner.limits;
    const waiting = this.#runtime + Math.max(queue.bytes, queue.size * frameCost);
    if (queue.size > 0 && waiting + Math.max(frame.byteLength, frameCost) > limit) {
      this.#cut();
      return "closed";
    }
    // Not slice(): Bun's users may send a Buffer, whose slice() is a view.
    queue.push(shared ? frame : new Uint8Array(frame));
    this.#wantsDrain = true;
    this.#watch();
    if (this.#link?.announcesDrain === false) this.#owner.watch.poll(this);
    return "queued";
  }

  #watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    this.#owner.watch.add(this);
  }

  /** Hands over what fits, in order; then closes, or says that all is gone, when that is asked for. */
  #flush(): void {
    if (this.#link === undefined || this.#closeSent) return;
    this.#runtime = this.#link.buffered();
    let frame = this.#queue?.first();
    while (frame !== undefined && this.#fits(frame.byteLength)) {
      this.#queue?.shift();
      if (!this.#hand(frame)) return;
      frame = this.#queue?.first();
    }
    if (frame !== undefined) return;
    if (this.#state === closing) this.#sendClose();
    else if (this.#wantsDrain && this.#runtime === 0) this.#announceDrain();
  }

  #announceDrain(): void {
    this.#wantsDrain = false;
    try {
      this.#settle(this.#owner.handlers.drain?.(this));
    } catch (error) {
      this.#fail(error);
    }
  }

  // Closing.

  #sendClose(): void {
    const { code, reason } = this.#ours!; // what else is closing has sent its own
    this.#closeSent = true;
    this.#calling = true;
    this.#link?.close(code, reason);
    this.#calling = false;
  }

  /** The runtime has closed and its event is on its way with the code: wait for it, but not for ever. */
  #lost(): false {
    if (this.#state === closed) return false;
    this.#queue?.clear();
    this.#closeSent = true;
    this.#state = closing;
    const { timers, limits } = this.#owner;
    this.#closeTimer ??= timers.setTimeout(() => this.#end(closeCodes.abnormal, ""), limits.closeTimeout);
    return false;
  }

  /** Too slow: over for the program now; the peer has `closeTimeout` to learn why. */
  #cut(): void {
    const link = this.#link;
    this.#calling = true;
    this.#finish(closeCodes.tooSlow, "too slow");
    const { timers, limits } = this.#owner;
    if (link !== undefined) {
      this.#closeTimer = timers.setTimeout(() => this.#letGo(link), limits.closeTimeout);
      link.close(closeCodes.tooSlow, "too slow");
    }
    this.#calling = false;
  }

  #end(code: number, reason: string): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#calling = true;
    this.#finish(code, reason);
    this.#letGo(link);
    this.#calling = false;
  }

  #letGo(link: Link): void {
    const owner = this.#owner;
    owner.lingering++;
    // Closes over the owner alone: the runtime may hold this for ever.
    link.terminate(() => {
      owner.lingering--;
    });
  }

  #finish(code: number, reason: string): void {
    this.#state = closed;
    this.#link = undefined;
    this.#runtime = 0;
    this.#queue?.clear();
    this.#stopCloseTimer();
    this.#owner.watch.remove(this);
    if (this.#calling) queueMicrotask(() => this.#announceClose(code, reason));
    else this.#announceClose(code, reason);
  }

  #stopCloseTimer(): void {
    if (this.#closeTimer !== undefined) this.#owner.timers.clearTimeout(this.#closeTimer);
    this.#closeTimer = undefined;
  }

  #announceClose(code: number, reason: string): void {
    this.#owner.remove(this);
    try {
      this.#settle(this.#owner.handlers.close?.(this, code, reason));
    } catch (error) {
      this.#fail(error);
    }
  }

  // Handlers.

  /** Hears of the rejection when a handler is async; its type says void, and TypeScript lets a promise pass. */
  #settle(result: unknown): void {
    if (typeof result !== "object" || result === null || !("then" in result)) return;
    Promise.resolve(result).then(undefined, (error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#owner.report(error, this);
    this.close(closeCodes.internalError, "internal error");
  }
}
