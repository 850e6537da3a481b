/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { element } from "./element.ts";

/** Who looks at this page, for as long as its tab is there. */
export const me = {
  /** Says who it is to the server: nobody else may know it. */
  secret: kept("secret", () => crypto.getRandomValues(new Uint32Array(6)).join("-")),
  /** Tells its cursor and its lines from those of others. */
  page: kept("page", () => crypto.getRandomValues(new Uint32Array(3)).join("-")),
  /** What others call it. */
  name: kept("name", () => `Guest ${Math.floor(Math.random() * 900 + 100)}`),
  /** Its colour. */
  hue: Number(kept("hue", () => String(Math.floor(Math.random() * 360)))),
};

/** What is drawn and written in somebody's colour. */
export function colourOf(hue: number): string {
  return `oklch(var(--person) ${hue})`;
}

/** Lets the person change the name. */
export function startMe(): void {
  const field = element("me", HTMLInputElement);
  field.value = me.name;
  field.parentElement!.style.setProperty("--own", colourOf(me.hue));
  field.addEventListener("change", () => {
    me.name = field.value = field.value.trim() || me.name;
    sessionStorage.setItem("name", me.name);
  });
}

function kept(name: string, make: () => string): string {
  const value = sessionStorage.getItem(name) ?? make();
  sessionStorage.setItem(name, value);
  return value;
}
