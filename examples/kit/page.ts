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
