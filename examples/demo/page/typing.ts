import { app } from "./connection.ts";
import { element, say } from "./element.ts";
import { me } from "./me.ts";

/** How long somebody who signalled counts as typing, in milliseconds; it is signalled twice as often. */
const TYPING = 2_500;

const room = app.channel("talk/:room", { room: "lobby" });
const typing = new Map<string, ReturnType<typeof setTimeout>>();
let told = -Infinity;

/** Shows who types, and tells others that this page does. It is a signal: it reaches who is there, and is kept nowhere. */
export function startTyping(): void {
  room.onSignal(({ from }) => {
    clearTimeout(typing.get(from));
    typing.set(from, setTimeout(() => stopsTyping(from), TYPING));
    show();
  });
  element("chat-text", HTMLInputElement).addEventListener("input", () => {
    if (performance.now() - told < TYPING / 2) return;
    told = performance.now();
    room.signal({ from: me.name });
  });
}

/** What was typed here is said: the next letter is signalled at once. */
export function saysIt(): void {
  told = -Infinity;
}

/** Somebody does not type any longer. */
export function stopsTyping(from: string): void {
  clearTimeout(typing.get(from));
  if (typing.delete(from)) show();
}

function show(): void {
  const names = [...typing.keys()];
  const are = names.length === 1 ? "is" : "are";
  say("chat-typing", names.length === 0 ? "" : `${names.join(", ")} ${are} typing`);
}
