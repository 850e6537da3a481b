/**
 * Which channels a wildcard is about: `room/7/*` of the pattern `room/:house/:room`.
 *
 * @module
 */
import { paramsOf } from "./channel_names.ts";
import { ANYTHING, type ChannelParams, type ChannelPattern } from "./channel_pattern.ts";

/** A pattern some of whose parameters are given. */
export class ChannelMatch {
  /** The pattern. */
  readonly pattern: ChannelPattern;
  /** As it is on the wire. */
  readonly text: string;
  readonly #parts: readonly string[];
  /** What all names begin with. */
  readonly #beginning: string;

  private constructor(pattern: ChannelPattern, parts: readonly string[]) {
    this.pattern = pattern;
    this.#parts = parts;
    this.text = parts.join("/");
    const first = parts.indexOf(ANYTHING);
    this.#beginning = first < 0 ? this.text : parts.slice(0, first).map((part) => `${part}/`).join("");
  }

  /** Reads it; `undefined` where it is none of the pattern. */
  static read(pattern: ChannelPattern, text: string): ChannelMatch | undefined {
    const parts = text.split("/", pattern.segments.length + 1);
    const isFree = (part: string, index: number) => part === ANYTHING && pattern.segments[index]?.isParam;
    const name = parts.map((part, index) => isFree(part, index) ? "x" : part).join("/");
    return paramsOf(pattern, name) && new ChannelMatch(pattern, parts);
  }

  /** Whether it is one channel. */
  get isOne(): boolean {
    return !this.#parts.includes(ANYTHING);
  }

  /** Whether a name that belongs to the pattern is meant. */
  has(name: string): boolean {
    if (!name.startsWith(this.#beginning)) return false;
    const parts = name.split("/", this.#parts.length + 1);
    return parts.length === this.#parts.length &&
      this.#parts.every((part, index) => part === ANYTHING || part === parts[index]);
  }

  /** The parameters of a name; `undefined` if it is not meant. */
  params(name: string): ChannelParams | undefined {
    return this.has(name) ? paramsOf(this.pattern, name) : undefined;
  }
}
