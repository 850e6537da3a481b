// Calls encoded once and sent again and again with new ids, and the book of those that are on their way.
import { Buffer } from "node:buffer";

/** Frames one after the other in one buffer, taken from its front to its back and then from its front again. */
export class Batch {
  /** Where in the batch the next frame's first message is. */
  position = 0;
  #bytes;
  #perFrame;
  #patch;
  #ends = [0];
  #ids = [];

  /**
   * @param {{ bytes: Uint8Array, ids: number[] }[]} frames  whole frames, and where in each the ids of its messages are
   * @param {(bytes: Buffer, at: number, id: number) => void} patch  writes an id there, as wide as every other
   */
  constructor(frames, patch) {
    this.#bytes = Buffer.concat(frames.map((frame) => frame.bytes));
    this.#perFrame = frames[0].ids.length;
    this.#patch = patch;
    for (const { bytes, ids } of frames) {
      const start = this.#ends.at(-1);
      this.#ids.push(...ids.map((at) => start + at));
      this.#ends.push(start + bytes.length);
    }
  }

  /** Goes back to the front where fewer than `count` frames are left before the back. */
  makeRoom(count) {
    if (this.position / this.#perFrame + count >= this.#ends.length) this.position = 0;
  }

  /** The next `count` frames, their messages numbered from `id`. Unless `fresh`, they lie where earlier ones did. */
  take(count, id, fresh) {
    if (fresh) this.#bytes = Buffer.from(this.#bytes);
    const frame = this.position / this.#perFrame;
    const messages = count * this.#perFrame;
    for (let i = 0; i < messages; i++) this.#patch(this.#bytes, this.#ids[this.position + i], id + i);
    this.position += messages;
    return this.#bytes.subarray(this.#ends[frame], this.#ends[frame + count]);
  }
}

/** Calls on their way at once, at most, on one connection. */
const MOST = 4096;

/** What was called and has not been answered. */
export class Pending {
  size = 0;
  #sentAt = new Float64Array(MOST);
  #variant = new Int32Array(MOST);
  #id = new Float64Array(MOST);

  /** Notes a call, and which of the batch's messages it is. */
  add(id, now, variant) {
    const slot = id % MOST;
    if (this.#id[slot] !== 0) {
      throw new Error(`Call ${this.#id[slot]} was never answered, though ${MOST} later ones were`);
    }
    this.#id[slot] = id;
    this.#sentAt[slot] = now;
    this.#variant[slot] = variant;
    this.size++;
  }

  /** Takes a call out when its answer has come. Returns when it was sent; {@linkcode variantOf} holds a moment longer. */
  settle(id) {
    const slot = id % MOST;
    if (this.#id[slot] !== id || id === 0) throw new Error(`An answer to call ${id}, which waits for none`);
    this.#id[slot] = 0;
    this.size--;
    return this.#sentAt[slot];
  }

  variantOf(id) {
    return this.#variant[id % MOST];
  }
}
