import { make } from "./element.ts";
import { colourOf } from "./me.ts";

/** What is said in a room, as the server gives it out. */
export interface Said {
  readonly from: string;
  readonly text: string;
  readonly sent: Date;
  readonly by?: string | undefined;
  readonly hue?: number | undefined;
}

/** What a line shows of it. */
export type Shown = Pick<Said, "from" | "text" | "hue">;

/** A line of a room, behind its number. */
export function spoken(
  shown: Shown,
  given: { readonly offset: string; readonly class: string },
): HTMLLIElement {
  const number = make("span", { class: "offset", text: given.offset });
  return make("li", { class: given.class, inside: [number, words(shown)] });
}

/** Who says what, and perhaps a remark. */
export function words({ from, text, hue }: Shown, remark?: string): HTMLElement {
  const name = make("span", { class: "from", text: from });
  if (hue !== undefined) name.style.setProperty("--own", colourOf(hue));
  const after = remark === undefined ? [] : [" ", make("small", { text: remark })];
  return make("span", { class: "said", inside: [name, ` ${text}`, ...after] });
}

/** Adds a line to a log, which stays at its end where it was there. */
export function append(log: HTMLOListElement, line: HTMLLIElement, most: number): void {
  keepEnd(log, () => {
    log.append(line);
    while (log.children.length > most) log.firstElementChild!.remove();
  });
}

/** Changes a log, which stays at its end where it was there. */
export function keepEnd(log: HTMLElement, change: () => void): void {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  change();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}
