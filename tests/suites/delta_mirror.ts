/**
 * What a subscriber that takes differences makes of its frames, written for tests alone.
 */
import { skip } from "../../msgpack/check.ts";
import { decode } from "../../msgpack/decoder.ts";
import { applyDelta } from "../../rpc/delta.ts";
import { Kind } from "../../rpc/kinds.ts";

/** One message as it came: `whole`, or rebuilt from a `delta`. */
export type Came = readonly [how: "whole" | "delta", value: unknown];

/** What covers offsets: a message, or what tells of those that are not sent. */
export type Covered =
  | { readonly is: "whole" | "delta"; readonly to: number; readonly value: unknown }
  | { readonly is: "skip" | "gap"; readonly from: number; readonly to: number; readonly reason: string };

/** Reads frames: what covers no offsets is passed over, and what comes of other subscriptions than the first. */
export class DeltaMirror {
  #base: Uint8Array | undefined;
  #at = -1;
  #alias = -1;

  /** The messages of frames, in order. Throws where a difference does not fit what came before. */
  read(...frames: readonly Uint8Array[]): Came[] {
    return this.covered(...frames).flatMap((one): Came[] => "value" in one ? [[one.is, one.value]] : []);
  }

  /** All of it, in order. Throws where an offset is not covered, too. */
  covered(...frames: readonly Uint8Array[]): Covered[] {
    const covered: Covered[] = [];
    for (const frame of frames) {
      for (let at = 0; at < frame.length;) {
        const end = skip(frame, at, frame.length, { depth: 32, keys: 1024 });
        const one = this.#took(decode(frame.subarray(at, end)) as unknown[]);
        if (one !== undefined) covered.push(one);
        at = end;
      }
    }
    return covered;
  }

  #took([kind, ...message]: unknown[]): Covered | undefined {
    const [alias, first, second, third, last] = message as [number, number, number, unknown, never];
    if (kind === Kind.SUBSCRIBED ? alias !== 1 : alias !== this.#alias) return undefined;
    switch (kind) {
      case Kind.SUBSCRIBED:
        this.#base = undefined;
        this.#alias = first;
        this.#at = last;
        return undefined;
      case Kind.PUBLICATION:
      case Kind.DELTA:
        return this.#message(kind === Kind.DELTA ? "delta" : "whole", first, third as Uint8Array);
      case Kind.SKIP:
        return { is: "skip", ...this.#cover(this.#at + 1, first), reason: "" };
      case Kind.GAP:
        return { is: "gap", ...this.#cover(first, second), reason: last };
      default:
        return undefined;
    }
  }

  #message(is: "whole" | "delta", offset: number, payload: Uint8Array): Covered {
    this.#cover(offset, offset);
    const unit = { bytes: payload, start: 0, end: payload.length };
    if (is === "delta" && this.#base === undefined) throw new Error("A base is missing");
    this.#base = is === "delta" ? applyDelta(this.#base!, unit, 1 << 20) : payload.slice();
    return { is, to: offset, value: decode(this.#base) };
  }

  #cover(from: number, to: number): { from: number; to: number } {
    if (from !== this.#at + 1 || to < from) throw new Error(`${from} to ${to} come behind ${this.#at}`);
    this.#at = to;
    return { from, to };
  }
}
