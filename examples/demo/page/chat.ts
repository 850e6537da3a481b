import type { ChannelEvent, ClientState } from "../../../client/mod.ts";
import { app } from "./connection.ts";
import { element, make, say } from "./element.ts";
import { short } from "./failure.ts";
import { me } from "./me.ts";
import { append, type Said, spoken } from "./spoken.ts";

/** Lines that are shown; older ones go. */
const MOST = 200;
/** How long somebody who signalled counts as typing, and how often that is signalled, in milliseconds. */
const TYPING = 2_500;

const room = app.channel("talk/:room", { room: "lobby" });
let told = -Infinity;

/** Makes the panel work. */
export function startChat(): void {
  element("chat", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    void send(element("chat-text", HTMLInputElement));
  });
  startTyping();
  app.on("state", showState);
  room.subscribe({ rewind: 50 }, show);
}

async function show(event: ChannelEvent<Said>): Promise<void> {
  if (event.type === "message") return showMessage(event.data, event.position.offset);
  if (event.type === "gap") return mark(`${event.from} to ${event.to} do not come: ${event.reason}`, true);
  // More was said than is kept: what is kept stands in its stead.
  const { entries } = await room.history({ before: event.position.offset + 1, limit: MOST });
  log().replaceChildren();
  mark("What was said before is no longer kept.", true);
  for (const { data, position } of entries.toReversed()) showMessage(data, position.offset);
}

function showMessage(said: Said, offset: number): void {
  stopsTyping(said.from);
  append(log(), spoken(said, { offset: String(offset), class: said.by === me.page ? "mine" : "" }), MOST);
}

function log(): HTMLOListElement {
  return element("chat-log", HTMLOListElement);
}

async function send(field: HTMLInputElement): Promise<void> {
  const said = { from: me.name, text: field.value.trim(), by: me.page, hue: me.hue };
  if (said.text === "") return;
  field.value = "";
  told = -Infinity;
  const line = spoken(said, { offset: "…", class: "waiting mine" });
  if (app.state.status !== "open") append(log(), line, MOST); // it waits for the network, and lands once
  try {
    await room.publish(said);
  } catch (error) {
    mark(`Not said: ${short(error)}`, true);
  }
  line.remove();
}

function mark(text: string, failed: boolean): void {
  append(log(), make("li", { class: failed ? "mark failed" : "mark", text }), MOST);
}

let wasLost = false;

function showState({ status }: ClientState): void {
  if (status === "reconnecting") wasLost = true;
  if (status !== "open" || !wasLost) return;
  wasLost = false;
  mark("Back: what was missed follows, in order.", false);
}

// Who types is a signal: it reaches who is there, and is kept nowhere.

const typing = new Map<string, ReturnType<typeof setTimeout>>();

function startTyping(): void {
  room.onSignal(({ from }) => {
    clearTimeout(typing.get(from));
    typing.set(from, setTimeout(() => stopsTyping(from), TYPING));
    tellTyping();
  });
  element("chat-text", HTMLInputElement).addEventListener("input", () => {
    if (performance.now() - told < TYPING / 2) return;
    told = performance.now();
    room.signal({ from: me.name });
  });
}

function stopsTyping(from: string): void {
  clearTimeout(typing.get(from));
  if (typing.delete(from)) tellTyping();
}

function tellTyping(): void {
  const names = [...typing.keys()];
  say(
    "chat-typing",
    names.length === 0 ? "" : `${names.join(", ")} ${names.length === 1 ? "is" : "are"} typing`,
  );
}
