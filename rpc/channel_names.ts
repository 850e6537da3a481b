/**
 * Patterns of channels such as `"board/:id"`, the names they stand for, and the way back.
 *
 * One channel has one name: a name that is not the form that {@linkcode ChannelPattern.name} gives is no channel at all, so that nobody
 * meets another history, or another rule, under a second spelling.
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

/** One segment of a pattern: a text, or a parameter. */
interface Segment {
  readonly text: string;
  readonly isParam: boolean;
}

const PARAM = /^:[A-Za-z][A-Za-z0-9_]*$/;
/** What a literal segment may not hold: `*` is kept for wildcards, `%` and control characters for what parameters are encoded with. */
const REFUSED_IN_TEXT = /[%*\p{Cc}\p{Cs}]/u;
/** What is percent-encoded in a parameter. */
const ENCODED = /[/%*\p{Cc}]/gu;
const SURROGATE = /\p{Cs}/u;

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
   * The name of the channel with these parameters: `board/7`. `/`, `%`, `*`, control characters, and `@` where the name would begin with it,
   * are percent-encoded. Parameters that the pattern does not have are ignored.
   *
   * @throws {TypeError} A parameter that is missing, empty, no text and no whole number, or not valid Unicode, or a name of more than 255 bytes.
   */
  name(params: GivenParams = {}): string {
    const name = this.segments.map(({ text, isParam }, index) =>
      isParam ? encode(this.#param(params, text.slice(1)), index === 0) : text
    ).join("/");
    if (isTooLong(name)) throw this.#cannotName(`its name has more than ${LONGEST_CHANNEL} bytes`);
    return name;
  }

  /** The parameters of a name; `undefined` if it is not a name that {@linkcode ChannelPattern.name} gives. */
  params(name: string): ChannelParams | undefined {
    const parts = name.split("/");
    if (parts.length !== this.segments.length || isTooLong(name)) return undefined;
    const params: Record<string, string> = {};
    for (const [index, { text, isParam }] of this.segments.entries()) {
      const value = isParam ? decode(parts[index]!, index === 0) : undefined;
      if (isParam ? value === undefined : parts[index] !== text) return undefined;
      if (value !== undefined) params[text.slice(1)] = value;
    }
    return params;
  }

  #param(params: GivenParams, name: string): string {
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

/** What a name leads to. */
export interface FoundChannel<T> {
  /** What was registered for the pattern. */
  readonly value: T;
  /** The pattern. */
  readonly pattern: ChannelPattern;
  /** The parameters of the name. */
  readonly params: ChannelParams;
}

interface Branch<T> {
  readonly texts: Map<string, Branch<T>>;
  param: Branch<T> | undefined;
  end: { readonly value: T; readonly pattern: ChannelPattern } | undefined;
}

/** The patterns of an app, searched by name. Where two patterns match a name, the one with the text wins over the one with the parameter. */
export class ChannelNames<T> {
  readonly #root: Branch<T> = branch();

  /**
   * Takes all patterns of an app.
   *
   * @throws {TypeError} Something that is no pattern, or two patterns that match one name so that neither is more exact than the other.
   */
  constructor(patterns: Iterable<readonly [string, T]>) {
    const compiled: ChannelPattern[] = [];
    for (const [text, value] of patterns) {
      const pattern = new ChannelPattern(text);
      const other = compiled.find((before) => areAmbiguous(before, pattern));
      if (other !== undefined) {
        throw new TypeError(
          `Cannot use "${text}" as a channel: the same name may be one of "${other.pattern}"`,
        );
      }
      compiled.push(pattern);
      this.#add(pattern, value);
    }
  }

  /** What a name belongs to; `undefined` if it is no channel. */
  find(name: string): FoundChannel<T> | undefined {
    const parts = name.split("/", LONGEST_CHANNEL);
    for (const { value, pattern } of matches(this.#root, parts, 0)) {
      const params = pattern.params(name);
      if (params !== undefined) return { value, pattern, params };
    }
    return undefined;
  }

  #add(pattern: ChannelPattern, value: T): void {
    let at = this.#root;
    for (const { text, isParam } of pattern.segments) {
      if (isParam) {
        at = at.param ??= branch();
      } else {
        const next = at.texts.get(text) ?? branch();
        at.texts.set(text, next);
        at = next;
      }
    }
    at.end = { value, pattern };
  }
}

/** The ends that so many parts lead to, texts before parameters. */
function* matches<T>(
  at: Branch<T>,
  parts: readonly string[],
  depth: number,
): Generator<NonNullable<Branch<T>["end"]>> {
  if (depth === parts.length) {
    if (at.end !== undefined) yield at.end;
    return;
  }
  const exact = at.texts.get(parts[depth]!);
  if (exact !== undefined) yield* matches(exact, parts, depth + 1);
  if (at.param !== undefined) yield* matches(at.param, parts, depth + 1);
}

function branch<T>(): Branch<T> {
  return { texts: new Map(), param: undefined, end: undefined };
}

/** Whether one name can belong to both, and neither has a text wherever the other has one. */
function areAmbiguous(a: ChannelPattern, b: ChannelPattern): boolean {
  if (a.segments.length !== b.segments.length) return false;
  let aIsMoreExact = false;
  let bIsMoreExact = false;
  for (const [index, one] of a.segments.entries()) {
    const other = b.segments[index]!;
    if (!one.isParam && !other.isParam && one.text !== other.text) return false;
    if (one.isParam !== other.isParam) {
      if (other.isParam) aIsMoreExact = true;
      else bIsMoreExact = true;
    }
  }
  return aIsMoreExact === bIsMoreExact;
}

function whyNoPattern(pattern: unknown, segments: readonly Segment[]): string | undefined {
  if (typeof pattern !== "string" || pattern === "") return "it is no text";
  if (pattern.startsWith("@")) return "names with @ belong to the library";
  if (isTooLong(pattern)) return `it has more than ${LONGEST_CHANNEL} bytes`;
  const params = segments.filter(({ isParam }) => isParam).map(({ text }) => text);
  if (new Set(params).size < params.length) return "it has a parameter twice";
  for (const { text, isParam } of segments) {
    if (text === "") return "it has an empty segment";
    if (isParam && !PARAM.test(text)) {
      return `"${text}" is no parameter: a letter, then letters, digits and _`;
    }
    if (!isParam && REFUSED_IN_TEXT.test(text)) return "it has %, *, a control character or half a character";
  }
  return undefined;
}

/** `first`: of the first segment, which must not begin with `@`. */
function encode(text: string, first: boolean): string {
  const encoded = text.replace(
    ENCODED,
    (character) => character === "*" ? "%2A" : encodeURIComponent(character),
  );
  return first && encoded.startsWith("@") ? `%40${encoded.slice(1)}` : encoded;
}

function decode(part: string, first: boolean): string | undefined {
  if (part === "") return undefined;
  let text = part;
  if (part.includes("%")) {
    try {
      text = decodeURIComponent(part);
    } catch {
      return undefined;
    }
  }
  return encode(text, first) === part && !SURROGATE.test(text) ? text : undefined;
}

function isTooLong(name: string): boolean {
  if (name.length > LONGEST_CHANNEL) return true;
  return name.length * 3 > LONGEST_CHANNEL && new TextEncoder().encode(name).length > LONGEST_CHANNEL;
}
