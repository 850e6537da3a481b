/**
 * Patterns of channels such as `"board/:id"`, and the names they stand for. The way back is in `channel_names.ts`.
 *
 * @module
 */

/** What stands for the parameters of a pattern. */
export type ChannelParams = Readonly<Record<string, string>>;

/** The parameters of a pattern as a program may give them; numbers are whole. */
export type GivenParams = Readonly<Record<string, string | number>>;

/** The names of a pattern's parameters, as a union: `"id"` of `"board/:id"`. */
export type ParamNames<Pattern extends string> = Pattern extends `${infer First}/${infer Rest}`
  ? ParamNames<First> | ParamNames<Rest>
  : Pattern extends `:${infer Name}` ? Name
  : never;

/** The parameters that a program gives: `{ id: string | number }` for `"board/:id"`. */
export type ParamsOf<Pattern extends string> = {
  readonly [Name in ParamNames<Pattern>]: string | number;
};

/** Whether a pattern has parameters. */
export function hasParams(pattern: string): boolean {
  return /(^|\/):/.test(pattern);
}

/** Bytes of a name, and of a pattern, in UTF-8. */
export const LONGEST_CHANNEL = 255;

/** What stands for a parameter that may be anything. No name is spelled so. */
export const ANYTHING = "*";

/** One segment of a pattern: a text, or a parameter. */
export interface Segment {
  readonly text: string;
  readonly isParam: boolean;
}

const PARAM = /^:[A-Za-z][A-Za-z0-9_]*$/;
/** What a literal segment may not hold: `*` is kept for wildcards, `%` and control characters for what parameters are encoded with. */
const REFUSED_IN_TEXT = /[%*\p{Cc}\p{Cs}]/u;
/** What is percent-encoded in a parameter. */
const ENCODED = /[/%*\p{Cc}]/gu;
/** Half a character. */
export const SURROGATE: RegExp = /\p{Cs}/u;

/** A pattern, compiled. */
export class ChannelPattern {
  /** The pattern as it was written. */
  readonly pattern: string;
  /** Its segments. */
  readonly segments: readonly Segment[];

  /**
   * Compiles a pattern: texts and `:parameters` between slashes.
   *
   * @throws {TypeError} If it is none.
   */
  constructor(pattern: string) {
    const segments = String(pattern).split("/").map((text) => ({ text, isParam: text.startsWith(":") }));
    const reason = whyNoPattern(pattern, segments);
    if (reason !== undefined) throw new TypeError(`Cannot use "${pattern}" as a channel: ${reason}`);
    this.pattern = pattern;
    this.segments = segments;
  }

  /**
   * The name of the channel with these parameters: `board/7`. `/`, `%`, `*`, control characters, `@` where the name would begin with it, and a
   * parameter `.` or `..` are percent-encoded. Parameters that the pattern does not have are ignored, but with `missing`, where one that is misspelt would stand for anything.
   *
   * @param missing What stands for parameters that are not given: {@linkcode ANYTHING}, for wildcards.
   * @throws {TypeError} A parameter that is missing, or with `missing` one that the pattern does not have, empty, no text and no whole number, or not valid Unicode, or a name of more than 255 bytes.
   */
  name(params: Partial<GivenParams> = {}, missing?: string): string {
    for (const key in params) {
      if (missing && !`${this.pattern}/`.includes(`:${key}/`)) {
        throw this.#cannotName(`its parameter "${key}" is none`);
      }
    }
    const name = this.segments.map(({ text, isParam }, index) =>
      isParam
        ? params[text.slice(1)] === undefined && missing ||
          encodeParam(this.#param(params, text.slice(1)), index === 0)
        : text
    ).join("/");
    if (isTooLong(name)) throw this.#cannotName(`its name has more than ${LONGEST_CHANNEL} bytes`);
    return name;
  }

  #param(params: Partial<GivenParams>, name: string): string {
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
    if (typeof text !== "string") {
      throw this.#cannotName(`its parameter "${name}" is ${value === undefined ? "missing" : "no text"}`);
    }
    if (text === "") throw this.#cannotName(`its parameter "${name}" is empty`);
    if (SURROGATE.test(text)) throw this.#cannotName(`its parameter "${name}" is no valid Unicode`);
    return text;
  }

  #cannotName(reason: string): TypeError {
    return new TypeError(`Cannot name a channel "${this.pattern}": ${reason}`);
  }
}

function whyNoPattern(pattern: unknown, segments: readonly Segment[]): string | undefined {
  if (typeof pattern !== "string" || pattern === "") return "it is no text";
  if (pattern.startsWith("@")) return "names with @ belong to the library";
  if (isTooLong(pattern)) return `it has more than ${LONGEST_CHANNEL} bytes`;
  const params = segments.filter(({ isParam }) => isParam).map(({ text }) => text);
  if (new Set(params).size < params.length) return "it has a parameter twice";
  for (const { text, isParam } of segments) {
    if (text === "") return "it has an empty segment";
    if (text === "." || text === "..") return "it has a segment . or ..";
    if (isParam && !PARAM.test(text)) {
      return `"${text}" is no parameter: a letter, then letters, digits and _`;
    }
    if (!isParam && REFUSED_IN_TEXT.test(text)) return "it has %, *, a control character or half a character";
  }
  return undefined;
}

/** A parameter as it stands in a name. `first`: in the first segment, which must not begin with `@`. */
export function encodeParam(text: string, first: boolean): string {
  const encoded = text.replace(
    ENCODED,
    (character) => character === "*" ? "%2A" : encodeURIComponent(character),
  );
  if (text === "." || text === "..") return text.replaceAll(".", "%2E"); // parsers of URLs would take it for a step in the path
  return first && encoded.startsWith("@") ? `%40${encoded.slice(1)}` : encoded;
}

/** Whether a name has more bytes than any may have. */
export function isTooLong(name: string): boolean {
  if (name.length > LONGEST_CHANNEL) return true;
  return name.length * 3 > LONGEST_CHANNEL && new TextEncoder().encode(name).length > LONGEST_CHANNEL;
}
