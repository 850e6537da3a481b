/**
 * What a subscription was sent and has not acknowledged.
 *
 * @module
 */
import type { Topic } from "./topic.ts";

/** Publications, at most. */
const MOST = 1_000;
/** Bytes, at most; one publication is always admitted. */
const MOST_BYTES = 1024 * 1024;
/** How much more may have been sent to who is live before somebody looks: see `marks.ts`. */
const BETWEEN = 64;
const BYTES_BETWEEN = 64 * 1024;

/** The account of one subscription. While it is live the topic counts the bytes, for all together. */
export class Unseen {
  readonly #topic: Pick<Topic, "bytesSince">;
  /** Everything up to here was seen. */
  #seen = 0;
  /** Pages that were sent to it alone, by their last offset. */
  #pages: { readonly to: number; readonly bytes: number }[] = [];
  #bytes = 0;
  /** Where it became live. */
  #liveFrom: number | undefined;

  /** Counts live bytes with its topic. */
  constructor(topic: Pick<Topic, "bytesSince">) {
    this.#topic = topic;
  }

  /** It begins after this offset. */
  start(offset: number): void {
    this.#seen = offset;
    this.#pages = [];
    this.#bytes = 0;
    this.#liveFrom = undefined;
  }

  /** The client has everything up to here. */
  seen(offset: number): void {
    if (offset > this.#seen) this.#seen = offset;
    while (this.#pages.length > 0 && this.#pages[0]!.to <= this.#seen) {
      this.#bytes -= this.#pages.shift()!.bytes;
    }
  }

  /** A page up to this offset was sent to it. */
  sent(to: number, bytes: number): void {
    if (bytes === 0) return;
    this.#pages.push({ to, bytes });
    this.#bytes += bytes;
  }

  /** From this offset on it gets what all get. */
  goLive(offset: number): void {
    this.#liveFrom = offset;
  }

  /** It got what all get, up to this offset. */
  leaveLive(to: number): void {
    const bytes = this.#liveBytes;
    this.#liveFrom = undefined;
    this.sent(to, bytes);
  }

  /** Whether who is live, and was sent everything up to `offset`, must be left alone now. */
  isMuch(offset: number): boolean {
    const messages = offset - this.#seen;
    if (messages === 0) return false;
    return messages > MOST - BETWEEN || this.#bytes + this.#liveBytes > MOST_BYTES - BYTES_BETWEEN;
  }

  /** Whether who catches up has to see something first. */
  isHalf(offset: number): boolean {
    return offset - this.#seen > MOST / 2 || this.#bytes > MOST_BYTES / 2;
  }

  /** Whether one more may be sent after `offset`, which makes so many bytes in this page. */
  admits(offset: number, bytes: number): boolean {
    const messages = offset - this.#seen;
    return messages === 0 || (messages < MOST && this.#bytes + bytes <= MOST_BYTES);
  }

  get #liveBytes(): number {
    if (this.#liveFrom === undefined) return 0;
    const bytes = this.#topic.bytesSince(Math.max(this.#seen, this.#liveFrom));
    return bytes === Infinity ? MOST_BYTES : bytes;
  }
}
