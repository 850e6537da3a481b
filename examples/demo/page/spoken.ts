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

/** A line of a room, behind its number. */
export function spoken(
  { from, text, hue }: Pick<Said, "from" | "text" | "hue">,
  given: { readonly offset: string; readonly class: string },
): HTMLLIElement {
  const name = make("span", { class: "from", text: from });
  if (hue !== undefined) name.style.setProperty("--own", colourOf(hue));
  const said = make("span", { inside: [name, ` ${text}`] });
  return make("li", {
    class: given.class,
    inside: [make("span", { class: "offset", text: given.offset }), said],
  });
}

/** Adds a line to a log, which stays at its end where it was there. */
export function append(log: HTMLOListElement, line: HTMLLIElement, most: number): void {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(line);
  while (log.children.length > most) log.firstElementChild!.remove();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}
