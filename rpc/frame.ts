/**
 * The frame that a connection builds: messages back to back in one buffer, behind room for a header.
 *
 * @module
 */
import { begin, end, written } from "../msgpack/encoder.ts";
import { giveBuffer, HEADROOM, takeBuffer } from "./buffers.ts";

/** Who gives the socket something else has to know that there is a frame: it leaves first. */
export interface FrameWatch {
  /** Whether there is something in the frame, or was until now, or a message is being written. */
  isBuilding: boolean;
}

/** A frame that grows. It has a buffer only while there is something in it, or a message is being written. */
export class Frame {
  #buffer: Uint8Array | undefined;
  #length = HEADROOM;
  #openedAt = 0;
  #messages = 0;
  readonly #watch: FrameWatch;

  /** Nothing is in it. */
  constructor(watch: FrameWatch) {
    this.#watch = watch;
  }

  /** Bytes in it. */
  get size(): number {
    return this.#length - HEADROOM;
  }

  /** Whether the last message is the only one. */
  get isFirst(): boolean {
    return this.#openedAt === HEADROOM;
  }

  /** Opens the writer behind what it holds. */
  open(): void {
    this.#openedAt = this.#length;
    begin(this.#begun(), this.#length);
  }

  /** Ends the message that is being written. Returns its size. */
  close(): number {
    this.#length = end();
    this.#buffer = written();
    return this.#length - this.#openedAt;
  }

  /** Counts the message just closed. Returns how many there are. */
  count(): number {
    return ++this.#messages;
  }

  /** Drops the message just closed. */
  dropLast(): void {
    this.#length = this.#openedAt;
  }

  /**
   * Takes the message just closed out, without copying it: the buffer changes hands.
   *
   * @returns What was before it, and the message, with at least {@linkcode HEADROOM} writable bytes in front of it.
   */
  takeLast(): { before: Uint8Array; message: Uint8Array } {
    const buffer = this.#buffer!;
    const [start, stop] = [this.#openedAt, this.#length];
    this.#empty();
    return { before: buffer.subarray(HEADROOM, start), message: buffer.subarray(start, stop) };
  }

  /** Moves the message just closed to a frame of its own, when `send` has sent this one without it. */
  splitLast(send: () => void): void {
    const last = this.#buffer!.slice(this.#openedAt, this.#length);
    this.#length = this.#openedAt;
    send();
    if (this.#begun().length < HEADROOM + last.length) this.#buffer = new Uint8Array(HEADROOM + last.length);
    this.#buffer!.set(last, HEADROOM);
    this.#length = HEADROOM + last.length;
  }

  /** Takes the buffer, which holds the frame behind {@linkcode HEADROOM}: `undefined` where there is none. */
  take(): Uint8Array | undefined {
    const buffer = this.#buffer;
    this.#empty();
    return buffer;
  }

  /** Drops all of it. */
  drop(): void {
    if (this.#buffer !== undefined) giveBuffer(this.#buffer);
    this.#empty();
  }

  #begun(): Uint8Array {
    this.#watch.isBuilding = true;
    return this.#buffer ??= takeBuffer();
  }

  #empty(): void {
    this.#buffer = undefined;
    this.#length = HEADROOM;
    this.#messages = 0;
    this.#watch.isBuilding = false;
  }
}
