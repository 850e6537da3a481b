/**
 * Frames that wait for one peer, first in, first out.
 */

/** A queue of frames that knows its size in bytes. Keeps references: whoever adds a frame gives it away. */
export class FrameQueue {
  #frames: (Uint8Array | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  /** Bytes of all frames. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of frames. */
  get size(): number {
    return this.#frames.length - this.#head;
  }

  /** Adds a frame at the end. The queue owns it from here on: nobody may modify it. */
  push(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.#bytes += frame.byteLength;
  }

  /** The first frame, left in place; undefined when there is none. */
  first(): Uint8Array | undefined {
    return this.#frames[this.#head];
  }

  /** Takes the first frame away. */
  shift(): void {
    const frame = this.#frames[this.#head];
    if (frame === undefined) return;
    this.#frames[this.#head++] = undefined;
    this.#bytes -= frame.byteLength;
    // Moving the rest down costs its length: only once half of the array is behind us, so it is constant a frame.
    if (this.#head * 2 < this.#frames.length) return;
    this.#frames = this.#frames.slice(this.#head);
    this.#head = 0;
  }

  /** Drops everything. */
  clear(): void {
    this.#frames = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
