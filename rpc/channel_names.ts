/**
 * Which pattern a name of a channel belongs to, and its parameters.
 *
 * One channel has one name: a name that is not the form that {@linkcode ChannelPattern.name} gives is no channel at all, so that nobody
 * meets another history, or another rule, under a second spelling.
 *
 * @module
 */
import {
  type ChannelParams,
  ChannelPattern,
  encodeParam,
  isTooLong,
  LONGEST_CHANNEL,
  SURROGATE,
} from "./channel_pattern.ts";

/** The parameters of a name; `undefined` if it is not a name that {@linkcode ChannelPattern.name} gives. */
export function paramsOf({ segments }: ChannelPattern, name: string): ChannelParams | undefined {
  const parts = name.split("/");
  if (parts.length !== segments.length || isTooLong(name)) return undefined;
  const params: Record<string, string> = {};
  for (const [index, { text, isParam }] of segments.entries()) {
    const value = isParam ? decode(parts[index]!, index === 0) : undefined;
    if (isParam ? value === undefined : parts[index] !== text) return undefined;
    if (value !== undefined) params[text.slice(1)] = value;
  }
  return params;
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
      const params = paramsOf(pattern, name);
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
  return encodeParam(text, first) === part && !SURROGATE.test(text) ? text : undefined;
}
