/**
 * What a subscriber that takes differences makes of its frames, written for tests alone.
 */
import { skip } from "../../msgpack/check.ts";
import { decode } from "../../msgpack/decoder.ts";
import { applyDelta } from "../../rpc/delta.ts";
import { Kind } from "../../rpc/kinds.ts";

/** One message as it came: `whole`, or rebuilt from a `delta`. */
export type Came = readonly [how: "whole" | "delta", value: unknown];

/** Reads frames: other messages are passed over. */
export class DeltaMirror {
  #base: Uint8Array | undefined;
  #at = -1;

  /** The messages of frames, in order. Throws where a difference does not fit what came before. */
  read(...frames: readonly Uint8Array[]): Came[] {
    const came: Came[] = [];
    for (const frame of frames) {
      for (let at = 0; at < frame.length;) {
        const end = skip(frame, at, frame.length, { depth: 32, keys: 1024 });
        const message = decode(frame.subarray(at, end)) as [number, number, number, number, Uint8Array];
        at = end;
        if (message[0] === Kind.SUBSCRIBED) this.#base = undefined;
        if (message[0] === Kind.PUBLICATION || message[0] === Kind.DELTA) came.push(this.#took(message));
      }
    }
    return came;
  }

  #took([kind, , offset, , payload]: [number, number, number, number, Uint8Array]): Came {
    const isDelta = kind === Kind.DELTA;
    if (isDelta && (this.#base === undefined || offset !== this.#at + 1)) {
      throw new Error("A base is missing");
    }
    const unit = { bytes: payload, start: 0, end: payload.length };
    this.#base = isDelta ? applyDelta(this.#base!, unit, 1 << 20) : payload.slice();
    this.#at = offset;
    return [isDelta ? "delta" : "whole", decode(this.#base)];
  }
}
