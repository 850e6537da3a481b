/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

/** The element with this id. @throws {TypeError} when the document has none of that type. */
export function element<T extends Element>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new TypeError(`Cannot find #${id}: the document has no ${type.name} of that id`);
}

/** What a new element may be given. */
interface Given {
  /** Its text. */
  text?: string;
  /** Its classes. */
  class?: string;
  /** What is inside, after the text. */
  inside?: (Node | string)[];
  /** Attributes. */
  attributes?: Record<string, string>;
}

/** A new element. Text goes in as text, never as HTML. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  given: Given = {},
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (given.class !== undefined) made.className = given.class;
  if (given.text !== undefined) made.append(given.text);
  for (const [name, value] of Object.entries(given.attributes ?? {})) made.setAttribute(name, value);
  made.append(...(given.inside ?? []));
  return made;
}

/** Milliseconds for which an announcement is seen. */
const SEEN = 4_000;
let passing: ReturnType<typeof setTimeout> | undefined;

/** Says something to a screen reader, once what it says now is through, and shows it for a while. For outcomes that a person waits for, and nothing else. */
export function announce(text: string): void {
  const at = element("announce", HTMLParagraphElement);
  at.textContent = text;
  at.classList.add("seen");
  clearTimeout(passing);
  passing = setTimeout(() => at.classList.remove("seen"), SEEN);
}

/** Shows text, coloured when it is an outcome. */
export function say(id: string, text: string, mood?: "good" | "bad"): void {
  const at = element(id, HTMLElement);
  at.textContent = text;
  at.classList.toggle("good", mood === "good");
  at.classList.toggle("bad", mood === "bad");
}
