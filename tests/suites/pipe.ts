/**
 * One direction of a connection in memory.
 */
import type { Transport } from "../../rpc/transport.ts";
import type { ManualClock } from "./manual_clock.ts";

/** Carries frames in order, each in a turn of its own; it can be stalled, and closed. */
export class Pipe {
  /** Every frame that was sent, copied. */
  readonly frames: Uint8Array[] = [];
  /** What takes a frame at the other side. */
  deliver: (frame: Uint8Array) => void = () => {};
  /** Close codes that were asked for. */
  readonly closes: number[] = [];
  /** Bytes that were sent. */
  sent = 0;
  /** The most bytes that were in it at once. */
  most = 0;
  readonly #clock: ManualClock;
  readonly #queue: Uint8Array[] = [];
  #bytes = 0;
  #stalled = false;
  #isCut = false;
  #drained: (() => void) | undefined;

  /** An empty pipe. */
  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  /** Bytes that are on their way. */
  get buffered(): number {
    return this.#bytes;
  }

  /** What a core sends by. `drained` is called when it is empty, if that was asked for. */
  transport(drained: () => void): Transport {
    const buffered = (): number => this.#bytes;
    return {
      send: (frame) => this.#send(frame),
      get buffered() {
        return buffered();
      },
      requestDrain: () => void (this.#drained = drained),
      close: (code) => void this.closes.push(code),
    };
  }

  /** Nothing arrives any more, until {@linkcode Pipe.resume}. */
  stall(): void {
    this.#stalled = true;
  }

  /** What waits arrives. */
  resume(): void {
    this.#stalled = false;
    this.step(this.#queue.length);
  }

  /** Lets so many frames arrive, stalled or not. */
  step(frames = 1): void {
    for (let i = 0; i < frames; i++) this.#clock.immediate(() => this.#next());
  }

  /** What waits is lost, and so is what is sent from now on. */
  cut(): void {
    this.#queue.length = 0;
    this.#bytes = 0;
    this.#isCut = true;
  }

  /** Frames that wait in it. */
  get waiting(): number {
    return this.#queue.length;
  }

  #send(frame: Uint8Array): void {
    if (this.#isCut) return;
    const copy = frame.slice();
    this.frames.push(copy);
    this.#queue.push(copy);
    this.#bytes += copy.length;
    this.sent += copy.length;
    this.most = Math.max(this.most, this.#bytes);
    if (!this.#stalled) this.step();
  }

  #next(): void {
    const frame = this.#queue.shift();
    if (frame === undefined) return;
    this.#bytes -= frame.length;
    this.deliver(frame);
    if (this.#queue.length > 0) return;
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }
}
