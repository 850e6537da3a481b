// What the pages of all examples need: a connection whose state is shown, and a few words for the document.
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { type Client, connect, type ConnectOptions } from "../../client/mod.ts";
import type { HasContract } from "../../mod.ts";

/** Connects to the server that the page came from, and says in the head of the page how that goes. */
export function open<App extends HasContract>(options?: ConnectOptions<App>): Client<App> {
  const app = connect<App>(new URL("/rpc", location.href).href, options);
  app.on("state", ({ status }) => {
    find("state").textContent = status === "open" ? "connected" : status;
    find("state").dataset["state"] = status;
  });
  return app;
}

/** The element with this id. */
export function find<T extends Element = HTMLElement>(id: string): T {
  return document.querySelector<T>(`#${id}`)!;
}

/** A new element with text in it, never HTML, and perhaps a class. */
export function make(tag: string, text = "", className = ""): HTMLElement {
  return Object.assign(document.createElement(tag), { textContent: text, className });
}

/** What the address of the page says after `?`, or else this. */
export function asked(name: string, otherwise: string): string {
  return new URLSearchParams(location.search).get(name) || otherwise;
}

/** A name that nothing else has. `crypto.randomUUID` is not there where the page came by plain HTTP, as to a phone nearby. */
export function unique(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

/** Runs when a form is sent, which loads no other page. */
export function onSend(id: string, run: () => unknown): void {
  find(id).addEventListener("submit", (event) => {
    event.preventDefault();
    void run();
  });
}

/** What this tab keeps under a name, also when it is loaded anew. */
export function kept(name: string, first: () => string): string {
  const value = sessionStorage.getItem(name) ?? first();
  sessionStorage.setItem(name, value);
  return value;
}

/** A button that does something, and sends no form. */
export function press(text: string, run: () => unknown): HTMLButtonElement {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  button.addEventListener("click", () => void run());
  return button;
}

/** A button that is pressed or not; who presses it is told whether it was. */
export function toggle(text: string, run: (wasPressed: boolean) => unknown): HTMLButtonElement {
  const button = press(text, () => run(button.ariaPressed === "true"));
  return Object.assign(button, { value: text, ariaPressed: "false" });
}

/** Names that count for so many milliseconds after they were added last. */
export function lately(ms: number, show: (names: readonly string[]) => void) {
  const timers = new Map<string, ReturnType<typeof setTimeout>>();
  const remove = (name: string) => {
    clearTimeout(timers.get(name));
    timers.delete(name);
    show([...timers.keys()]);
  };
  const add = (name: string) => {
    clearTimeout(timers.get(name));
    timers.set(name, setTimeout(() => remove(name), ms));
    show([...timers.keys()]);
  };
  return { add, remove };
}

/** Runs at the first letter that is typed into a field, then no more often than each so many milliseconds. */
export function onType(field: HTMLInputElement, ms: number, run: () => void): void {
  let last = -Infinity;
  field.addEventListener("input", () => {
    if (field.value.length > 1 && performance.now() - last < ms) return;
    last = performance.now();
    run();
  });
}
